#include "cli/mpi.h"

bool mpi_is_built_in(void)
{
    return false;
}

int mpi_begin(struct shard *out)
{
    *out = (struct shard){0, 1};
    return 0;
}

int mpi_tell(int number)
{
    return number;
}

void mpi_wait(void) {}

void mpi_end(int code)
{
    (void)code;
}
