#include "db/stored.h"

#include "base/error.h"
#include "base/text.h"
#include "db/internal.h"
#include "db/truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHORTEST_HASH_PREFIX = 6 };

#define MODEL(kind, member) EBJR_##kind(ebjr_stored_model, member)
static const struct ebjr_column model_columns[] = {
    MODEL(INTEGER, id), MODEL(TEXT, name),     MODEL(TEXT, kind),          MODEL(TEXT, sha256),
    MODEL(TEXT, path),  MODEL(INTEGER, bytes), MODEL(INTEGER, parameters), MODEL(TEXT, created),
};

#define DATASET(kind, member) EBJR_##kind(ebjr_stored_dataset, member)
static const struct ebjr_column dataset_columns[] = {
    DATASET(INTEGER, id), DATASET(TEXT, name),     DATASET(TEXT, kind),       DATASET(TEXT, sha256),
    DATASET(TEXT, path),  DATASET(INTEGER, bytes), DATASET(INTEGER, samples), DATASET(TEXT, shape),
    DATASET(TEXT, names), DATASET(TEXT, created),
};

#define RUN(kind, member) EBJR_##kind(ebjr_stored_run, member)
static const struct ebjr_column run_columns[] = {
    RUN(INTEGER, id),          RUN(INTEGER, model_id),  RUN(INTEGER, dataset_id),
    RUN(TEXT, preprocessing),  RUN(TEXT, dtype),        RUN(INTEGER, classes),
    RUN(TEXT, class_map),      RUN(INTEGER, first),     RUN(INTEGER, samples),
    RUN(INTEGER, done),        RUN(INTEGER, flops),     RUN(INTEGER, flops_mac2),
    RUN(INTEGER, depth),       RUN(TEXT, flops_source), RUN(TEXT, uncounted),
    RUN(TEXT, uncounted_mac2), RUN(TEXT, device),       RUN(TEXT, plan),
    RUN(TEXT, library),        RUN(TEXT, host),         RUN(TEXT, program),
    RUN(TEXT, started),        RUN(TEXT, finished),
};

#define MEASUREMENT(kind, member) EBJR_##kind(ebjr_stored_measurement, member)
static const struct ebjr_column measurement_columns[] = {
    MEASUREMENT(INTEGER, id),      MEASUREMENT(INTEGER, model_id), MEASUREMENT(INTEGER, dataset_id),
    MEASUREMENT(TEXT, subject),    MEASUREMENT(TEXT, policy),      MEASUREMENT(TEXT, scenario),
    MEASUREMENT(TEXT, device),     MEASUREMENT(TEXT, plan),        MEASUREMENT(INTEGER, batch),
    MEASUREMENT(INTEGER, threads), MEASUREMENT(REAL, qps),         MEASUREMENT(REAL, teacher_rate),
    MEASUREMENT(INTEGER, samples), MEASUREMENT(INTEGER, dropped),  MEASUREMENT(TEXT, sha256),
    MEASUREMENT(TEXT, host),       MEASUREMENT(TEXT, library),     MEASUREMENT(TEXT, program),
    MEASUREMENT(TEXT, created),
};

#define COUNT(array) (sizeof(array) / sizeof *(array))
const struct ebjr_table ebjr_model_table = {"model", sizeof(struct ebjr_stored_model),
                                            model_columns, COUNT(model_columns)};
const struct ebjr_table ebjr_dataset_table = {"dataset", sizeof(struct ebjr_stored_dataset),
                                              dataset_columns, COUNT(dataset_columns)};
const struct ebjr_table ebjr_run_table = {"run", sizeof(struct ebjr_stored_run), run_columns,
                                          COUNT(run_columns)};
const struct ebjr_table ebjr_measurement_table = {"measurement",
                                                  sizeof(struct ebjr_stored_measurement),
                                                  measurement_columns, COUNT(measurement_columns)};

const struct ebjr_table *const ebjr_record_tables[EBJR_RECORD_TABLES] = {
    &ebjr_model_table, &ebjr_dataset_table, &ebjr_run_table, &ebjr_measurement_table,
    &ebjr_trial_table};

static int list(void *out, size_t *count, ebjr_store *store, const struct ebjr_table *table)
{
    void *records;
    int status = ebjr_table_list(&records, count, store, table);
    if (!status)
        memcpy(out, &records, sizeof records); /* whatever the type of the pointer */
    return status;
}

int ebjr_stored_model_list(struct ebjr_stored_model **out, size_t *count, ebjr_store *store)
{
    return list(out, count, store, &ebjr_model_table);
}

int ebjr_stored_dataset_list(struct ebjr_stored_dataset **out, size_t *count, ebjr_store *store)
{
    return list(out, count, store, &ebjr_dataset_table);
}

int ebjr_stored_run_list(struct ebjr_stored_run **out, size_t *count, ebjr_store *store)
{
    return list(out, count, store, &ebjr_run_table);
}

int ebjr_stored_measurement_list(struct ebjr_stored_measurement **out, size_t *count,
                                 ebjr_store *store)
{
    return list(out, count, store, &ebjr_measurement_table);
}

void ebjr_store_time(char out[32])
{
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* Whether a stored record is the one that is being put: 1 yes, 0 no, or an error. */
typedef int identity(const void *stored, const void *record);

/* Within a transaction. *fresh: it was inserted. */
static int look_up_or_insert(bool *fresh, ebjr_store *store, const struct ebjr_table *table,
                             void *record, identity *same)
{
    char *stored = NULL;
    size_t count = 0;
    int status = list(&stored, &count, store, table);
    *fresh = true;
    for (size_t i = 0; !status && *fresh && i < count; i++) {
        const void *candidate = stored + i * table->record_size;
        int answer = same(candidate, record);
        if (answer < 0) {
            status = answer;
        } else if (answer > 0) {
            memcpy(record, candidate, table->record_size);
            *fresh = false;
        }
    }
    if (!status && *fresh)
        status = ebjr_table_insert(store, table, record);
    free(stored);
    return status;
}

static int put(ebjr_store *store, const struct ebjr_table *table, void *record, identity *same)
{
    bool fresh;
    int status = ebjr_store_begin(store);
    return status ? status
                  : ebjr_store_end(store, look_up_or_insert(&fresh, store, table, record, same));
}

static int same_model(const void *stored, const void *record)
{
    const struct ebjr_stored_model *a = stored, *b = record;
    if (strcmp(a->sha256, b->sha256) == 0)
        return 1;
    if (strcmp(a->name, b->name) == 0)
        return ebjr_error_set(EBJR_EEXIST,
                              "the store already has another model named '%s' (%s, SHA-256 %.12s); "
                              "give this one another: run --model NAME=FILE, import --name NAME",
                              a->name, a->path, a->sha256);
    return 0;
}

static int same_dataset(const void *stored, const void *record)
{
    const struct ebjr_stored_dataset *a = stored, *b = record;
    if (strcmp(a->sha256, b->sha256) == 0)
        return 1;
    if (strcmp(a->name, b->name) == 0)
        return ebjr_error_set(EBJR_EEXIST,
                              "the store already has another data set named '%s' (%s, SHA-256 "
                              "%.12s); give this one another: --dataset-name NAME",
                              a->name, a->path, a->sha256);
    return 0;
}

bool ebjr_stored_run_is_same(const struct ebjr_stored_run *a, const struct ebjr_stored_run *b)
{
    return a->model_id == b->model_id && a->dataset_id == b->dataset_id &&
           strcmp(a->preprocessing, b->preprocessing) == 0 && strcmp(a->dtype, b->dtype) == 0 &&
           strcmp(a->class_map, b->class_map) == 0;
}

static int check_block(const struct ebjr_stored_run *stored, int64_t first, int64_t samples)
{
    if (stored->first == first && stored->samples == samples)
        return 0;
    return ebjr_error_set(EBJR_EEXIST,
                          "the store holds %lld samples from sample %lld on, and this is about "
                          "%lld from %lld on: a store holds one block of a data set; give each "
                          "shard its own (--db 'shard-{rank}.db'), ebjr merge joins them",
                          (long long)stored->samples, (long long)stored->first, (long long)samples,
                          (long long)first);
}

static int same_run_and_block(const void *stored, const void *record)
{
    const struct ebjr_stored_run *a = stored, *b = record;
    int status = a->dataset_id == b->dataset_id ? check_block(a, b->first, b->samples) : 0;
    return status ? status : ebjr_stored_run_is_same(a, b);
}

static void set_time(char time[32])
{
    if (!*time)
        ebjr_store_time(time);
}

int ebjr_stored_model_put(ebjr_store *store, struct ebjr_stored_model *record)
{
    set_time(record->created);
    return put(store, &ebjr_model_table, record, same_model);
}

int ebjr_stored_dataset_put(ebjr_store *store, struct ebjr_stored_dataset *record)
{
    set_time(record->created);
    return put(store, &ebjr_dataset_table, record, same_dataset);
}

int ebjr_stored_dataset_add(bool *fresh, ebjr_store *store, struct ebjr_stored_dataset *record)
{
    set_time(record->created);
    return look_up_or_insert(fresh, store, &ebjr_dataset_table, record, same_dataset);
}

int ebjr_stored_run_detects(bool *out, ebjr_store *store, const struct ebjr_stored_run *run)
{
    char sql[128];
    int64_t coco = 0;
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM dataset WHERE id = %lld AND kind = '" EBJR_COCO_KIND "'",
             (long long)run->dataset_id);
    int status = ebjr_store_query_integer(&coco, store, sql);
    *out = coco > 0;
    return status;
}

int ebjr_stored_run_tell_flops(ebjr_store *store, struct ebjr_stored_run *run,
                               const struct ebjr_stored_run *told)
{
    struct ebjr_stored_run changed = *run;
    if (told->flops == EBJR_UNKNOWN ||
        (told->flops == run->flops && told->flops_mac2 == run->flops_mac2))
        return 0;
    changed.flops = told->flops;
    changed.flops_mac2 = told->flops_mac2;
    if (told->depth != EBJR_UNKNOWN)
        changed.depth = told->depth;
    memcpy(changed.flops_source, told->flops_source, sizeof changed.flops_source);
    memcpy(changed.uncounted, told->uncounted, sizeof changed.uncounted);
    memcpy(changed.uncounted_mac2, told->uncounted_mac2, sizeof changed.uncounted_mac2);
    int status = ebjr_store_begin(store);
    if (status)
        return status;
    status = ebjr_store_end(store, ebjr_table_update(store, &ebjr_run_table, &changed));
    if (!status)
        *run = changed;
    return status;
}

int ebjr_stored_run_put(ebjr_store *store, struct ebjr_stored_run *record)
{
    set_time(record->started);
    record->done = 0;
    record->finished[0] = 0;
    if (record->samples == 0) /* a shard of more shards than samples */
        ebjr_store_time(record->finished);
    return put(store, &ebjr_run_table, record, same_run_and_block);
}

/* Models and data sets have a name and a hash. */
static const char *text_of(const struct ebjr_table *table, const void *record, const char *column)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, column) == 0)
            return (const char *)record + table->columns[i].offset;
    return "";
}

/* *id is 0 where there is none of this hash. */
static int id_by_hash(int64_t *id, ebjr_store *store, const struct ebjr_table *table,
                      const char *sha256)
{
    char *records;
    size_t count;
    int status = list(&records, &count, store, table);
    if (status)
        return status;
    *id = 0;
    for (size_t i = 0; i < count; i++) {
        const char *record = records + i * table->record_size;
        if (strcmp(text_of(table, record, "sha256"), sha256) == 0)
            memcpy(id, record + table->columns[0].offset, sizeof *id);
    }
    free(records);
    return 0;
}

int ebjr_stored_block_check(ebjr_store *store, const char *dataset_sha256, int64_t first,
                            int64_t samples)
{
    struct ebjr_stored_run *runs;
    size_t count;
    int64_t dataset_id;
    int status = id_by_hash(&dataset_id, store, &ebjr_dataset_table, dataset_sha256);
    if (!status)
        status = ebjr_stored_run_list(&runs, &count, store);
    if (status)
        return status;
    for (size_t i = 0; !status && i < count; i++)
        if (runs[i].dataset_id == dataset_id)
            status = check_block(&runs[i], first, samples);
    free(runs);
    return status ? ebjr_error_context(status, "%s", ebjr_store_path(store)) : 0;
}

int ebjr_stored_run_check_whole(const struct ebjr_stored_run *run,
                                const struct ebjr_stored_dataset *dataset, const ebjr_store *store)
{
    if (run->first == 0 && run->samples == dataset->samples)
        return 0;
    return ebjr_error_set(EBJR_ENOTFOUND,
                          "%s is a shard: of the %lld samples of '%s' it holds %lld, from sample "
                          "%lld on; ebjr merge --db FILE joins all shards",
                          ebjr_store_path(store), (long long)dataset->samples, dataset->name,
                          (long long)run->samples, (long long)run->first);
}

int ebjr_stored_run_find(struct ebjr_stored_run *out, ebjr_store *store, const char *model_sha256,
                         const char *dataset_sha256, const char *preprocessing, const char *dtype,
                         const char *class_map)
{
    struct ebjr_stored_run wanted = {0}, *runs = NULL;
    size_t count = 0;
    snprintf(wanted.preprocessing, sizeof wanted.preprocessing, "%s", preprocessing);
    snprintf(wanted.dtype, sizeof wanted.dtype, "%s", dtype);
    snprintf(wanted.class_map, sizeof wanted.class_map, "%s", class_map);
    int status = id_by_hash(&wanted.model_id, store, &ebjr_model_table, model_sha256);
    if (!status)
        status = id_by_hash(&wanted.dataset_id, store, &ebjr_dataset_table, dataset_sha256);
    if (!status)
        status = ebjr_stored_run_list(&runs, &count, store);
    if (status)
        return status;
    status = EBJR_ENOTFOUND;
    for (size_t i = 0; status && i < count; i++) {
        if (ebjr_stored_run_is_same(&runs[i], &wanted)) {
            *out = runs[i];
            status = 0;
        }
    }
    free(runs);
    return status ? ebjr_error_set(status, "%s holds no such run", ebjr_store_path(store)) : 0;
}

static int not_found(ebjr_store *store, const struct ebjr_table *table, const char *noun,
                     const char *records, size_t count, const char *name)
{
    const char *path = ebjr_store_path(store);
    if (count == 0)
        return ebjr_error_set(EBJR_ENOTFOUND, "%s holds no %s yet; fill it with ebjr run or import",
                              path, noun);
    const char **names = malloc(count * sizeof *names);
    if (!names)
        return ebjr_error_memory();
    for (size_t i = 0; i < count; i++)
        names[i] = text_of(table, records + i * table->record_size, "name");
    const char *nearest = ebjr_name_nearest(name, names, count);
    free(names);
    if (nearest)
        return ebjr_error_set(EBJR_ENOTFOUND, "%s holds no %s '%s'; did you mean '%s'?", path, noun,
                              name, nearest);
    return ebjr_error_set(EBJR_ENOTFOUND, "%s holds no %s '%s'; ebjr ls shows what it holds", path,
                          noun, name);
}

/* By name, else by the head of the hash, which must tell it from all others. */
static int find(void *out, ebjr_store *store, const struct ebjr_table *table, const char *noun,
                const char *name)
{
    char *records;
    const char *match = NULL;
    size_t count, length = strlen(name), heads = 0;
    int status = list(&records, &count, store, table);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++) {
        const char *record = records + i * table->record_size;
        if (strcmp(text_of(table, record, "name"), name) == 0) {
            match = record;
            heads = 1;
            break;
        }
        if (length >= SHORTEST_HASH_PREFIX &&
            strncmp(text_of(table, record, "sha256"), name, length) == 0) {
            match = record;
            heads++;
        }
    }
    if (heads > 1)
        status =
            ebjr_error_set(EBJR_EINVAL, "'%s' is the head of several hashes; add digits", name);
    else if (!match)
        status = not_found(store, table, noun, records, count, name);
    else
        memcpy(out, match, table->record_size);
    free(records);
    return status;
}

int ebjr_stored_model_find(struct ebjr_stored_model *out, ebjr_store *store, const char *name)
{
    return find(out, store, &ebjr_model_table, "model", name);
}

int ebjr_stored_dataset_find(struct ebjr_stored_dataset *out, ebjr_store *store, const char *name)
{
    return find(out, store, &ebjr_dataset_table, "data set", name);
}
