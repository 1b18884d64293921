#include "cli/sorted.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/cascade_score.h"
#include "cli/memory.h"
#include "cli/progress.h"

#include <math.h>
#include <stdlib.h>

int sort_memory_parse(struct sort_memory *out, const char *asked)
{
    static const double LEAST = 64e6; /* where the system says that nothing is free */
    double size = fmax(memory_free(), LEAST);
    int status = asked ? ebjr_number_parse(&size, asked) : 0;
    if (status)
        return ebjr_error_context(status, "--sort-memory");
    if (asked && !(size >= 1 && size < 1e18))
        return ebjr_error_set(EBJR_EINVAL, "--sort-memory %s: give bytes (2G)", asked);
    *out = asked ? (struct sort_memory){size, size}
                 /* what the system caches files in is free too */
                 : (struct sort_memory){size, size / 2};
    return 0;
}

int sort_memory_refuse(const struct sort_memory *memory, double needed, const char *what)
{
    return ebjr_error_set(EBJR_ENOMEM,
                          "%s: about %.3gG bytes of memory are needed, and %.3gG may be taken "
                          "(--sort-memory; what is free, unless told)",
                          what, needed / 1e9, memory->most / 1e9);
}

static size_t count_of(const uint8_t *mask, size_t n)
{
    size_t count = mask ? 0 : n;
    for (size_t i = 0; mask && i < n; i++)
        count += mask[i];
    return count;
}

static int make_sorters(struct sort_target *targets, size_t count, const struct cascade *cascade,
                        const struct sort_memory *memory)
{
    int status = 0;
    for (size_t t = 0; !status && t < count; t++)
        status = ebjr_sorter_new(&targets[t].sorter, count_of(targets[t].mask, cascade->n),
                                 (size_t)memory->sort / count, NULL);
    return status == EBJR_EINVAL ? ebjr_error_context(status, "--sort-memory") : status;
}

static int take(struct sort_target *target, const double *score, const struct cascade_rows *rows)
{
    int status = 0;
    for (size_t i = 0; !status && i < rows->count; i++)
        if (!target->mask || target->mask[rows->first + i])
            status = ebjr_sorter_add(target->sorter, score[i], rows->student_correct[i],
                                     rows->teacher_correct[i]);
    return status;
}

/* One block: scored by all processors, then added to each target. */
static int sort_block(struct sort_target *targets, size_t count, double *values,
                      struct scorer *scorer, const struct cascade_rows *rows)
{
    int status = 0;
    scorer_block(values, rows->most, scorer, rows);
    for (size_t t = 0; !status && t < count; t++)
        status = take(&targets[t], values + targets[t].score * rows->most, rows);
    return status;
}

int sort_rows(struct sort_target *targets, size_t target_count, const struct cascade *cascade,
              const struct ebjr_score *scores, size_t count, const struct sort_memory *memory)
{
    struct scorer scorer;
    struct cascade_rows rows = {0};
    struct progress progress;
    double *values = NULL;
    int more = 0, status = scorer_begin(&scorer, cascade, scores, count);
    if (!status)
        status = make_sorters(targets, target_count, cascade, memory);
    if (!status)
        status = cascade_rows_open(&rows, cascade, scorer.wanted | ROWS_TEACHER, 0);
    if (!status && !(values = calloc(rows.most, count * sizeof *values)))
        status = ebjr_error_memory();
    progress_begin(&progress, "sorting", 0);
    while (!status && (more = cascade_rows_next(&rows)) > 0) {
        status = sort_block(targets, target_count, values, &scorer, &rows);
        if (!status &&
            progress_step(&progress, (int64_t)(rows.first + rows.count), (int64_t)cascade->n) != 0)
            status = ebjr_error_set(EBJR_EINTERRUPTED, "interrupted");
    }
    progress_end(&progress);
    free(values);
    cascade_rows_close(&rows);
    scorer_end(&scorer);
    return status ? status : more;
}
