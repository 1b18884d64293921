/* ebjr eval: one threshold, the report of the original script. */
#include "base/error.h"
#include "calib/sweep.h"
#include "cli/cascade.h"
#include "cli/commands.h"
#include "cli/table.h"

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
    {"near_threshold", COLUMN_INTEGER, 0, false,
     "samples within float32 rounding of the threshold"},
};

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

static int report(const struct cascade *cascade, const struct ebjr_score *score,
                  const double *scores, double threshold, enum format format)
{
    double n = (double)cascade->n;
    struct ebjr_point point;
    ebjr_sweep_at(&point, threshold, scores, cascade->student_correct, cascade->teacher_correct,
                  cascade->n);
    struct ebjr_curve curve = {.n = (int64_t)cascade->n,
                               .student_correct = count(cascade->student_correct, cascade->n),
                               .teacher_correct = count(cascade->teacher_correct, cascade->n)};
    int64_t near = count_near(scores, cascade->n, threshold);
    struct value values[] = {
        text_value(cascade->dataset.name),
        text_value(cascade->student.name),
        text_value(cascade->teacher.name),
        integer_value((int64_t)cascade->n),
        text_value(score->name),
        real_value(threshold),
        real_value(ebjr_point_share(&curve, &point)),
        real_value((double)(curve.n - point.student) / n),
        real_value(ebjr_point_accuracy(&curve, &point)),
        real_value((double)count_top5(cascade, scores, threshold) / n),
        real_value((double)curve.student_correct / n),
        real_value((double)curve.teacher_correct / n),
        real_value((double)count(cascade->student_top5, cascade->n) / n),
        real_value((double)count(cascade->teacher_top5, cascade->n) / n),
        integer_value(point.harm),
        integer_value(point.help),
        real_value(ebjr_point_cost(&curve, &point, cascade->student_flops, cascade->teacher_flops)),
        real_value(cascade->student_flops),
        real_value(cascade->teacher_flops),
        text_value(cascade->convention),
        integer_value(near),
    };
    struct table table = {format, columns, ROWS(columns), 0, true};
    table_begin(&table);
    table_row(&table, values);
    if (near > 0 && cascade->options.precision == EBJR_DOUBLE)
        say("note: %lld sample%s within float32 rounding of the threshold; a script that computes "
            "in float32 may route %s the other way (--precision float32 does so)",
            (long long)near, near == 1 ? " lies" : "s lie", near == 1 ? "it" : "them");
    return table_end(&table);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct cascade_request request = CASCADE_REQUEST;
    const char *score_name = NULL, *format_name = NULL;
    double threshold = 0;
    const struct option_row rows[] = {
        CASCADE_ROWS(request),
        {"score", OPTION_TEXT, &score_name, "NAME", "ebjr sweep --help lists them", true},
        {"threshold", OPTION_NUMBER, &threshold, "T", "the student answers where score >= T", true},
        FORMAT_ROW(&format_name),
    };
    struct cascade cascade = {0};
    const struct ebjr_score *score;
    enum format format;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;

    double *scores = NULL;
    status = format_parse(&format, format_name);
    if (!status)
        status = ebjr_score_find(&score, score_name);
    if (!status)
        status = cascade_load(&cascade, &request);
    if (!status && !(scores = malloc(cascade.n * sizeof *scores)))
        status = ebjr_error_memory();
    if (!status)
        status = cascade_score(scores, &cascade, score);
    if (!status) {
        if (cascade.options.precision == EBJR_FLOAT32)
            threshold = (float)threshold; /* as PyTorch compares a float32 with a Python number */
        cascade_warn(&cascade);
        status = report(&cascade, score, scores, threshold, format);
    }
    free(scores);
    cascade_free(&cascade);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_eval = {
    "eval", "the cascade at one threshold, from the store",
    "Example:\n"
    "  ebjr eval --db cifar10.db --student small --teacher large --score softmax-energy \\\n"
    "            --threshold 2.46\n",
    run};
