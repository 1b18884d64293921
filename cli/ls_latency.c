#include "cli/ls_latency.h"

#include "cli/cascade_latency.h"
#include "cli/option.h"
#include "db/trial.h"

#include <stdlib.h>

/* The names of what rows point to. */
struct names {
    struct ebjr_stored_model *models;
    struct ebjr_stored_dataset *datasets;
    size_t model_count, dataset_count;
};

static int names_read(struct names *names, ebjr_store *store)
{
    *names = (struct names){0};
    int status = ebjr_stored_model_list(&names->models, &names->model_count, store);
    if (!status)
        status = ebjr_stored_dataset_list(&names->datasets, &names->dataset_count, store);
    return status;
}

static void names_free(struct names *names)
{
    free(names->models);
    free(names->datasets);
}

static const char *model_name(const struct names *names, int64_t id)
{
    for (size_t i = 0; i < names->model_count; i++)
        if (names->models[i].id == id)
            return names->models[i].name;
    return NULL;
}

static const char *dataset_name(const struct names *names, int64_t id)
{
    for (size_t i = 0; i < names->dataset_count; i++)
        if (names->datasets[i].id == id)
            return names->datasets[i].name;
    return NULL;
}

static const struct column measurement_columns[] = {
    {"measurement", COLUMN_INTEGER, 0, false, NULL},
    {"subject", COLUMN_TEXT, 20, false, NULL},
    {"dataset", COLUMN_TEXT, 14, false, NULL},
    {"scenario", COLUMN_TEXT, 0, false, NULL},
    {"qps", COLUMN_REAL, 8, false, NULL},
    {"device", COLUMN_TEXT, 8, false, NULL},
    {"plan", COLUMN_TEXT, 0, true, NULL},
    {"batch", COLUMN_INTEGER, 0, false, NULL},
    {"threads", COLUMN_INTEGER, 0, false, NULL},
    {"samples", COLUMN_INTEGER, 8, false, NULL},
    {"dropped", COLUMN_INTEGER, 0, true, NULL},
    {"teacher_rate", COLUMN_FRACTION, 0, false, NULL},
    {"mean_ns", COLUMN_REAL, 10, false, NULL},
    {"p50_ns", COLUMN_REAL, 10, false, NULL},
    {"p95_ns", COLUMN_REAL, 10, false, NULL},
    {"p99_ns", COLUMN_REAL, 10, false, NULL},
    {"policy", COLUMN_TEXT, 0, true, NULL},
    {"sha256", COLUMN_TEXT, 0, true, NULL},
    {"host", COLUMN_TEXT, 0, true, NULL},
    {"library", COLUMN_TEXT, 0, true, NULL},
    {"program", COLUMN_TEXT, 0, true, NULL},
    {"created", COLUMN_TEXT, 0, true, NULL},
};

static int print_measurement(struct table *table, ebjr_store *store, const struct names *names,
                             const struct ebjr_stored_measurement *measurement)
{
    struct ebjr_measured_summary summary;
    int status = measurement_summarise(&summary, store, measurement);
    if (status)
        return status;
    const char *model = model_name(names, measurement->model_id);
    struct value values[] = {
        integer_value(measurement->id),
        text_value(model ? model : measurement->subject),
        text_value(dataset_name(names, measurement->dataset_id)),
        text_value(measurement->scenario),
        real_value(measurement->qps),
        text_value(measurement->device),
        text_value(measurement->plan),
        integer_value(measurement->batch),
        integer_value(measurement->threads),
        integer_value(measurement->samples),
        integer_value(measurement->dropped),
        real_value(measurement->teacher_rate),
        real_value(summary.mean),
        real_value(summary.p50),
        real_value(summary.p95),
        real_value(summary.p99),
        text_value(measurement->policy),
        text_value(measurement->sha256),
        text_value(measurement->host),
        text_value(measurement->library),
        text_value(measurement->program),
        text_value(measurement->created),
    };
    table_row(table, values);
    return 0;
}

static bool is_of(const struct ebjr_stored_measurement *measurement, const struct cascade *cascade)
{
    int64_t model = measurement->model_id;
    if (!cascade)
        return true;
    if (measurement->dataset_id != cascade->dataset.id)
        return false;
    return model == EBJR_UNKNOWN
               ? measurement_is_of(measurement, cascade->student.name, cascade->teacher.name)
               : model == cascade->student.id || model == cascade->teacher.id;
}

int ls_print_measurements(ebjr_store *store, const struct cascade *cascade, struct output output)
{
    struct names names;
    struct ebjr_stored_measurement *measurements = NULL;
    size_t count = 0;
    struct table table = {output, measurement_columns, ROWS(measurement_columns), 0, false};
    int status = names_read(&names, store);
    if (!status)
        status = ebjr_stored_measurement_list(&measurements, &count, store);
    if (!status)
        table_begin(&table);
    for (size_t i = 0; !status && i < count; i++)
        if (is_of(&measurements[i], cascade))
            status = print_measurement(&table, store, &names, &measurements[i]);
    if (!status)
        status = table_end(&table);
    free(measurements);
    names_free(&names);
    return status;
}

static const struct column plan_columns[] = {
    {"model", COLUMN_TEXT, 20, false, NULL},
    {"shape", COLUMN_TEXT, 9, false, NULL},
    {"device", COLUMN_TEXT, 8, false, NULL},
    {"dtype", COLUMN_TEXT, 8, false, NULL},
    {"mode", COLUMN_TEXT, 13, false, NULL},
    {"batch", COLUMN_INTEGER, 0, false, NULL},
    {"threads", COLUMN_INTEGER, 0, false, NULL},
    {"ns", COLUMN_INTEGER, 10, false, NULL},
    {"max_difference", COLUMN_REAL, 0, false, NULL},
    {"changed", COLUMN_INTEGER, 0, false, NULL},
    {"samples", COLUMN_INTEGER, 0, false, NULL},
    {"chosen", COLUMN_FLAG, 0, false, NULL},
    {"note", COLUMN_TEXT, 0, false, NULL},
    {"asked_batch", COLUMN_INTEGER, 0, true, NULL},
    {"asked_threads", COLUMN_INTEGER, 0, true, NULL},
    {"host", COLUMN_TEXT, 0, true, NULL},
    {"library", COLUMN_TEXT, 0, true, NULL},
    {"program", COLUMN_TEXT, 0, true, NULL},
    {"created", COLUMN_TEXT, 0, true, NULL},
};

static void print_plan(struct table *table, const struct names *names,
                       const struct ebjr_trial *trial)
{
    struct value values[] = {
        text_value(model_name(names, trial->key.model_id)),
        text_value(trial->key.shape),
        text_value(trial->key.device),
        text_value(trial->key.dtype),
        text_value(trial->mode),
        integer_value(trial->batch),
        integer_value(trial->threads),
        integer_value(trial->ns),
        real_value(trial->max_difference),
        integer_value(trial->changed),
        integer_value(trial->samples),
        integer_value(trial->chosen),
        text_value(trial->note),
        integer_value(trial->key.asked_batch),
        integer_value(trial->key.asked_threads),
        text_value(trial->key.host),
        text_value(trial->key.library),
        text_value(trial->program),
        text_value(trial->created),
    };
    table_row(table, values);
}

int ls_print_plans(ebjr_store *store, struct output output)
{
    struct names names;
    struct ebjr_trial *trials = NULL;
    size_t count = 0;
    struct table table = {output, plan_columns, ROWS(plan_columns), 0, false};
    int status = names_read(&names, store);
    if (!status)
        status = ebjr_trial_list(&trials, &count, store, NULL);
    if (!status) {
        table_begin(&table);
        for (size_t i = 0; i < count; i++)
            print_plan(&table, &names, &trials[i]);
        status = table_end(&table);
    }
    free(trials);
    names_free(&names);
    return status;
}
