#include "db/merge_records.h"

#include "base/error.h"
#include "db/class_name.h"
#include "db/internal.h"
#include "db/trial.h"
#include "db/truth.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ebjr_merge_note(const struct ebjr_merge_options *options, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    if (!options->note)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    options->note(options->context, text);
}

static int put_model(int64_t *id, ebjr_store *to, const struct ebjr_merge_source *source,
                     const struct ebjr_stored_model *model,
                     const struct ebjr_merge_options *options)
{
    struct ebjr_stored_model record = *model;
    int status = ebjr_stored_model_put(to, &record);
    if (status)
        return ebjr_error_context(status, "%s: model '%s' (SHA-256 %.12s)", source->path,
                                  model->name, model->sha256);
    if (strcmp(record.name, model->name) != 0)
        ebjr_merge_note(options, "%s: model '%s' is called '%s' in %s", source->path, model->name,
                        record.name, ebjr_store_path(to));
    *id = record.id;
    return 0;
}

/* With images and objects, where these are its truth. */
static int put_record(struct ebjr_stored_dataset *record, ebjr_store *to,
                      const struct ebjr_merge_source *source,
                      const struct ebjr_stored_dataset *dataset)
{
    struct ebjr_stored_truth truth = {0};
    ebjr_store *from = NULL;
    if (strcmp(dataset->kind, EBJR_COCO_KIND) != 0)
        return ebjr_stored_dataset_put(to, record);
    int status = ebjr_store_open(&from, source->path, EBJR_STORE_READ);
    if (!status)
        status = ebjr_truth_read(&truth, from, dataset);
    if (!status)
        status = ebjr_truth_put(to, record, &truth);
    ebjr_stored_truth_free(&truth);
    ebjr_store_close(from);
    return status;
}

static int name_classes(struct ebjr_stored_dataset *record, ebjr_store *to,
                        const struct ebjr_merge_source *source,
                        const struct ebjr_stored_dataset *dataset)
{
    struct ebjr_class_names names = {0};
    ebjr_store *from = NULL;
    int status = ebjr_store_open(&from, source->path, EBJR_STORE_READ);
    if (!status)
        status = ebjr_class_names_read(&names, from, dataset);
    if (!status)
        status = ebjr_class_names_put(to, record, &names);
    ebjr_class_names_free(&names);
    ebjr_store_close(from);
    return status;
}

static int put_dataset(int64_t *id, ebjr_store *to, const struct ebjr_merge_source *source,
                       const struct ebjr_stored_dataset *dataset,
                       const struct ebjr_merge_options *options)
{
    struct ebjr_stored_dataset record = *dataset;
    record.names[0] = 0;
    int status = put_record(&record, to, source, dataset);
    if (!status && record.samples != dataset->samples)
        status = ebjr_error_set(EBJR_EFORMAT, "it has %lld samples here, but %lld in %s",
                                (long long)dataset->samples, (long long)record.samples,
                                ebjr_store_path(to));
    if (!status && *dataset->names && !*record.names)
        status = name_classes(&record, to, source, dataset);
    else if (!status && *dataset->names && strcmp(dataset->names, record.names) != 0)
        status = ebjr_error_set(EBJR_EFORMAT, "its classes have other names than in %s",
                                ebjr_store_path(to));
    if (status)
        return ebjr_error_context(status, "%s: data set '%s' (SHA-256 %.12s)", source->path,
                                  dataset->name, dataset->sha256);
    if (strcmp(record.name, dataset->name) != 0)
        ebjr_merge_note(options, "%s: data set '%s' is called '%s' in %s", source->path,
                        dataset->name, record.name, ebjr_store_path(to));
    *id = record.id;
    return 0;
}

int ebjr_merge_names(struct ebjr_merge_source *source, ebjr_store *to,
                     const struct ebjr_merge_options *options)
{
    int status = 0;
    for (size_t i = 0; !status && i < source->dataset_count; i++)
        status = put_dataset(&source->dataset_ids[i], to, source, &source->datasets[i], options);
    for (size_t i = 0; !status && i < source->model_count; i++)
        status = put_model(&source->model_ids[i], to, source, &source->models[i], options);
    return status;
}

/* Whether the target has it: 1, 0, or an error. The ids are the target's. */
static int has_measurement(ebjr_store *to, struct ebjr_stored_measurement wanted)
{
    struct ebjr_stored_measurement *stored;
    char seal[EBJR_HASH_TEXT], other[EBJR_HASH_TEXT];
    size_t count;
    int found = 0;
    int status = ebjr_stored_measurement_list(&stored, &count, to);
    if (status)
        return status;
    for (size_t i = 0; !status && !found && i < count; i++) {
        wanted.id = stored[i].id;
        status = ebjr_table_seal(seal, &ebjr_measurement_table, &wanted);
        if (!status)
            status = ebjr_table_seal(other, &ebjr_measurement_table, &stored[i]);
        found = !status && strcmp(seal, other) == 0;
    }
    free(stored);
    return status ? status : found;
}

/* The latencies of one measurement, which must be those that were hashed. */
static int copy_latencies(ebjr_store *to, ebjr_store *from,
                          const struct ebjr_stored_measurement *record, int64_t from_id)
{
    sqlite3_stmt *read = NULL, *insert = NULL;
    ebjr_hash *hash = NULL;
    char sha256[EBJR_HASH_TEXT] = "";
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(
        &read, from, "SELECT idx, sample, ns FROM latency WHERE measurement_id = ? ORDER BY idx");
    if (!status)
        status = ebjr_store_prepare(&insert, to, "INSERT INTO latency VALUES (?, ?, ?, ?)");
    if (!status)
        status = ebjr_hash_new(&hash);
    if (!status)
        sqlite3_bind_int64(read, 1, from_id);
    while (!status && (step = sqlite3_step(read)) == SQLITE_ROW) {
        int64_t sample = sqlite3_column_int64(read, 1), ns = sqlite3_column_int64(read, 2);
        sqlite3_bind_int64(insert, 1, record->id);
        sqlite3_bind_int64(insert, 2, sqlite3_column_int64(read, 0));
        sqlite3_bind_int64(insert, 3, sample);
        sqlite3_bind_int64(insert, 4, ns);
        if (sqlite3_step(insert) != SQLITE_DONE)
            status = ebjr_store_failure(to, "store latencies");
        sqlite3_reset(insert);
        if (!status)
            status = ebjr_latency_hash_update(hash, &sample, &ns, 1);
    }
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(from, "read latencies");
    if (!status)
        status = ebjr_hash_finish(hash, sha256);
    if (!status && strcmp(sha256, record->sha256) != 0)
        status = ebjr_error_set(EBJR_ESTORE,
                                "%s: the latencies of measurement %lld changed since they were "
                                "written; they are not merged",
                                ebjr_store_path(from), (long long)from_id);
    ebjr_hash_free(hash);
    sqlite3_finalize(read);
    sqlite3_finalize(insert);
    return status;
}

static int merge_measurement(ebjr_store *to, ebjr_store *from,
                             const struct ebjr_merge_source *source,
                             const struct ebjr_stored_measurement *measurement)
{
    struct ebjr_stored_measurement record = *measurement;
    record.model_id = ebjr_merge_model_id(source, measurement->model_id);
    record.dataset_id = ebjr_merge_dataset_id(source, measurement->dataset_id);
    int known = has_measurement(to, record);
    if (known)
        return known < 0 ? known : 0;
    int status = ebjr_store_begin(to);
    if (status)
        return status;
    status = ebjr_table_insert(to, &ebjr_measurement_table, &record);
    if (!status)
        status = copy_latencies(to, from, &record, measurement->id);
    return ebjr_store_end(to, status);
}

int ebjr_merge_measurements(const struct ebjr_merge_source *source, ebjr_store *to)
{
    struct ebjr_stored_measurement *measurements = NULL;
    ebjr_store *from = NULL;
    size_t count = 0;
    int status = ebjr_store_open(&from, source->path, EBJR_STORE_READ);
    if (!status)
        status = ebjr_stored_measurement_list(&measurements, &count, from);
    for (size_t i = 0; !status && i < count; i++)
        status = merge_measurement(to, from, source, &measurements[i]);
    free(measurements);
    ebjr_store_close(from);
    return status;
}

/* A search takes the place of an older one. */
static int merge_search(ebjr_store *to, const struct ebjr_trial_key *key, struct ebjr_trial *trials,
                        size_t count)
{
    struct ebjr_trial *known;
    size_t known_count;
    int status = ebjr_trial_list(&known, &known_count, to, key);
    if (status)
        return status;
    bool newer = known_count == 0 || strcmp(trials[0].created, known[0].created) > 0;
    free(known);
    return newer ? ebjr_trial_put(to, key, trials, count) : 0;
}

int ebjr_merge_trials(const struct ebjr_merge_source *source, ebjr_store *to)
{
    struct ebjr_trial *trials = NULL;
    ebjr_store *from = NULL;
    size_t count = 0;
    int status = ebjr_store_open(&from, source->path, EBJR_STORE_READ);
    if (!status)
        status = ebjr_trial_list(&trials, &count, from, NULL);
    for (size_t at = 0; !status && at < count;) { /* a search is put at once, its ids in a row */
        size_t size = trials[at].tried > 0 ? (size_t)trials[at].tried : 1;
        struct ebjr_trial_key key = trials[at].key;
        key.model_id = ebjr_merge_model_id(source, key.model_id);
        if (size > count - at)
            size = count - at;
        status = merge_search(to, &key, trials + at, size);
        at += size;
    }
    free(trials);
    ebjr_store_close(from);
    return status;
}
