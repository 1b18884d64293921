#include "db/merge_run.h"

#include "base/error.h"
#include "db/internal.h"
#include "db/merge_records.h"
#include "db/merge_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ebjr_stored_dataset *dataset_of(const struct ebjr_merge_part *part)
{
    for (size_t i = 0; i < part->source->dataset_count; i++)
        if (part->source->datasets[i].id == part->run->dataset_id)
            return &part->source->datasets[i];
    return NULL;
}

static const char *model_name(const struct ebjr_merge_part *part)
{
    for (size_t i = 0; i < part->source->model_count; i++)
        if (part->source->models[i].id == part->run->model_id)
            return part->source->models[i].name;
    return "";
}

int ebjr_merge_run_begin(struct ebjr_merge_run *out, const struct ebjr_merge_part *part)
{
    const struct ebjr_stored_dataset *dataset = dataset_of(part);
    struct ebjr_stored_run *run = &out->merged.run;
    *out = (struct ebjr_merge_run){.merged.run = *part->run};
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
static void add_provenance(struct ebjr_stored_run *run, const struct ebjr_merge_part *part,
                           const struct ebjr_merge_run *whole,
                           const struct ebjr_merge_options *options)
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
static void finished_of(char out[32], const struct ebjr_merge_run *whole)
{
    out[0] = 0;
    for (size_t i = 0; i < whole->count; i++)
        if (strcmp(whole->parts[i].run->finished, out) > 0)
            snprintf(out, 32, "%s", whole->parts[i].run->finished);
    if (!*out)
        ebjr_store_time(out);
}

/* The record of the part that has the first sample. */
static int put_run(struct ebjr_merge_target *target, struct ebjr_stored_run *run,
                   const struct ebjr_merge_part *part)
{
    struct ebjr_merge_run fresh;
    int status = ebjr_merge_run_begin(&fresh, part);
    if (status)
        return status;
    *run = fresh.merged.run;
    return ebjr_stored_run_put(target->store, run);
}

static int take_part(struct ebjr_merge_target *target, struct ebjr_merge_run *whole,
                     const struct ebjr_merge_part *part)
{
    struct ebjr_stored_run *run = &whole->merged.run;
    char finished[32];
    ebjr_store *from = NULL;
    int status = run->id == EBJR_UNKNOWN ? put_run(target, run, part) : 0;
    if (!status && run->classes != part->run->classes)
        status = ebjr_error_set(EBJR_EFORMAT, "it has %lld outputs here, but %lld in %s",
                                (long long)part->run->classes, (long long)run->classes,
                                ebjr_store_path(target->store));
    if (!status)
        status = ebjr_store_open(&from, part->source->path, EBJR_STORE_READ);
    if (!status) {
        struct ebjr_stored_run moving = *run;
        finished_of(finished, whole);
        if (part->run->first + part->run->done > run->done)
            add_provenance(&moving, part, whole, target->options);
        struct ebjr_merge_rows rows = {target->store, from,         &moving,
                                       part->run,     finished,     target->options,
                                       &target->done, target->total};
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
static void find_gaps(struct ebjr_merge_run *whole)
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

int ebjr_merge_run_fill(struct ebjr_merge_run *whole, struct ebjr_merge_target *target)
{
    int status = 0;
    for (size_t i = 0; !status && i < whole->count; i++) {
        const struct ebjr_merge_part *part = &whole->parts[i];
        if (part->run->done > 0 && part->run->first <= whole->merged.run.done)
            status = take_part(target, whole, part);
    }
    if (!status)
        find_gaps(whole);
    return status;
}
