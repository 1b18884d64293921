#include "db/merge_source.h"

#include "base/error.h"
#include "db/internal.h"
#include "db/tally.h"

#include <stdlib.h>
#include <string.h>

static int check_table(ebjr_store *store, const struct ebjr_table *table)
{
    struct ebjr_tally_answer tally;
    int64_t broken;
    int status = ebjr_table_first_broken(&broken, store, table);
    if (!status && broken >= 0)
        status = ebjr_error_set(EBJR_ESTORE,
                                "%s: %s %lld was changed since it was written; nothing of this "
                                "store is merged (ebjr verify says what else was changed)",
                                store->path, table->name, (long long)broken);
    if (!status)
        status = ebjr_tally_check(&tally, store, table->name);
    if (!status && !tally.same)
        status = ebjr_error_set(EBJR_ESTORE,
                                "%s: records of its table %s are missing or were put back; nothing "
                                "of this store is merged (ebjr verify says what)",
                                store->path, table->name);
    return status;
}

static int check_records(ebjr_store *store)
{
    int status = 0;
    for (size_t i = 0; !status && i < EBJR_RECORD_TABLES; i++)
        status = check_table(store, ebjr_record_tables[i]);
    return status;
}

static int digest_records(ebjr_hash *hash, const struct ebjr_table *table, const void *records,
                          size_t count)
{
    char seal[EBJR_HASH_TEXT];
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        status = ebjr_table_seal(seal, table, (const char *)records + i * table->record_size);
        if (!status)
            status = ebjr_hash_update(hash, seal, sizeof seal);
    }
    return status;
}

static int digest(struct ebjr_merge_source *source)
{
    ebjr_hash *hash;
    int status = ebjr_hash_new(&hash);
    if (status)
        return status;
    status = digest_records(hash, &ebjr_model_table, source->models, source->model_count);
    if (!status)
        status = digest_records(hash, &ebjr_dataset_table, source->datasets, source->dataset_count);
    if (!status)
        status = digest_records(hash, &ebjr_run_table, source->runs, source->run_count);
    if (!status)
        status = ebjr_hash_finish(hash, source->digest);
    ebjr_hash_free(hash);
    return status;
}

static int read_records(struct ebjr_merge_source *out, ebjr_store *store)
{
    int status = ebjr_stored_model_list(&out->models, &out->model_count, store);
    if (!status)
        status = ebjr_stored_dataset_list(&out->datasets, &out->dataset_count, store);
    if (!status)
        status = ebjr_stored_run_list(&out->runs, &out->run_count, store);
    if (status)
        return status;
    out->first = INT64_MAX;
    for (size_t i = 0; i < out->run_count; i++)
        if (out->runs[i].done > 0 && out->runs[i].first < out->first)
            out->first = out->runs[i].first;
    out->model_ids = calloc(out->model_count + 1, sizeof *out->model_ids);
    out->dataset_ids = calloc(out->dataset_count + 1, sizeof *out->dataset_ids);
    return out->model_ids && out->dataset_ids ? digest(out) : ebjr_error_memory();
}

int ebjr_merge_source_read(struct ebjr_merge_source *out, const char *path)
{
    ebjr_store *store = NULL;
    *out = (struct ebjr_merge_source){.path = path};
    int status = ebjr_store_open(&store, path, EBJR_STORE_READ);
    if (!status)
        status = check_records(store);
    if (!status)
        status = read_records(out, store);
    ebjr_store_close(store);
    return status;
}

void ebjr_merge_source_free(struct ebjr_merge_source *source)
{
    free(source->models);
    free(source->datasets);
    free(source->runs);
    free(source->model_ids);
    free(source->dataset_ids);
}

int ebjr_merge_source_compare(const void *a, const void *b)
{
    const struct ebjr_merge_source *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    int age = strcmp(x->model_count ? x->models[0].created : "",
                     y->model_count ? y->models[0].created : "");
    return age ? age : strcmp(x->digest, y->digest);
}

int64_t ebjr_merge_model_id(const struct ebjr_merge_source *source, int64_t id)
{
    for (size_t i = 0; i < source->model_count; i++)
        if (source->models[i].id == id)
            return source->model_ids[i];
    return EBJR_UNKNOWN;
}

int64_t ebjr_merge_dataset_id(const struct ebjr_merge_source *source, int64_t id)
{
    for (size_t i = 0; i < source->dataset_count; i++)
        if (source->datasets[i].id == id)
            return source->dataset_ids[i];
    return EBJR_UNKNOWN;
}
