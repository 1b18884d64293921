#include "cli/ls_run.h"

#include "cli/option.h"
#include "db/detection.h"
#include "db/output.h"
#include "db/truth.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
    {"run", COLUMN_INTEGER, 4, false, NULL},
    {"model", COLUMN_TEXT, 20, false, NULL},
    {"model_sha256", COLUMN_TEXT, 12, false, NULL},
    {"model_path", COLUMN_TEXT, 0, true, NULL},
    {"model_bytes", COLUMN_INTEGER, 0, true, NULL},
    {"kind", COLUMN_TEXT, 0, true, NULL},
    {"dataset", COLUMN_TEXT, 20, false, NULL},
    {"dataset_sha256", COLUMN_TEXT, 14, false, NULL},
    {"dataset_path", COLUMN_TEXT, 0, true, NULL},
    {"dataset_bytes", COLUMN_INTEGER, 0, true, NULL},
    {"shape", COLUMN_TEXT, 0, true, NULL},
    {"dataset_samples", COLUMN_INTEGER, 0, true, NULL},
    {"first", COLUMN_INTEGER, 0, true, NULL},
    {"samples", COLUMN_INTEGER, 9, false, NULL},
    {"done", COLUMN_INTEGER, 9, false, NULL},
    {"detections", COLUMN_INTEGER, 0, true, NULL},
    {"classes", COLUMN_INTEGER, 0, false, NULL},
    {"accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"parameters", COLUMN_INTEGER, 0, false, NULL},
    {"flops", COLUMN_INTEGER, 12, false, NULL},
    {"flops_mac2", COLUMN_INTEGER, 0, true, NULL},
    {"flops_source", COLUMN_TEXT, 0, true, NULL},
    {"uncounted", COLUMN_TEXT, 0, true, NULL},
    {"preprocessing", COLUMN_TEXT, 0, true, NULL},
    {"dtype", COLUMN_TEXT, 0, true, NULL},
    {"device", COLUMN_TEXT, 0, true, NULL},
    {"plan", COLUMN_TEXT, 0, true, NULL},
    {"library", COLUMN_TEXT, 0, true, NULL},
    {"host", COLUMN_TEXT, 0, true, NULL},
    {"program", COLUMN_TEXT, 0, true, NULL},
    {"started", COLUMN_TEXT, 0, true, NULL},
    {"finished", COLUMN_TEXT, 0, true, NULL},
};

struct table ls_run_table(struct output output, bool detections)
{
    static struct column shown[ROWS(columns)];
    memcpy(shown, columns, sizeof shown);
    for (size_t i = 0; i < ROWS(shown); i++)
        if (strcmp(shown[i].name, "detections") == 0)
            shown[i].detail = !detections;
    return (struct table){output, shown, ROWS(shown), 0, false};
}

static int detections_of(int64_t *out, ebjr_store *store, const struct ebjr_stored_run *run)
{
    struct ebjr_stored_detections detections;
    int status = ebjr_detection_read(&detections, store, run, false);
    if (status)
        return status;
    *out = (int64_t)detections.detections.count;
    ebjr_stored_detections_free(&detections);
    return 0;
}

static int accuracy_of(double *out, ebjr_store *store, const struct ebjr_stored_run *run)
{
    ebjr_output_cursor *cursor;
    struct ebjr_output row;
    int64_t correct = 0, n = 0;
    int more;
    int status = ebjr_output_cursor_open(&cursor, store, run, false);
    if (status)
        return status;
    while ((more = ebjr_output_cursor_next(cursor, &row)) > 0) {
        correct += row.correct;
        n++;
    }
    ebjr_output_cursor_close(cursor);
    *out = n ? (double)correct / (double)n : NAN;
    return more;
}

int ls_run_row(struct table *table, ebjr_store *store, const struct ebjr_stored_run *run,
               const struct ebjr_stored_model *model, const struct ebjr_stored_dataset *dataset)
{
    double accuracy = NAN;
    int64_t detections = EBJR_UNKNOWN;
    char model_hash[EBJR_HASH_TEXT], dataset_hash[EBJR_HASH_TEXT];
    bool brief = table->output.format == FORMAT_TABLE || table->output.format == FORMAT_MD;
    snprintf(model_hash, sizeof model_hash, "%.*s", brief ? 12 : 64, model->sha256);
    snprintf(dataset_hash, sizeof dataset_hash, "%.*s", brief ? 12 : 64, dataset->sha256);
    int status = strcmp(dataset->kind, EBJR_COCO_KIND) == 0 ? detections_of(&detections, store, run)
                                                            : accuracy_of(&accuracy, store, run);
    if (status)
        return status;
    struct value values[] = {
        integer_value(run->id),
        text_value(model->name),
        text_value(model_hash),
        text_value(model->path),
        integer_value(model->bytes),
        text_value(model->kind),
        text_value(dataset->name),
        text_value(dataset_hash),
        text_value(dataset->path),
        integer_value(dataset->bytes),
        text_value(dataset->shape),
        integer_value(dataset->samples),
        integer_value(run->first),
        integer_value(run->samples),
        integer_value(run->done),
        integer_value(detections),
        integer_value(run->classes),
        real_value(accuracy),
        integer_value(model->parameters),
        integer_value(run->flops),
        integer_value(run->flops_mac2),
        text_value(run->flops_source),
        text_value(run->uncounted),
        text_value(run->preprocessing),
        text_value(run->dtype),
        text_value(run->device),
        text_value(run->plan),
        text_value(run->library),
        text_value(run->host),
        text_value(run->program),
        text_value(run->started),
        text_value(run->finished),
    };
    table_row(table, values);
    if (brief && (run->first != 0 || run->samples != dataset->samples))
        say("note: run %lld is a shard: of the %lld samples of '%s' it has %lld, from sample %lld "
            "on; ebjr merge joins shards",
            (long long)run->id, (long long)dataset->samples, dataset->name, (long long)run->samples,
            (long long)run->first);
    return 0;
}
