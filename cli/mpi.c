#include "cli/mpi.h"

#include "base/error.h"
#include "cli/timeout.h"

#include <mpi.h>
#include <stdlib.h>
#include <time.h>

/* Without a launcher MPI is not started: that takes a second. */
static bool is_launched(void)
{
    return shard_launcher() || getenv("PMIX_RANK");
}

bool mpi_is_built_in(void)
{
    return true;
}

int mpi_begin(struct shard *out)
{
    int given, rank, size;
    *out = (struct shard){0, 1};
    if (!is_launched())
        return 0;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS ||
        MPI_Comm_rank(MPI_COMM_WORLD, &rank) != MPI_SUCCESS ||
        MPI_Comm_size(MPI_COMM_WORLD, &size) != MPI_SUCCESS)
        return ebjr_error_set(EBJR_EIO, "MPI does not start; its own message says why");
    *out = (struct shard){rank, size};
    return 0;
}

static bool is_joined(void)
{
    int begun = 0, ended = 0;
    return MPI_Initialized(&begun) == MPI_SUCCESS && MPI_Finalized(&ended) == MPI_SUCCESS &&
           begun && !ended;
}

/* MPI's own waiting keeps a processor busy, which others compute on. That they do not answer at
 * once is no fault of a model's. */
static void finish(MPI_Request *request)
{
    static const struct timespec pause = {0, 5000000};
    int done = 0;
    while (MPI_Test(request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done) {
        timeout_feed("the other processes", 0, "samples");
        nanosleep(&pause, NULL);
    }
}

int mpi_tell(int number)
{
    MPI_Request request;
    if (is_joined() && MPI_Ibcast(&number, 1, MPI_INT, 0, MPI_COMM_WORLD, &request) == MPI_SUCCESS)
        finish(&request);
    return number;
}

void mpi_wait(void)
{
    MPI_Request request;
    if (is_joined() && MPI_Ibarrier(MPI_COMM_WORLD, &request) == MPI_SUCCESS)
        finish(&request);
}

void mpi_end(int code)
{
    if (!is_joined())
        return;
    if (code != 0)
        MPI_Abort(MPI_COMM_WORLD, code);
    mpi_wait();
    MPI_Finalize();
}
