#include "cli/together.h"

#include "base/error.h"
#include "base/monotonic.h"
#include "cli/merge.h"
#include "cli/mpi.h"
#include "cli/option.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool together_is_built_in(void)
{
    return mpi_is_built_in();
}

static int shard_of(char path[PATH_MAX], const char *db, int64_t rank)
{
    int length = snprintf(path, PATH_MAX, "%s.shard-%lld", db, (long long)rank);
    return length < PATH_MAX - 8 ? 0 : ebjr_error_set(EBJR_EINVAL, "--db: the path is too long");
}

/* What was merged before needs no doing. */
static int open_target(struct together *together)
{
    if (together->shard.rank != 0 || access(together->db, F_OK) != 0)
        return 0;
    int status = ebjr_store_open(&together->target, together->db, EBJR_STORE_READ);
    return status
               ? status
               : ebjr_stored_run_list(&together->before, &together->before_count, together->target);
}

int together_begin(struct together *out, struct shard *shard, char path[PATH_MAX], const char *db)
{
    *out = (struct together){.db = db, .began = ebjr_monotonic_ns()};
    int status = mpi_begin(shard);
    if (!status && shard->size == 1 && shard_launcher())
        status = ebjr_error_set(EBJR_EINVAL,
                                "%s tells of several processes, but MPI only of one: start them by "
                                "mpirun or srun --mpi=pmix, or add --shard auto and --db "
                                "'shard-{rank}.db'",
                                shard_launcher());
    out->shard = *shard;
    out->active = shard->size > 1;
    if (!status && out->active)
        status = open_target(out);
    if (status)
        return status;
    if (out->active)
        return shard_of(path, db, shard->rank);
    return snprintf(path, PATH_MAX, "%s", db) < PATH_MAX
               ? 0
               : ebjr_error_set(EBJR_EINVAL, "--db: the path is too long");
}

bool together_agree(const struct together *together, bool own)
{
    return together->active ? mpi_tell(own) != 0 : own;
}

static int remove_shard(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char file[PATH_MAX];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(file, sizeof file, "%s%s", path, endings[i]);
        if (unlink(file) != 0 && errno != ENOENT)
            return ebjr_error_set(EBJR_EIO, "cannot remove %s: %s", file, strerror(errno));
    }
    return 0;
}

/* Every row is in the target, or nothing is removed. */
static int merge_shards(const struct together *together, char (*paths)[PATH_MAX],
                        const char **names)
{
    size_t count = (size_t)together->shard.size;
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        names[i] = paths[i];
        status = shard_of(paths[i], together->db, (int64_t)i);
        if (!status && access(paths[i], R_OK) != 0)
            status = ebjr_error_set(EBJR_ENOTFOUND,
                                    "cannot read the shard %s: %s; --db must lie where all "
                                    "processes see the same files",
                                    paths[i], strerror(errno));
    }
    if (!status)
        status = merge_stores(together->db, names, count, NULL);
    for (size_t i = 0; !status && i < count; i++)
        status = remove_shard(paths[i]);
    return status;
}

int together_merge(struct together *together)
{
    size_t count = (size_t)together->shard.size;
    mpi_wait();
    if (together->shard.rank != 0)
        return 0;
    ebjr_store_close(together->target);
    together->target = NULL;
    char(*paths)[PATH_MAX] = calloc(count, sizeof *paths);
    const char **names = calloc(count, sizeof *names);
    int status = paths && names ? merge_shards(together, paths, names) : ebjr_error_memory();
    free(paths);
    free(names);
    return status;
}

int64_t together_before(const struct together *together, int64_t run_id)
{
    for (size_t i = 0; i < together->before_count; i++)
        if (together->before[i].id == run_id)
            return together->before[i].done;
    return 0;
}

double together_seconds(const struct together *together)
{
    return 1e-9 * (double)(ebjr_monotonic_ns() - together->began);
}

void together_end(struct together *together, int code)
{
    ebjr_store_close(together->target);
    free(together->before);
    mpi_end(code);
}
