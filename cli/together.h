/* Together: the processes of one mpirun fill a shard each, beside the store that is asked for, and
 * the first of them merges. */
#ifndef EBJR_CLI_TOGETHER_H
#define EBJR_CLI_TOGETHER_H

#include "cli/shard.h"
#include "db/stored.h"

#include <limits.h>
#include <stdbool.h>

struct together {
    bool active; /* there are others */
    const char *db;
    struct shard shard;
    ebjr_store *target; /* of rank 0, to read; NULL: there is none yet, or this is another rank */
    struct ebjr_stored_run *before; /* what it held; of rank 0 */
    size_t before_count;
    int64_t began; /* ns */
};

bool together_is_built_in(void);

/* Meets the others, if there are any: *shard is this process's, `path` the store that it fills;
 * alone, that is `db` itself. */
int together_begin(struct together *out, struct shard *shard, char path[PATH_MAX], const char *db);

/* What rank 0 says, for all. */
bool together_agree(const struct together *together, bool own);

/* When the shard is closed: once all are, rank 0 merges them into `db` and removes them. */
int together_merge(struct together *together);

/* Of rank 0: rows that the run of this id had; seconds since the beginning. */
int64_t together_before(const struct together *together, int64_t run_id);
double together_seconds(const struct together *together);

/* Ends all processes where `code` is not EXIT_DONE. */
void together_end(struct together *together, int code);

#endif
