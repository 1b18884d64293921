#include "db/merge.h"

#include "base/error.h"
#include "db/internal.h"
#include "db/merge_records.h"
#include "db/merge_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one store has of a run. */
struct part {
    const struct ebjr_merge_source *source;
    const struct ebjr_stored_run *run;
};

/* A run of the target, and all parts of it. */
struct whole {
    struct ebjr_merged_run merged;
    struct part *parts;
    size_t count, capacity;
};

struct merge {
    const struct ebjr_merge_options *options;
    ebjr_store *to;
    struct ebjr_merge_source *sources;
    size_t source_count;
    struct whole *wholes;
    size_t count, capacity;
    int64_t done, total; /* rows */
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

/* Room for one more in an array that grows. */
static int grow(void *array, size_t *capacity, size_t count, size_t size)
{
    void *old, *larger;
    if (count < *capacity)
        return 0;
    memcpy(&old, array, sizeof old);
    *capacity = *capacity ? 2 * *capacity : 8;
    larger = realloc(old, *capacity * size);
    if (!larger)
        return ebjr_error_memory();
    memcpy(array, &larger, sizeof larger);
    return 0;
}

static bool is_same(const struct ebjr_stored_run *a, const struct ebjr_stored_run *b)
{
    return a->model_id == b->model_id && a->dataset_id == b->dataset_id &&
           strcmp(a->preprocessing, b->preprocessing) == 0 && strcmp(a->dtype, b->dtype) == 0 &&
           strcmp(a->class_map, b->class_map) == 0;
}

static const struct ebjr_stored_dataset *dataset_of(const struct part *part)
{
    for (size_t i = 0; i < part->source->dataset_count; i++)
        if (part->source->datasets[i].id == part->run->dataset_id)
            return &part->source->datasets[i];
    return NULL;
}

static const char *model_name(const struct part *part)
{
    for (size_t i = 0; i < part->source->model_count; i++)
        if (part->source->models[i].id == part->run->model_id)
            return part->source->models[i].name;
    return "";
}

/* A run of a source with the target's ids, over the whole data set. */
static int begin_whole(struct whole *out, const struct part *part)
{
    const struct ebjr_stored_dataset *dataset = dataset_of(part);
    struct ebjr_stored_run *run = &out->merged.run;
    *out = (struct whole){.merged.run = *part->run};
    if (!dataset || part->run->first < 0 || part->run->done < 0 ||
        part->run->done > dataset->samples - part->run->first)
        return ebjr_error_set(EBJR_ESTORE,
                              "%s: run %lld is over samples that its data set does not have",
                              part->source->path, (long long)part->run->id);
    run->id = EBJR_UNKNOWN;
    run->model_id = ebjr_merge_model_id(part->source, run->model_id);
    run->dataset_id = ebjr_merge_dataset_id(part->source, run->dataset_id);
    run->first = run->done = 0;
    run->samples = dataset->samples;
    snprintf(out->merged.model, sizeof out->merged.model, "%s", model_name(part));
    snprintf(out->merged.dataset, sizeof out->merged.dataset, "%s", dataset->name);
    return 0;
}

static int add_part(struct merge *merge, const struct part *part)
{
    struct whole fresh, *whole = NULL;
    int status = begin_whole(&fresh, part);
    for (size_t i = 0; !status && !whole && i < merge->count; i++)
        if (is_same(&merge->wholes[i].merged.run, &fresh.merged.run))
            whole = &merge->wholes[i];
    if (!status && !whole) {
        status = grow(&merge->wholes, &merge->capacity, merge->count, sizeof *merge->wholes);
        if (!status) {
            whole = &merge->wholes[merge->count++];
            *whole = fresh;
        }
    }
    if (!status)
        status = grow(&whole->parts, &whole->capacity, whole->count, sizeof *whole->parts);
    if (!status)
        whole->parts[whole->count++] = *part;
    return status;
}

/* By the first sample; equal ones stay in the order of their stores. */
static int compare_parts(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
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
            merge->total += source->runs[j].done;
            status = add_part(merge, &(struct part){source, &source->runs[j]});
        }
    }
    for (size_t i = 0; !status && i < merge->count; i++)
        qsort(merge->wholes[i].parts, merge->wholes[i].count, sizeof *merge->wholes[i].parts,
              compare_parts);
    return status;
}

/* The target must not be a shard. */
static int check_target(const struct merge *merge)
{
    struct ebjr_stored_run *runs = NULL;
    struct ebjr_stored_dataset *datasets = NULL;
    size_t count = 0, dataset_count = 0;
    int status = ebjr_stored_run_list(&runs, &count, merge->to);
    if (!status)
        status = ebjr_stored_dataset_list(&datasets, &dataset_count, merge->to);
    for (size_t i = 0; !status && i < count; i++)
        for (size_t d = 0; !status && d < dataset_count; d++)
            if (datasets[d].id == runs[i].dataset_id)
                status = ebjr_stored_run_check_whole(&runs[i], &datasets[d], merge->to);
    free(runs);
    free(datasets);
    return status;
}

/* Runs that the target has are gone on with. */
static int recall_runs(struct merge *merge)
{
    struct ebjr_stored_run *runs = NULL;
    size_t count = 0;
    int status = ebjr_stored_run_list(&runs, &count, merge->to);
    for (size_t i = 0; !status && i < count; i++)
        for (size_t w = 0; w < merge->count; w++)
            if (is_same(&merge->wholes[w].merged.run, &runs[i]))
                merge->wholes[w].merged.run = runs[i];
    free(runs);
    return status;
}

static bool has_item(const char *list, const char *item, size_t length)
{
    while (*list) {
        size_t own = strcspn(list, ";");
        if (own == length && strncmp(list, item, length) == 0)
            return true;
        list += own;
        list += strspn(list, "; ");
    }
    return false;
}

/* Adds the items of a list "a; b" that another does not have. Whether there were any. */
static bool add_items(char *list, size_t size, const char *items)
{
    bool any = false;
    while (*items) {
        size_t length = strcspn(items, ";"), used = strlen(list);
        if (!has_item(list, items, length)) {
            bool fits = used + length + 8 <= size;
            any = true;
            if (fits)
                snprintf(list + used, size - used, "%s%.*s", used ? "; " : "", (int)length, items);
            else if (used + 6 <= size && !has_item(list, "...", 3))
                snprintf(list + used, size - used, "; ...");
        }
        items += length;
        items += strspn(items, "; ");
    }
    return any;
}

/* The record says of each part how it was run, the first one's way first. */
static void add_provenance(struct ebjr_stored_run *run, const struct part *part,
                           const struct whole *whole, const struct ebjr_merge_options *options)
{
    const struct ebjr_stored_run *source = part->run;
    struct {
        const char *noun;
        char *list;
        size_t size;
        const char *value;
    } fields[] = {
        {"plan", run->plan, sizeof run->plan, source->plan},
        {"device", run->device, sizeof run->device, source->device},
        {"library", run->library, sizeof run->library, source->library},
        {"host", run->host, sizeof run->host, source->host},
        {"program", run->program, sizeof run->program, source->program},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (run->done == 0)
            snprintf(fields[i].list, fields[i].size, "%s", fields[i].value);
        else if (add_items(fields[i].list, fields[i].size, fields[i].value))
            ebjr_merge_note(options, "%s: '%s' on '%s': another %s than before: %s",
                            part->source->path, whole->merged.model, whole->merged.dataset,
                            fields[i].noun, fields[i].value);
    }
    if (run->done > 0 && (run->flops != source->flops || run->flops_mac2 != source->flops_mac2))
        ebjr_merge_note(options, "%s: '%s' on '%s': its FLOPs are others than before, which stay",
                        part->source->path, whole->merged.model, whole->merged.dataset);
}

/* When the last part was finished. */
static void finished_of(char out[32], const struct whole *whole)
{
    out[0] = 0;
    for (size_t i = 0; i < whole->count; i++)
        if (strcmp(whole->parts[i].run->finished, out) > 0)
            snprintf(out, 32, "%s", whole->parts[i].run->finished);
    if (!*out)
        ebjr_store_time(out);
}

/* The record of the part that has the first sample. */
static int put_run(struct merge *merge, struct ebjr_stored_run *run, const struct part *part)
{
    struct whole fresh;
    int status = begin_whole(&fresh, part);
    if (status)
        return status;
    *run = fresh.merged.run;
    return ebjr_stored_run_put(merge->to, run);
}

static int take_part(struct merge *merge, struct whole *whole, const struct part *part)
{
    struct ebjr_stored_run *run = &whole->merged.run;
    char finished[32];
    ebjr_store *from = NULL;
    int status = run->id == EBJR_UNKNOWN ? put_run(merge, run, part) : 0;
    if (!status && run->classes != part->run->classes)
        status = ebjr_error_set(EBJR_EFORMAT, "it has %lld outputs here, but %lld in %s",
                                (long long)part->run->classes, (long long)run->classes,
                                ebjr_store_path(merge->to));
    if (!status)
        status = ebjr_store_open(&from, part->source->path, EBJR_STORE_READ);
    if (!status) {
        struct ebjr_stored_run moving = *run;
        finished_of(finished, whole);
        if (part->run->first + part->run->done > run->done)
            add_provenance(&moving, part, whole, merge->options);
        struct ebjr_merge_rows rows = {merge->to, from,           &moving,      part->run,
                                       finished,  merge->options, &merge->done, merge->total};
        status = ebjr_merge_rows(&rows);
        whole->merged.added += moving.done - run->done;
        *run = moving;
    }
    ebjr_store_close(from);
    if (status == EBJR_EFORMAT)
        ebjr_error_context(status, "%s: '%s' on '%s'", part->source->path, whole->merged.model,
                           whole->merged.dataset);
    return status;
}

static void add_range(char *text, size_t size, int64_t first, int64_t last)
{
    char range[64];
    size_t used = strlen(text);
    snprintf(range, sizeof range, first == last ? "%s%lld" : "%s%lld-%lld", used ? ", " : "",
             (long long)first, (long long)last);
    if (used + strlen(range) + 6 <= size)
        snprintf(text + used, size - used, "%s", range);
    else if (used >= 3 && strcmp(text + used - 3, "...") != 0)
        snprintf(text + used, size - used, ", ...");
}

/* What nobody has, and what waits behind it. */
static void find_gaps(struct whole *whole)
{
    struct ebjr_merged_run *merged = &whole->merged;
    int64_t at = merged->run.done;
    for (size_t i = 0; i < whole->count; i++) {
        const struct ebjr_stored_run *part = whole->parts[i].run;
        int64_t end = part->first + part->done;
        if (part->done == 0 || end <= at)
            continue;
        if (part->first > at)
            add_range(merged->missing, sizeof merged->missing, at, part->first - 1);
        merged->waiting += end - (part->first > at ? part->first : at);
        at = end;
    }
    if (at < merged->run.samples)
        add_range(merged->missing, sizeof merged->missing, at, merged->run.samples - 1);
}

static int fill(struct merge *merge, struct whole *whole)
{
    int status = 0;
    for (size_t i = 0; !status && i < whole->count; i++) {
        const struct part *part = &whole->parts[i];
        if (part->run->done > 0 && part->run->first <= whole->merged.run.done)
            status = take_part(merge, whole, part);
    }
    if (!status)
        find_gaps(whole);
    return status;
}

static int merge_all(struct merge *merge, const char *db)
{
    int status = ebjr_store_open(&merge->to, db, EBJR_STORE_CREATE);
    if (!status)
        status = check_target(merge);
    for (size_t i = 0; !status && i < merge->source_count; i++)
        status = ebjr_merge_names(&merge->sources[i], merge->to, merge->options);
    if (!status)
        status = collect_parts(merge);
    if (!status)
        status = recall_runs(merge);
    for (size_t i = 0; !status && i < merge->count; i++)
        status = fill(merge, &merge->wholes[i]);
    for (size_t i = 0; !status && i < merge->source_count; i++) {
        status = ebjr_merge_measurements(&merge->sources[i], merge->to);
        if (!status)
            status = ebjr_merge_trials(&merge->sources[i], merge->to);
    }
    ebjr_store_close(merge->to);
    return status;
}

static int hand_over(struct ebjr_merged_run **out, size_t *out_count, const struct merge *merge)
{
    *out = calloc(merge->count + 1, sizeof **out);
    if (!*out)
        return ebjr_error_memory();
    for (size_t i = 0; i < merge->count; i++)
        (*out)[i] = merge->wholes[i].merged;
    *out_count = merge->count;
    return 0;
}

int ebjr_store_merge(struct ebjr_merged_run **out, size_t *out_count, const char *db,
                     const char *const *stores, size_t count,
                     const struct ebjr_merge_options *options)
{
    struct merge merge = {.options = options};
    int status = read_sources(&merge, stores, count);
    if (!status)
        status = merge_all(&merge, db);
    if (!status)
        status = hand_over(out, out_count, &merge);
    for (size_t i = 0; i < merge.source_count; i++)
        ebjr_merge_source_free(&merge.sources[i]);
    for (size_t i = 0; i < merge.count; i++)
        free(merge.wholes[i].parts);
    free(merge.sources);
    free(merge.wholes);
    return status;
}
