/* ebjr eval: one threshold, the report of the original script. */
#include "base/error.h"
#include "calib/sweep.h"
#include "cli/cascade_latency.h"
#include "cli/commands.h"
#include "cli/fit.h"
#include "cli/policy_cascade.h"
#include "cli/slices.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {"dataset", COLUMN_TEXT, 0, false, NULL},
    {"student", COLUMN_TEXT, 0, false, NULL},
    {"teacher", COLUMN_TEXT, 0, false, NULL},
    {"n", COLUMN_INTEGER, 0, false, "samples"},
    {"score", COLUMN_TEXT, 0, false, NULL},
    {"threshold", COLUMN_REAL, 0, false, "(the student answers where score >= threshold)"},
    {"student_share", COLUMN_FRACTION, 0, false, NULL},
    {"teacher_rate", COLUMN_FRACTION, 0, false, NULL},
    {"accuracy", COLUMN_FRACTION, 0, false, "top-1 of the cascade"},
    {"top5_accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"student_accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"teacher_accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"student_top5_accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"teacher_top5_accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"harm", COLUMN_INTEGER, 0, false,
     "samples: the student answered, wrong; the teacher is right"},
    {"help", COLUMN_INTEGER, 0, false, "samples: the other way round"},
    {"flops", COLUMN_REAL, 0, false, "a sample, of the cascade"},
    {"student_flops", COLUMN_REAL, 0, false, "a sample"},
    {"teacher_flops", COLUMN_REAL, 0, false, "a sample"},
    {"flops_convention", COLUMN_TEXT, 0, false, NULL},
    {"near_threshold", COLUMN_INTEGER, 0, false, "samples within float32 rounding of it"},
    {"latency_ns", COLUMN_REAL, 0, false, "the mean of a sample, of the cascade"},
    {"p50_ns", COLUMN_REAL, 0, false, NULL},
    {"p95_ns", COLUMN_REAL, 0, false, NULL},
    {"p99_ns", COLUMN_REAL, 0, false, NULL},
    {"student_latency_ns", COLUMN_REAL, 0, false, "the mean of a sample"},
    {"teacher_latency_ns", COLUMN_REAL, 0, false, "the mean of a sample, by itself"},
};
enum { LATENCY_COLUMNS = 6 }; /* the last, where latencies are stored */

static int64_t count(const uint8_t *flags, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += flags[i];
    return sum;
}

/* Samples so near the threshold that float32 arithmetic may route them the other way: a few units
 * in the last place, for the sums a score is made of. */
static int64_t count_near(const double *scores, size_t n, double threshold)
{
    double tolerance = 4 * FLT_EPSILON * fabs(threshold);
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(scores[i] - threshold) <= tolerance;
    return sum;
}

static int64_t count_top5(const struct cascade *cascade, const double *scores, double threshold)
{
    int64_t sum = 0;
    for (size_t i = 0; i < cascade->n; i++)
        sum += scores[i] >= threshold ? cascade->student_top5[i] : cascade->teacher_top5[i];
    return sum;
}

struct latencies {
    struct ebjr_measured_summary student, teacher, cascade;
};

/* All NaN where they are not stored. */
static int summarise_latencies(struct latencies *out, const struct cascade *cascade,
                               const struct rule *rule)
{
    size_t n = cascade->student_latency ? cascade->n : 0;
    double *latency = malloc((n + 1) * sizeof *latency);
    if (!latency)
        return ebjr_error_memory();
    if (n > 0)
        cascade_latencies(latency, cascade, rule->scores, rule->threshold);
    int status = ebjr_measured_summarise(&out->cascade, latency, n);
    if (!status)
        status = ebjr_measured_summarise(&out->student, cascade->student_latency, n);
    if (!status)
        status = ebjr_measured_summarise(&out->teacher, cascade->teacher_latency, n);
    free(latency);
    return status;
}

static int report(const struct cascade *cascade, const struct rule *rule, struct output output)
{
    struct latencies latencies;
    int status = summarise_latencies(&latencies, cascade, rule);
    if (status)
        return status;
    double n = (double)cascade->n;
    struct ebjr_point point;
    ebjr_sweep_at(&point, rule->threshold, rule->scores, cascade->student_correct, rule->answer,
                  cascade->n);
    struct ebjr_curve curve = {.n = (int64_t)cascade->n,
                               .student_correct = count(cascade->student_correct, cascade->n),
                               .teacher_correct = count(rule->answer, cascade->n)};
    struct value values[] = {
        text_value(cascade->dataset.name),
        text_value(cascade->student.name),
        text_value(cascade->teacher.name),
        integer_value((int64_t)cascade->n),
        text_value(rule->score),
        real_value(rule->threshold),
        real_value(ebjr_point_share(&curve, &point)),
        real_value((double)(curve.n - point.student) / n),
        real_value(ebjr_point_accuracy(&curve, &point)),
        real_value((double)count_top5(cascade, rule->scores, rule->threshold) / n),
        real_value((double)curve.student_correct / n),
        real_value((double)count(cascade->teacher_correct, cascade->n) / n),
        real_value((double)count(cascade->student_top5, cascade->n) / n),
        real_value((double)count(cascade->teacher_top5, cascade->n) / n),
        integer_value(point.harm),
        integer_value(point.help),
        real_value(ebjr_point_cost(&curve, &point, cascade->student_flops, cascade->teacher_flops)),
        real_value(cascade->student_flops),
        real_value(cascade->teacher_flops),
        text_value(cascade->convention),
        integer_value(count_near(rule->scores, cascade->n, rule->threshold)),
        real_value(latencies.cascade.mean),
        real_value(latencies.cascade.p50),
        real_value(latencies.cascade.p95),
        real_value(latencies.cascade.p99),
        real_value(latencies.student.mean),
        real_value(latencies.teacher.mean),
    };
    size_t shown = ROWS(columns) - (cascade->student_latency ? 0 : LATENCY_COLUMNS);
    struct table table = {output, columns, shown, 0, true};
    table_begin(&table);
    table_row(&table, values);
    return table_end(&table);
}

/* A threshold typed by hand often comes from a script in float32. (That of a policy is the score of
 * a sample, which always lies on it.) */
static void warn_of_near(const struct rule *rule, const struct cascade *cascade)
{
    int64_t near = count_near(rule->scores, cascade->n, rule->threshold);
    if (near > 0 && cascade->options.precision == EBJR_DOUBLE)
        say("note: %lld sample%s within float32 rounding of the threshold; a script that computes "
            "in float32 may route %s the other way (--precision float32 does so)",
            (long long)near, near == 1 ? " lies" : "s lie", near == 1 ? "it" : "them");
}

struct request {
    struct cascade_request cascade;
    const char *score, *policy, *by, *class_weights, *format;
    double threshold; /* NaN: not given */
    double delta;
};

static int allocate(struct rule *rule, size_t n)
{
    rule->scores = malloc(n * sizeof *rule->scores);
    rule->answer = malloc(n);
    return rule->scores && rule->answer ? 0 : ebjr_error_memory();
}

static int apply_score(struct rule *rule, struct cascade *cascade, const struct request *request)
{
    const struct ebjr_score *score;
    int status = ebjr_score_find(&score, request->score);
    if (!status)
        status = cascade_load(cascade, &request->cascade);
    if (!status)
        status = allocate(rule, cascade->n);
    if (!status)
        status = cascade_score(rule->scores, cascade, score);
    if (status)
        return status;
    rule->score = score->name;
    /* in float32, as PyTorch compares a tensor with a Python number */
    rule->threshold = cascade->options.precision == EBJR_FLOAT32 ? (double)(float)request->threshold
                                                                 : request->threshold;
    memcpy(rule->answer, cascade->teacher_correct, cascade->n);
    return 0;
}

static int apply_policy(struct rule *rule, struct cascade *cascade, struct ebjr_policy *policy,
                        const struct request *request)
{
    int status = policy_load_cascade(policy, cascade, &request->cascade, request->policy);
    if (!status)
        status = allocate(rule, cascade->n);
    if (status)
        return status;
    const struct ebjr_policy_stage *stage = &policy->stages[0];
    rule->score = stage->router.learned ? "learned" : stage->router.score->name;
    rule->threshold = stage->threshold;
    fit_scores(rule->scores, cascade, &stage->router);
    fit_joint_correct(rule->answer, cascade, policy->answer_weight);
    return 0;
}

static int check_request(const struct request *request)
{
    bool named = request->cascade.student && request->cascade.teacher && request->score &&
                 !isnan(request->threshold);
    bool any = request->cascade.student || request->cascade.teacher || request->score ||
               !isnan(request->threshold);
    if (request->policy && any)
        return ebjr_error_set(EBJR_EINVAL, "a --policy says models, score and threshold itself");
    if (!request->policy && !named)
        return ebjr_error_set(EBJR_EINVAL, "wanted: --student, --teacher, --score and --threshold, "
                                           "or --policy");
    return 0;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.cascade = CASCADE_REQUEST, .threshold = NAN, .delta = 0.05};
    const struct option_row rows[] = {
        CASCADE_ROWS(request.cascade, false),
        {"score", OPTION_TEXT, &request.score, "NAME", "ebjr sweep --help lists them", false},
        {"threshold", OPTION_NUMBER, &request.threshold, "T",
         "the student answers where score >= T", false},
        {"policy", OPTION_TEXT, &request.policy, "FILE",
         "what ebjr pick decided, instead of models, score and threshold", false},
        {"by", OPTION_TEXT, &request.by, "WHAT",
         "a row for each slice: class, prediction (the student's), or a FILE with a group\n"
         "number a sample (.npy, or one a line)",
         false},
        {"class-weights", OPTION_TEXT, &request.class_weights, "MIX",
         "a row for each group of classes, and for the traffic they make up: 0-3=0.7\n"
         "(the other classes share the rest)",
         false},
        {"delta", OPTION_NUMBER, &request.delta, "D",
         "the slices' intervals hold all together with probability 1 - D (default 0.05)", false},
        FORMAT_ROW(&request.format),
    };
    struct cascade cascade = {0};
    struct ebjr_policy policy = {0};
    struct rule rule = {0};
    struct class_mix mix;
    struct output output;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = output_parse(&output, request.format);
    if (!status)
        status = check_request(&request);
    if (!status && request.class_weights && request.by)
        status = ebjr_error_set(EBJR_EINVAL, "either --by or --class-weights");
    if (!status && request.class_weights)
        status = class_mix_parse(&mix, request.class_weights);
    if (!status)
        status = request.policy ? apply_policy(&rule, &cascade, &policy, &request)
                                : apply_score(&rule, &cascade, &request);
    if (!status) {
        cascade_warn(&cascade);
        status = request.class_weights ? slices_report_mix(&cascade, &rule, &mix, output)
                 : request.by ? slices_report(&cascade, &rule, request.by, request.delta, output)
                              : report(&cascade, &rule, output);
        if (!request.policy)
            warn_of_near(&rule, &cascade);
    }
    free(rule.scores);
    free(rule.answer);
    ebjr_policy_clear(&policy);
    cascade_free(&cascade);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_eval = {
    "eval", "the cascade at one threshold, from the store",
    "Intervals of slices are exact (Clopper and Pearson), two-sided, shared by Bonferroni. They "
    "hold\n"
    "where the threshold was not chosen on the same samples.\n\n"
    "Example:\n"
    "  ebjr eval --db cifar10.db --student small --teacher large --score softmax-energy \\\n"
    "            --threshold 2.46\n"
    "  ebjr eval --db cifar10.db --policy policy.json --dataset another-test-set\n",
    run};
