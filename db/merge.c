#include "db/merge.h"

#include "base/array.h"
#include "base/error.h"
#include "db/internal.h"
#include "db/merge_records.h"
#include "db/merge_run.h"

#include <stdlib.h>
#include <string.h>

struct merge {
    struct ebjr_merge_target target;
    struct ebjr_merge_source *sources;
    size_t source_count;
    struct ebjr_merge_run *runs;
    size_t count, capacity;
};

static int read_sources(struct merge *merge, const char *const *stores, size_t count)
{
    int status = 0;
    merge->sources = calloc(count + 1, sizeof *merge->sources);
    if (!merge->sources)
        return ebjr_error_memory();
    for (size_t i = 0; !status && i < count; i++) {
        merge->source_count++;
        status = ebjr_merge_source_read(&merge->sources[i], stores[i]);
    }
    if (!status)
        qsort(merge->sources, count, sizeof *merge->sources, ebjr_merge_source_compare);
    return status;
}

static int add_part(struct merge *merge, const struct ebjr_merge_part *part)
{
    struct ebjr_merge_run fresh, *run = NULL;
    int status = ebjr_merge_run_begin(&fresh, part);
    for (size_t i = 0; !status && !run && i < merge->count; i++)
        if (ebjr_stored_run_is_same(&merge->runs[i].merged.run, &fresh.merged.run))
            run = &merge->runs[i];
    if (!status && !run) {
        status = ebjr_array_reserve(&merge->runs, &merge->capacity, merge->count, 1,
                                    sizeof *merge->runs);
        if (!status) {
            run = &merge->runs[merge->count++];
            *run = fresh;
        }
    }
    if (!status)
        status = ebjr_array_reserve(&run->parts, &run->capacity, run->count, 1, sizeof *run->parts);
    if (!status)
        run->parts[run->count++] = *part;
    return status;
}

/* By the first sample; equal ones stay in the order of their stores. */
static int compare_parts(const void *a, const void *b)
{
    const struct ebjr_merge_part *x = a, *y = b;
    if (x->run->first != y->run->first)
        return x->run->first < y->run->first ? -1 : 1;
    return x->source < y->source ? -1 : x->source > y->source;
}

static int collect_parts(struct merge *merge)
{
    int status = 0;
    for (size_t i = 0; !status && i < merge->source_count; i++) {
        const struct ebjr_merge_source *source = &merge->sources[i];
        for (size_t j = 0; !status && j < source->run_count; j++) {
            merge->target.total += source->runs[j].done;
            status = add_part(merge, &(struct ebjr_merge_part){source, &source->runs[j]});
        }
    }
    for (size_t i = 0; !status && i < merge->count; i++)
        qsort(merge->runs[i].parts, merge->runs[i].count, sizeof *merge->runs[i].parts,
              compare_parts);
    return status;
}

/* The target must not be a shard. */
static int check_target(const struct merge *merge)
{
    struct ebjr_stored_run *runs = NULL;
    struct ebjr_stored_dataset *datasets = NULL;
    size_t count = 0, dataset_count = 0;
    int status = ebjr_stored_run_list(&runs, &count, merge->target.store);
    if (!status)
        status = ebjr_stored_dataset_list(&datasets, &dataset_count, merge->target.store);
    for (size_t i = 0; !status && i < count; i++)
        for (size_t d = 0; !status && d < dataset_count; d++)
            if (datasets[d].id == runs[i].dataset_id)
                status = ebjr_stored_run_check_whole(&runs[i], &datasets[d], merge->target.store);
    free(runs);
    free(datasets);
    return status;
}

/* Runs that the target has are gone on with. */
static int recall_runs(struct merge *merge)
{
    struct ebjr_stored_run *runs = NULL;
    size_t count = 0;
    int status = ebjr_stored_run_list(&runs, &count, merge->target.store);
    for (size_t i = 0; !status && i < count; i++)
        for (size_t w = 0; w < merge->count; w++)
            if (ebjr_stored_run_is_same(&merge->runs[w].merged.run, &runs[i]))
                merge->runs[w].merged.run = runs[i];
    free(runs);
    return status;
}

static int merge_all(struct merge *merge, const char *db)
{
    int status = ebjr_store_open(&merge->target.store, db, EBJR_STORE_CREATE);
    if (!status)
        status = check_target(merge);
    for (size_t i = 0; !status && i < merge->source_count; i++)
        status = ebjr_merge_names(&merge->sources[i], merge->target.store, merge->target.options);
    if (!status)
        status = collect_parts(merge);
    if (!status)
        status = recall_runs(merge);
    for (size_t i = 0; !status && i < merge->count; i++)
        status = ebjr_merge_run_fill(&merge->runs[i], &merge->target);
    for (size_t i = 0; !status && i < merge->source_count; i++) {
        status = ebjr_merge_measurements(&merge->sources[i], merge->target.store);
        if (!status)
            status = ebjr_merge_trials(&merge->sources[i], merge->target.store);
    }
    ebjr_store_close(merge->target.store);
    return status;
}

static int hand_over(struct ebjr_merged_run **out, size_t *out_count, const struct merge *merge)
{
    *out = calloc(merge->count + 1, sizeof **out);
    if (!*out)
        return ebjr_error_memory();
    for (size_t i = 0; i < merge->count; i++)
        (*out)[i] = merge->runs[i].merged;
    *out_count = merge->count;
    return 0;
}

int ebjr_store_merge(struct ebjr_merged_run **out, size_t *out_count, const char *db,
                     const char *const *stores, size_t count,
                     const struct ebjr_merge_options *options)
{
    struct merge merge = {.target.options = options};
    int status = read_sources(&merge, stores, count);
    if (!status)
        status = merge_all(&merge, db);
    if (!status)
        status = hand_over(out, out_count, &merge);
    for (size_t i = 0; i < merge.source_count; i++)
        ebjr_merge_source_free(&merge.sources[i]);
    for (size_t i = 0; i < merge.count; i++)
        free(merge.runs[i].parts);
    free(merge.sources);
    free(merge.runs);
    return status;
}
