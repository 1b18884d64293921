/* Shards: which block of a data set one of several processes takes, as they or their scheduler say.
 */
#ifndef EBJR_CLI_SHARD_H
#define EBJR_CLI_SHARD_H

#include <stddef.h>
#include <stdint.h>

struct shard {
    int64_t rank, size; /* 0 <= rank < size */
};

/*
 * "2/8", the third of eight: ranks count from 0, as those of Slurm, MPI and torchrun. "auto": as
 * the variables of a Slurm array or step, Open MPI, PMI or torchrun say; those that tell of one
 * process only say nothing where others tell of more. Errors: EBJR_EINVAL there are none, or two
 * contradict each other.
 */
int shard_parse(struct shard *out, const char *text);

/* Blocks are contiguous, in the order of the ranks, and differ by one sample at most. */
void shard_block(int64_t *first, int64_t *count, const struct shard *shard, int64_t samples);

/* A path with {rank} and {size} replaced. Errors: EBJR_EINVAL it is too long. */
int shard_path(char *out, size_t size, const char *pattern, const struct shard *shard);

/* The variable by which a launcher of one program in several processes (mpirun, srun) says that
 * this is one of them; NULL: it is not. */
const char *shard_launcher(void);

#endif
