/* ebjr sweep: every distinct threshold of one score, or of all. */
#include "base/error.h"
#include "calib/latency.h"
#include "cli/cascade_score.h"
#include "cli/commands.h"
#include "cli/sorted.h"
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
enum { MOST_POINTS = 1000000 };

struct sweep {
    const struct cascade *cascade;
    const struct ebjr_score *scores;
    size_t count;
    int64_t points; /* shares to show; 0: all points */
    struct table table;
};

/* Which points of a curve are shown: the ends, and the first at or above each of so many shares. */
struct thinning {
    int64_t n, points, next;
};

static bool is_kept(struct thinning *thinning, const struct ebjr_point *point)
{
    double share = (double)thinning->next / (double)(thinning->points + 1);
    if (thinning->points == 0 || point->student == 0 || point->student == thinning->n)
        return true;
    if ((double)point->student < share * (double)thinning->n)
        return false;
    while ((double)point->student >=
           (double)thinning->next / (double)(thinning->points + 1) * (double)thinning->n)
        thinning->next++;
    return true;
}

/* latency[4]: mean and percentiles. */
static void print_point(struct sweep *sweep, const struct ebjr_score *score,
                        const struct ebjr_curve *curve, const struct ebjr_point *point,
                        const double *latency)
{
    const struct cascade *cascade = sweep->cascade;
    struct value values[] = {
        text_value(score->name),
        real_value(point->threshold),
        real_value(ebjr_point_share(curve, point)),
        real_value((double)(curve->n - point->student) / (double)curve->n),
        real_value(ebjr_point_accuracy(curve, point)),
        real_value(ebjr_point_cost(curve, point, cascade->student_flops, cascade->teacher_flops)),
        integer_value(point->harm),
        integer_value(point->help),
        real_value(latency[0]),
        real_value(latency[1]),
        real_value(latency[2]),
        real_value(latency[3]),
    };
    table_row(&sweep->table, values);
}

static void print_curve(struct sweep *sweep, const struct ebjr_score *score,
                        const struct ebjr_curve *curve, const struct ebjr_latency_curve *latency)
{
    struct thinning thinning = {curve->n, sweep->points, 1};
    for (size_t i = 0; i < curve->count; i++) {
        double figures[LATENCY_COLUMNS] = {NAN, NAN, NAN, NAN};
        if (!is_kept(&thinning, &curve->points[i]))
            continue;
        if (latency->count) {
            figures[0] = latency->mean[i];
            figures[1] = latency->p50[i];
            figures[2] = latency->p95[i];
            figures[3] = latency->p99[i];
        }
        print_point(sweep, score, curve, &curve->points[i], figures);
    }
}

static int sweep_score(struct sweep *sweep, const struct ebjr_score *score, const double *values)
{
    const struct cascade *cascade = sweep->cascade;
    struct ebjr_curve curve = {0};
    struct ebjr_latency_curve latency = {0};
    int status =
        ebjr_sweep(&curve, values, cascade->student_correct, cascade->teacher_correct, cascade->n);
    if (!status && cascade->student_latency)
        status = ebjr_latency_sweep(&latency, &curve, values, cascade->student_latency,
                                    cascade->teacher_latency, cascade->n);
    if (!status)
        print_curve(sweep, score, &curve, &latency);
    ebjr_latency_curve_free(&latency);
    ebjr_curve_free(&curve);
    return status;
}

static int sweep_in_memory(struct sweep *sweep, struct cascade *cascade)
{
    size_t n = cascade->n;
    double *values = calloc(n, sweep->count * sizeof *values);
    int status = values ? cascade_read_scored(values, cascade, sweep->scores, sweep->count)
                        : ebjr_error_memory();
    if (!status) {
        cascade_warn(sweep->cascade);
        table_begin(&sweep->table);
    }
    for (size_t i = 0; !status && i < sweep->count; i++)
        status = sweep_score(sweep, &sweep->scores[i], values + i * n);
    free(values);
    return status ? status : table_end(&sweep->table);
}

static int print_sorted(struct sweep *sweep, const struct ebjr_score *score, ebjr_sorter *sorter)
{
    static const double unknown[LATENCY_COLUMNS] = {NAN, NAN, NAN, NAN};
    struct ebjr_curve totals;
    struct ebjr_point point;
    int more = 0, status = ebjr_sorter_begin(sorter);
    ebjr_sorter_totals(&totals, sorter);
    struct thinning thinning = {totals.n, sweep->points, 1};
    while (!status && (more = ebjr_sorter_next(&point, sorter)) > 0)
        if (is_kept(&thinning, &point))
            print_point(sweep, score, &totals, &point, unknown);
    return status ? status : more;
}

static int sweep_sorted(struct sweep *sweep, const struct sort_memory *memory)
{
    struct sort_target targets[CASCADE_SCORES] = {{0}};
    int status = 0;
    for (size_t i = 0; i < sweep->count; i++)
        targets[i].score = i;
    status = sort_rows(targets, sweep->count, sweep->cascade, sweep->scores, sweep->count, memory);
    if (!status) {
        cascade_warn(sweep->cascade);
        table_begin(&sweep->table);
    }
    for (size_t i = 0; !status && i < sweep->count; i++)
        status = print_sorted(sweep, &sweep->scores[i], targets[i].sorter);
    for (size_t i = 0; i < sweep->count; i++)
        ebjr_sorter_free(targets[i].sorter);
    return status ? status : table_end(&sweep->table);
}

/* All of the samples in memory, or none. */
static int sweep(struct sweep *sweep, struct cascade *cascade, const struct sort_memory *memory)
{
    static const double OUTPUT = 12, VALUE = 8, CURVE = 40, LATENCY = 170; /* bytes a sample */
    double needed = OUTPUT + VALUE * (double)sweep->count + CURVE + cascade->is_timed * LATENCY;
    bool fits = needed * (double)cascade->n <= memory->most;
    if (!fits && cascade->is_timed)
        return sort_memory_refuse(memory, needed * (double)cascade->n,
                                  "percentiles of latency at every threshold (--no-latency leaves "
                                  "them out)");
    return fits ? sweep_in_memory(sweep, cascade) : sweep_sorted(sweep, memory);
}

static int sweep_points(struct cascade *cascade, const struct ebjr_score *scores, size_t count,
                        int64_t points, struct output output, const struct sort_memory *memory)
{
    size_t shown = ROWS(columns) - (cascade->is_timed ? 0 : LATENCY_COLUMNS);
    struct sweep wanted = {cascade, scores, count, points, {output, columns, shown, 0, false}};
    return sweep(&wanted, cascade, memory);
}

enum bootstrap { NO_BOOTSTRAP, BANDS, SUMMARY };

static int resample(struct cascade *cascade, const struct ebjr_score *scores, size_t count,
                    enum bootstrap kind, const struct ebjr_bootstrap *options, struct output output,
                    const struct sort_memory *memory)
{
    static const double OUTPUT = 12, DRAWN = 30, SCORE = 35; /* bytes a sample */
    double needed =
        (OUTPUT + DRAWN + SCORE * (kind == SUMMARY ? (double)count : 1)) * (double)cascade->n;
    if (needed > memory->most)
        return sort_memory_refuse(memory, needed, "a bootstrap of so many samples");
    int status = cascade_read(cascade);
    if (status)
        return status;
    cascade_warn(cascade);
    return kind == SUMMARY
               ? uncertainty_print_summary(NULL, cascade, scores, count, options, output)
               : uncertainty_print_bands(cascade, scores, count, options, output);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct cascade_request request = CASCADE_REQUEST;
    const char *score_name = "energy", *format_name = NULL, *memory_text = NULL;
    bool bands = false, summary = false;
    int64_t resamples = 1000, bootstrap_seed = 1, points = 0;
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
        {"points", OPTION_INTEGER, &points, "N",
         "only the points at N evenly spread student shares, and the ends", false},
        SORT_ROWS(memory_text, request.untimed),
        FORMAT_ROW(&format_name),
    };
    struct cascade cascade = {0};
    const struct ebjr_score *scores;
    size_t count;
    struct output output;
    struct sort_memory memory;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    enum bootstrap kind = bands ? BANDS : summary ? SUMMARY : NO_BOOTSTRAP;
    request.logits = kind == NO_BOOTSTRAP ? LOGITS_STREAMED : LOGITS_OFTEN;
    status = output_parse(&output, format_name);
    if (!status && (bands + summary + (points > 0) > 1))
        status = ebjr_error_set(EBJR_EINVAL, "either --bands, --summary or --points");
    if (!status && points > MOST_POINTS)
        status = ebjr_error_set(EBJR_EINVAL, "--points: at most %d", MOST_POINTS);
    if (!status)
        status = sort_memory_parse(&memory, memory_text);
    if (!status)
        status = cascade_select_scores(&scores, &count, score_name);
    if (!status)
        status = cascade_find(&cascade, &request);
    if (!status) {
        struct ebjr_bootstrap options = {(size_t)resamples, (uint64_t)bootstrap_seed, 0.95};
        status = kind == NO_BOOTSTRAP
                     ? sweep_points(&cascade, scores, count, points, output, &memory)
                     : resample(&cascade, scores, count, kind, &options, output, &memory);
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
