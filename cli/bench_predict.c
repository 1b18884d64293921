#include "cli/bench_predict.h"

#include "base/error.h"
#include "cli/cascade_latency.h"
#include "db/latency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* latency[samples] of a stage's model by itself. EBJR_ENOTFOUND: it was not measured. */
static int read_stage(double *latency, ebjr_store *store, const struct ebjr_stored_dataset *dataset,
                      const struct live_cascade *cascade, size_t stage)
{
    struct ebjr_stored_measurement measurement;
    int64_t *ns, *sample;
    bool whole;
    char plan[EBJR_PLAN_TEXT];
    const struct ebjr_stored_model *model = &cascade->stored[stage];
    int status = ebjr_latency_newest(&measurement, store, model->id, dataset->id);
    if (!status)
        status = measurement_read(&ns, &sample, store, &measurement);
    if (status)
        return status;
    ebjr_plan_format(plan, ebjr_model_plan(cascade->models[stage]));
    if (strcmp(plan, measurement.plan) != 0)
        say("note: '%s' was measured by the plan '%s', and is executed by '%s'", model->name,
            measurement.plan, plan);
    status = ebjr_measured_assign(latency, &whole, (size_t)dataset->samples, sample, ns,
                                  (size_t)measurement.samples);
    free(ns);
    free(sample);
    return status;
}

int bench_predict(struct ebjr_measured_summary *out, ebjr_store *store, const struct live *live,
                  const struct live_cascade *cascade, const struct ebjr_replay *replay, int64_t n)
{
    struct ebjr_stored_dataset dataset;
    *out = (struct ebjr_measured_summary){NAN, NAN, NAN, NAN};
    if (ebjr_stored_dataset_find(&dataset, store, live->stored_dataset.sha256) != 0)
        return 0;
    double *total = calloc((size_t)n, sizeof *total);
    double *stage = malloc((size_t)dataset.samples * sizeof *stage);
    int status = total && stage ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < cascade->policy.stage_count; i++) {
        status = read_stage(stage, store, &dataset, cascade, i);
        for (int64_t j = 0; !status && j < n; j++)
            total[j] += replay->answers[j].stage >= (int32_t)i ? stage[j] : 0;
    }
    if (!status)
        status = ebjr_measured_summarise(out, total, (size_t)n);
    free(total);
    free(stage);
    return status == EBJR_ENOTFOUND ? 0 : status;
}
