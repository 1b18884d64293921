/* ebjr sweep: every distinct threshold of one score, or of all. */
#include "base/error.h"
#include "calib/latency.h"
#include "cli/cascade.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "cli/uncertainty.h"

#include <math.h>
#include <stdlib.h>

static const struct column columns[] = {
    {"score", COLUMN_TEXT, 14, false, NULL},
    {"threshold", COLUMN_REAL, 12, false, NULL},
    {"student_share", COLUMN_FRACTION, 0, false, NULL},
    {"teacher_rate", COLUMN_FRACTION, 0, true, NULL},
    {"accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"flops", COLUMN_REAL, 12, false, NULL},
    {"harm", COLUMN_INTEGER, 8, false, NULL},
    {"help", COLUMN_INTEGER, 8, false, NULL},
    {"latency_ns", COLUMN_REAL, 12, false, NULL},
    {"p50_ns", COLUMN_REAL, 12, true, NULL},
    {"p95_ns", COLUMN_REAL, 12, false, NULL},
    {"p99_ns", COLUMN_REAL, 12, false, NULL},
};
enum { LATENCY_COLUMNS = 4 }; /* the last, where latencies are stored */

/* Of point i, NaN where latencies are not stored. */
static double at(const struct ebjr_latency_curve *latency, const double *figure, size_t i)
{
    return latency->count ? figure[i] : NAN;
}

static void print_curve(struct table *table, const struct cascade *cascade,
                        const struct ebjr_score *score, const struct ebjr_curve *curve,
                        const struct ebjr_latency_curve *latency)
{
    for (size_t i = 0; i < curve->count; i++) {
        const struct ebjr_point *point = &curve->points[i];
        struct value values[] = {
            text_value(score->name),
            real_value(point->threshold),
            real_value(ebjr_point_share(curve, point)),
            real_value((double)(curve->n - point->student) / (double)curve->n),
            real_value(ebjr_point_accuracy(curve, point)),
            real_value(
                ebjr_point_cost(curve, point, cascade->student_flops, cascade->teacher_flops)),
            integer_value(point->harm),
            integer_value(point->help),
            real_value(at(latency, latency->mean, i)),
            real_value(at(latency, latency->p50, i)),
            real_value(at(latency, latency->p95, i)),
            real_value(at(latency, latency->p99, i)),
        };
        table_row(table, values);
    }
}

static int sweep_score(struct table *table, const struct cascade *cascade,
                       const struct ebjr_score *score, const double *values)
{
    struct ebjr_curve curve = {0};
    struct ebjr_latency_curve latency = {0};
    int status =
        ebjr_sweep(&curve, values, cascade->student_correct, cascade->teacher_correct, cascade->n);
    if (!status && cascade->student_latency)
        status = ebjr_latency_sweep(&latency, &curve, values, cascade->student_latency,
                                    cascade->teacher_latency, cascade->n);
    if (!status)
        print_curve(table, cascade, score, &curve, &latency);
    ebjr_latency_curve_free(&latency);
    ebjr_curve_free(&curve);
    return status;
}

static int sweep(const struct cascade *cascade, const struct ebjr_score *scores, size_t count,
                 struct output output)
{
    size_t shown = ROWS(columns) - (cascade->student_latency ? 0 : LATENCY_COLUMNS);
    struct table table = {output, columns, shown, 0, false};
    double *values = calloc(cascade->n, count * sizeof *values);
    int status = values ? cascade_scores(values, cascade, scores, count) : ebjr_error_memory();
    table_begin(&table);
    for (size_t i = 0; !status && i < count; i++)
        status = sweep_score(&table, cascade, &scores[i], values + i * cascade->n);
    free(values);
    return status ? status : table_end(&table);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct cascade_request request = CASCADE_REQUEST;
    const char *score_name = "energy", *format_name = NULL;
    bool bands = false, summary = false;
    int64_t resamples = 1000, bootstrap_seed = 1;
    const struct option_row rows[] = {
        CASCADE_ROWS(request, true),
        {"score", OPTION_TEXT, &score_name, "NAME", "one of those below, or all (default energy)",
         false},
        {"bands", OPTION_FLAG, &bands, NULL,
         "accuracy at 101 student shares with 95 % bootstrap bands", false},
        {"summary", OPTION_FLAG, &summary, NULL,
         "one row a score, the best first: areas with intervals, which differences are real",
         false},
        {"resamples", OPTION_INTEGER, &resamples, "N", "of the bootstrap (default 1000)", false},
        {"bootstrap-seed", OPTION_INTEGER, &bootstrap_seed, "N", "of the bootstrap (default 1)",
         false},
        FORMAT_ROW(&format_name),
    };
    struct cascade cascade = {0};
    const struct ebjr_score *scores;
    size_t count;
    struct output output;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = output_parse(&output, format_name);
    if (!status && bands && summary)
        status = ebjr_error_set(EBJR_EINVAL, "either --bands or --summary");
    if (!status)
        status = cascade_select_scores(&scores, &count, score_name);
    if (!status)
        status = cascade_load(&cascade, &request);
    if (!status) {
        struct ebjr_bootstrap options = {(size_t)resamples, (uint64_t)bootstrap_seed, 0.95};
        cascade_warn(&cascade);
        status = summary
                     ? uncertainty_print_summary(NULL, &cascade, scores, count, &options, output)
                 : bands ? uncertainty_print_bands(&cascade, scores, count, &options, output)
                         : sweep(&cascade, scores, count, output);
    }
    cascade_free(&cascade);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_sweep = {
    "sweep", "every distinct threshold of one score, or of all",
    "The student answers where score >= threshold; the first row (inf) leaves all to the teacher,\n"
    "the last leaves all to the student. Where latencies of both models are stored (ebjr bench,\n"
    "import --latency-ns): the cascade's mean, p50, p95 and p99 (the ceil(q n)-th smallest), with\n"
    "the student's where it answers and the sum of both where the teacher does.\n\n"
    "Scores (z: logits, p = softmax(z/T); higher keeps the student):\n"
    "  energy          T log sum exp(z/T), the paper's\n"
    "  softmax-energy  log sum exp(p), the released script's\n"
    "  msp             max p\n"
    "  margin          p(1) - p(2), the two largest\n"
    "  logit-margin    z(1) - z(2)\n"
    "  max-logit       max z\n"
    "  entropy         sum p log p\n"
    "  gini            sum p^2\n"
    "  pnorm           max c / |c|_p, c = z - mean z\n"
    "  random          the line to beat\n"
    "  oracle          knows the labels: the bound\n\n"
    "Summary columns: deferral_area is the mean accuracy over teacher rates 0..1; from_best its\n"
    "difference from the best score on the same resamples, and whether that is real at 95 %; "
    "apgr,\n"
    "cpt50, cpt80 as RouteLLM defines them; aurc and auroc judge the student alone; "
    "calib/summary.h\n"
    "has the formulas.\n\n"
    "Example:\n"
    "  ebjr sweep --db cifar10.db --student small --teacher large --score all --format csv\n",
    run};
