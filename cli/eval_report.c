#include "cli/eval_report.h"

#include "base/error.h"
#include "calib/sweep.h"
#include "cli/cascade_latency.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

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

int64_t eval_count_near(const double *scores, size_t n, double threshold)
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

int eval_report(const struct cascade *cascade, const struct rule *rule, struct output output)
{
    struct latencies latencies;
    int status = summarise_latencies(&latencies, cascade, rule);
    if (status)
        return status;
    double n = (double)cascade->n;
    struct ebjr_point point;
    struct ebjr_curve curve;
    rule_point(&curve, &point, rule, cascade);
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
        integer_value(eval_count_near(rule->scores, cascade->n, rule->threshold)),
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
