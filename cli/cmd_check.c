/* ebjr check: does a policy still hold on new outputs? */
#include "base/error.h"
#include "calib/budget.h"
#include "calib/monitor.h"
#include "cli/commands.h"
#include "cli/fit.h"
#include "cli/parts.h"
#include "cli/policy_cascade.h"
#include "cli/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct request {
    struct cascade_request cascade;
    const char *policy, *format;
    double alpha;
    bool unlabelled;
};

static const struct column columns[] = {
    {"verdict", COLUMN_TEXT, 0, false, NULL},
    {"n", COLUMN_INTEGER, 0, false, "new samples"},
    {"calibration_n", COLUMN_INTEGER, 0, false, NULL},
    {"drift_statistic", COLUMN_REAL, 0, false, "greatest difference of the scores' distributions"},
    {"drift_p_value", COLUMN_REAL, 0, false, NULL},
    {"drifted", COLUMN_FLAG, 0, false, NULL},
    {"teacher_rate", COLUMN_FRACTION, 0, false, NULL},
    {"promise", COLUMN_TEXT, 0, false, NULL},
    {"limit", COLUMN_FRACTION, 0, false, "of the promised risk"},
    {"risk", COLUMN_FRACTION, 0, false, "on the new samples"},
    {"refuted", COLUMN_FLAG, 0, false, NULL},
    {"refuted_after", COLUMN_INTEGER, 0, false, "samples"},
};

/*
 * What the promise bounds, one loss in 0..1 a sample. A drop certified by harm bounds that, another
 * one how often the teacher alone is right less how often the cascade is, which is shifted into
 * 0..1 as (1 + alone - right) / 2; an accuracy bounds errors.
 */
enum loss { LOSS_HARM, LOSS_DROP, LOSS_ERROR };

struct promise {
    const char *name;
    double limit; /* of the loss */
    enum loss loss;
};

static double loss_of(enum loss loss, bool keeps, bool student, bool deferred, bool alone)
{
    switch (loss) {
    case LOSS_HARM: return keeps && !student && deferred;
    case LOSS_DROP: return (1.0 + alone - (keeps ? student : deferred)) / 2;
    case LOSS_ERROR: return keeps ? !student : !deferred;
    }
    return 0;
}

/* The mean of the losses in the unit of the promise. */
static double risk_of(enum loss loss, double mean)
{
    return loss == LOSS_DROP ? 2 * mean - 1 : mean;
}

static bool find_promise(struct promise *out, const struct ebjr_policy *policy)
{
    double drop = policy->limit[EBJR_MAX_DROP];
    if (!isnan(drop)) {
        bool is_of_harm =
            policy->certified >> EBJR_MAX_DROP & 1 &&
            (!*policy->drop_bound || strcmp(policy->drop_bound, "clopper-pearson") == 0);
        *out = is_of_harm ? (struct promise){"max-drop", drop, LOSS_HARM}
                          : (struct promise){"max-drop", (1 + drop) / 2, LOSS_DROP};
        return true;
    }
    if (!isnan(policy->limit[EBJR_MIN_ACCURACY])) {
        *out = (struct promise){"min-accuracy", 1 - policy->limit[EBJR_MIN_ACCURACY], LOSS_ERROR};
        return true;
    }
    return false;
}

struct outcome {
    struct ebjr_drift drift;
    size_t calibration_n;
    double teacher_rate;
    bool has_promise;
    struct promise promise;
    double risk;
    bool refuted;
    int64_t refuted_after;
};

/* The scores that the policy was calibrated on, from the store that it was picked from. */
static int calibration_scores(double **out, size_t *count, const struct ebjr_policy *policy,
                              const struct request *request)
{
    struct cascade cascade = {0};
    struct cascade_request old = request->cascade;
    struct class_mix mix;
    struct parts parts = {.fraction = {policy->tune_on, policy->calibrate_on, policy->test_on},
                          .seed = policy->seed};
    old.dataset = policy->dataset_sha256;
    int status = policy_cascade(&cascade, policy, &old, request->policy);
    double *scores = status ? NULL : malloc(cascade.n * sizeof *scores);
    if (!status && *policy->class_weights) {
        status = class_mix_parse(&mix, policy->class_weights);
        parts.mix = &mix;
    }
    if (!status)
        status = scores ? parts_split(&parts, &cascade) : ebjr_error_memory();
    if (!status)
        status = fit_scores(scores, &cascade, &policy->stages[0].router);
    if (!status) {
        *count = 0;
        for (size_t i = 0; i < cascade.n; i++)
            if (parts.mask[CALIBRATION][i])
                scores[(*count)++] = scores[i];
        *out = scores;
    }
    parts_free(&parts);
    cascade_free(&cascade);
    if (status)
        free(scores);
    return status;
}

static int watch(struct outcome *out, const struct ebjr_policy *policy,
                 const struct cascade *cascade, const double *scores, const uint8_t *answer)
{
    double delta = isnan(policy->delta) ? 0.05 : policy->delta, sum = 0;
    double threshold = policy->stages[0].threshold;
    struct ebjr_monitor monitor;
    int status = ebjr_monitor_start(&monitor, out->promise.limit, delta);
    for (size_t i = 0; status >= 0 && i < cascade->n; i++) {
        double loss = loss_of(out->promise.loss, scores[i] >= threshold,
                              cascade->student_correct[i], answer[i], cascade->teacher_correct[i]);
        sum += loss;
        status = ebjr_monitor_add(&monitor, loss);
        if (status > 0 && !out->refuted) {
            out->refuted = true;
            out->refuted_after = (int64_t)i + 1;
        }
    }
    out->risk = risk_of(out->promise.loss, sum / (double)cascade->n);
    return status < 0 ? status : 0;
}

static int examine(struct outcome *out, const struct ebjr_policy *policy,
                   const struct cascade *cascade, const struct request *request)
{
    double *old = NULL;
    double *scores = malloc(cascade->n * sizeof *scores);
    uint8_t *answer = malloc(cascade->n);
    int status = scores && answer ? calibration_scores(&old, &out->calibration_n, policy, request)
                                  : ebjr_error_memory();
    if (!status)
        status = fit_scores(scores, cascade, &policy->stages[0].router);
    if (!status) {
        size_t deferred = 0;
        fit_joint_correct(answer, cascade, policy->answer_weight);
        for (size_t i = 0; i < cascade->n; i++)
            deferred += scores[i] < policy->stages[0].threshold;
        out->teacher_rate = (double)deferred / (double)cascade->n;
        status = ebjr_drift_test(&out->drift, old, out->calibration_n, scores, cascade->n);
    }
    out->has_promise = !request->unlabelled && find_promise(&out->promise, policy) &&
                       out->promise.limit > 0 && out->promise.limit < 1;
    if (!status && out->has_promise)
        status = watch(out, policy, cascade, scores, answer);
    free(old);
    free(scores);
    free(answer);
    return status;
}

static int print(const struct outcome *outcome, const struct cascade *cascade, double alpha,
                 struct output output)
{
    bool drifted = outcome->drift.p_value < alpha;
    const char *verdict = outcome->refuted ? "fall back" : drifted ? "recalibrate" : "keep";
    bool promised = outcome->has_promise;
    struct value values[] = {
        text_value(verdict),
        integer_value((int64_t)cascade->n),
        integer_value((int64_t)outcome->calibration_n),
        real_value(outcome->drift.statistic),
        real_value(outcome->drift.p_value),
        integer_value(drifted),
        real_value(outcome->teacher_rate),
        text_value(promised ? outcome->promise.name : NULL),
        real_value(promised ? risk_of(outcome->promise.loss, outcome->promise.limit) : NAN),
        real_value(promised ? outcome->risk : NAN),
        integer_value(promised ? outcome->refuted : EBJR_UNKNOWN),
        integer_value(outcome->refuted ? outcome->refuted_after : EBJR_UNKNOWN),
    };
    struct table table = {output, columns, ROWS(columns), 0, true};
    table_begin(&table);
    table_row(&table, values);
    return table_end(&table);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.cascade = CASCADE_REQUEST, .alpha = 0.01};
    const struct option_row rows[] = {
        {"db", OPTION_TEXT, &request.cascade.db, "FILE",
         "the store of the policy's outputs and of the new ones", true},
        {"policy", OPTION_TEXT, &request.policy, "FILE", "what ebjr pick wrote", true},
        {"dataset", OPTION_TEXT, &request.cascade.dataset, "NAME", "the new samples", true},
        {"alpha", OPTION_NUMBER, &request.alpha, "A", "level of the test for drift (default 0.01)",
         false},
        {"unlabelled", OPTION_FLAG, &request.unlabelled, NULL,
         "the labels of the new samples mean nothing: test for drift only", false},
        FORMAT_ROW(&request.format),
    };
    struct cascade cascade = {0};
    struct ebjr_policy policy = {0};
    struct outcome outcome = {0};
    struct output output;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = output_parse(&output, request.format);
    if (!status && !(request.alpha > 0 && request.alpha < 1))
        status = ebjr_error_set(EBJR_EINVAL, "--alpha lies between 0 and 1");
    if (!status)
        status = policy_load_cascade(&policy, &cascade, &request.cascade, request.policy);
    if (!status)
        status = examine(&outcome, &policy, &cascade, &request);
    if (!status)
        status = print(&outcome, &cascade, request.alpha, output);
    ebjr_policy_clear(&policy);
    cascade_free(&cascade);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_check = {
    "check", "does a policy still hold on new outputs",
    "Verdicts:\n"
    "  keep         nothing speaks against the policy\n"
    "  recalibrate  the scores are distributed otherwise than when it was made (Kolmogorov and\n"
    "               Smirnov); labels are not looked at\n"
    "  fall back    the promised risk is refuted, by a test that stays valid at any time\n\n"
    "Example:\n"
    "  ebjr check --db cifar10.db --policy policy.json --dataset this-week\n",
    run};
