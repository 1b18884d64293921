#include "cli/shard.h"

#include "base/error.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SHARDS = 1 << 24 };

/* Who tells a process which of how many it is. */
static const struct teller {
    const char *rank, *size;
} tellers[] = {
    {"SLURM_PROCID", "SLURM_NTASKS"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
    {"PMI_RANK", "PMI_SIZE"},
    {"RANK", "WORLD_SIZE"},
};

struct answer {
    const char *variable; /* the rank's; NULL: nobody has answered yet */
    struct shard shard;
};

static int read_variable(int64_t *out, const char *name, int64_t lowest)
{
    int status = ebjr_integer_parse(out, getenv(name), lowest, INT32_MAX);
    return status ? ebjr_error_context(status, "--shard auto: %s", name) : 0;
}

/* One process of one divides nothing: whoever tells of more is heard. */
static int hear(struct answer *heard, const struct answer *answer)
{
    if (answer->shard.rank < 0 || answer->shard.rank >= answer->shard.size)
        return ebjr_error_set(EBJR_EINVAL, "--shard auto: %s says shard %lld of %lld, from 0",
                              answer->variable, (long long)answer->shard.rank,
                              (long long)answer->shard.size);
    if (!heard->variable || heard->shard.size == 1) {
        *heard = *answer;
        return 0;
    }
    if (answer->shard.size == 1 ||
        (answer->shard.rank == heard->shard.rank && answer->shard.size == heard->shard.size))
        return 0;
    return ebjr_error_set(EBJR_EINVAL,
                          "--shard auto: %s says shard %lld/%lld, but %s says %lld/%lld; say which "
                          "by --shard I/N",
                          heard->variable, (long long)heard->shard.rank,
                          (long long)heard->shard.size, answer->variable,
                          (long long)answer->shard.rank, (long long)answer->shard.size);
}

/* Tasks of an array are numbered MIN, MIN + STEP, ..., MAX. */
static int ask_array(struct answer *heard)
{
    int64_t id, min, max, step = 1, count;
    if (!getenv("SLURM_ARRAY_TASK_ID"))
        return 0;
    int status = read_variable(&id, "SLURM_ARRAY_TASK_ID", 0);
    if (!status && (!getenv("SLURM_ARRAY_TASK_MIN") || !getenv("SLURM_ARRAY_TASK_MAX") ||
                    !getenv("SLURM_ARRAY_TASK_COUNT")))
        status =
            ebjr_error_set(EBJR_EINVAL, "--shard auto: SLURM_ARRAY_TASK_ID comes without "
                                        "SLURM_ARRAY_TASK_MIN, _MAX and _COUNT; use --shard I/N");
    if (!status)
        status = read_variable(&min, "SLURM_ARRAY_TASK_MIN", 0);
    if (!status)
        status = read_variable(&max, "SLURM_ARRAY_TASK_MAX", 0);
    if (!status)
        status = read_variable(&count, "SLURM_ARRAY_TASK_COUNT", 1);
    if (!status && getenv("SLURM_ARRAY_TASK_STEP"))
        status = read_variable(&step, "SLURM_ARRAY_TASK_STEP", 1);
    if (!status && (max < min || (max - min) / step + 1 != count || id < min || id > max ||
                    (id - min) % step != 0))
        status = ebjr_error_set(EBJR_EINVAL,
                                "--shard auto: the job array is no range of tasks (task %lld, %lld "
                                "to %lld by %lld, %lld of them); use --shard I/N",
                                (long long)id, (long long)min, (long long)max, (long long)step,
                                (long long)count);
    if (status)
        return status;
    return hear(heard, &(struct answer){"SLURM_ARRAY_TASK_ID", {(id - min) / step, count}});
}

static int ask(struct answer *heard, const struct teller *teller)
{
    struct answer answer = {.variable = teller->rank};
    if (!getenv(teller->rank) || !getenv(teller->size))
        return 0;
    int status = read_variable(&answer.shard.rank, teller->rank, 0);
    if (!status)
        status = read_variable(&answer.shard.size, teller->size, 1);
    return status ? status : hear(heard, &answer);
}

static int ask_scheduler(struct shard *out)
{
    struct answer heard = {0};
    int status = ask_array(&heard);
    for (size_t i = 0; !status && i < sizeof tellers / sizeof *tellers; i++)
        status = ask(&heard, &tellers[i]);
    if (!status && !heard.variable)
        status = ebjr_error_set(
            EBJR_EINVAL, "--shard auto: no scheduler says which shard this is (Slurm arrays "
                         "and steps, Open MPI, PMI and torchrun are asked); use --shard I/N");
    *out = heard.shard;
    return status;
}

int shard_parse(struct shard *out, const char *text)
{
    const char *slash = strchr(text, '/');
    char rank[32];
    if (strcmp(text, "auto") == 0)
        return ask_scheduler(out);
    if (!slash || slash - text >= (int)sizeof rank)
        return ebjr_error_set(EBJR_EINVAL, "--shard %s: write I/N, the I-th of N from 0, or auto",
                              text);
    snprintf(rank, sizeof rank, "%.*s", (int)(slash - text), text);
    int status = ebjr_integer_parse(&out->rank, rank, 0, INT32_MAX);
    if (!status)
        status = ebjr_integer_parse(&out->size, slash + 1, 1, MOST_SHARDS);
    if (status)
        return ebjr_error_context(status, "--shard %s", text);
    if (out->rank >= out->size)
        return ebjr_error_set(
            EBJR_EINVAL, "--shard %s: shards count from 0; the last of %lld is %lld/%lld", text,
            (long long)out->size, (long long)out->size - 1, (long long)out->size);
    return 0;
}

void shard_block(int64_t *first, int64_t *count, const struct shard *shard, int64_t samples)
{
    int64_t least = samples / shard->size, larger = samples % shard->size;
    *count = least + (shard->rank < larger);
    *first = shard->rank * least + (shard->rank < larger ? shard->rank : larger);
}

int shard_path(char *out, size_t size, const char *pattern, const struct shard *shard)
{
    size_t used = 0;
    while (*pattern && used < size) {
        int64_t number = strncmp(pattern, "{rank}", 6) == 0   ? shard->rank
                         : strncmp(pattern, "{size}", 6) == 0 ? shard->size
                                                              : -1;
        used += (size_t)(number >= 0 ? snprintf(out + used, size - used, "%lld", (long long)number)
                                     : snprintf(out + used, size - used, "%c", *pattern));
        pattern += number >= 0 ? 6 : 1;
    }
    return used < size ? 0 : ebjr_error_set(EBJR_EINVAL, "--db: the path is too long");
}

const char *shard_launcher(void)
{
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *text = getenv(sizes[i]);
        if (text && strcmp(text, "1") != 0)
            return sizes[i];
    }
    return NULL;
}
