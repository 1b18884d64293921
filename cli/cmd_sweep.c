/* ebjr sweep: every distinct threshold of one score, or of all. */
#include "base/error.h"
#include "cli/cascade_score.h"
#include "cli/commands.h"
#include "cli/detection_sweep.h"
#include "cli/metrics.h"
#include "cli/sorted.h"
#include "cli/uncertainty.h"

#include <math.h>
#include <stdlib.h>

struct sweep {
    const struct ebjr_score *scores;
    size_t count;
    const struct metrics *metrics;
    int64_t points; /* shares to show; 0: all points */
    struct output output;
    struct sweep_table table;
};

static void begin(struct sweep *sweep, const struct cascade *cascade)
{
    cascade_warn(cascade);
    sweep_table_begin(&sweep->table, cascade, sweep->points, sweep->metrics->figures,
                      sweep->metrics->count, sweep->output);
}

static int sweep_score(struct sweep *sweep, const struct ebjr_score *score, const double *values)
{
    const struct cascade *cascade = sweep->table.cascade;
    const struct metrics *metrics = sweep->metrics;
    struct ebjr_curve curve = {0};
    struct ebjr_latency_curve latency = {0};
    double *figures = NULL;
    int status =
        ebjr_sweep(&curve, values, cascade->student_correct, cascade->teacher_correct, cascade->n);
    if (!status && cascade->student_latency)
        status = ebjr_latency_sweep(&latency, &curve, values, cascade->student_latency,
                                    cascade->teacher_latency, cascade->n);
    if (!status && metrics->count > 0) {
        figures = malloc(metrics->count * curve.count * sizeof *figures);
        status = figures ? metrics_sweep(figures, metrics, cascade, &curve, values)
                         : ebjr_error_memory();
    }
    if (!status)
        sweep_table_curve(&sweep->table, score->name, &curve, &latency, figures);
    free(figures);
    ebjr_latency_curve_free(&latency);
    ebjr_curve_free(&curve);
    return status;
}

static int sweep_in_memory(struct sweep *sweep, struct cascade *cascade)
{
    size_t n = cascade->n;
    double *values = calloc(n, sweep->count * sizeof *values);
    int status = values ? 0 : ebjr_error_memory();
    if (!status && metrics_need_logits(sweep->metrics)) {
        status = cascade_read(cascade);
        if (!status)
            status = cascade_scores(values, cascade, sweep->scores, sweep->count);
    } else if (!status) {
        status = cascade_read_scored(values, cascade, sweep->scores, sweep->count);
    }
    if (!status)
        begin(sweep, cascade);
    for (size_t i = 0; !status && i < sweep->count; i++)
        status = sweep_score(sweep, &sweep->scores[i], values + i * n);
    free(values);
    return status ? status : sweep_table_end(&sweep->table);
}

static int print_sorted(struct sweep *sweep, const struct ebjr_score *score, ebjr_sorter *sorter)
{
    static const double unknown[] = {NAN, NAN, NAN, NAN};
    struct ebjr_curve totals;
    struct ebjr_point point;
    int more = 0, status = ebjr_sorter_begin(sorter);
    ebjr_sorter_totals(&totals, sorter);
    struct sweep_thinning thinning = {totals.n, sweep->points, 1};
    while (!status && (more = ebjr_sorter_next(&point, sorter)) > 0)
        if (sweep_is_kept(&thinning, &point))
            sweep_table_point(&sweep->table, score->name, &totals, &point, unknown, NULL);
    return status ? status : more;
}

static int sweep_sorted(struct sweep *sweep, const struct cascade *cascade,
                        const struct sort_memory *memory)
{
    struct sort_target targets[CASCADE_SCORES] = {{0}};
    int status = 0;
    for (size_t i = 0; i < sweep->count; i++)
        targets[i].score = i;
    status = sort_rows(targets, sweep->count, cascade, sweep->scores, sweep->count, memory);
    if (!status)
        begin(sweep, cascade);
    for (size_t i = 0; !status && i < sweep->count; i++)
        status = print_sorted(sweep, &sweep->scores[i], targets[i].sorter);
    for (size_t i = 0; i < sweep->count; i++)
        ebjr_sorter_free(targets[i].sorter);
    return status ? status : sweep_table_end(&sweep->table);
}

/* All of the samples in memory, or none. */
static int sweep_points(struct sweep *sweep, struct cascade *cascade,
                        const struct sort_memory *memory)
{
    static const double OUTPUT = 16, VALUE = 8, CURVE = 40, LATENCY = 170; /* bytes a sample */
    double needed = OUTPUT + VALUE * (double)(sweep->count + sweep->metrics->count) + CURVE +
                    cascade->is_timed * LATENCY;
    if (metrics_need_logits(sweep->metrics))
        needed += 2 * sizeof(float) * (double)cascade->classes;
    needed *= (double)cascade->n;
    if (needed <= memory->most)
        return sweep_in_memory(sweep, cascade);
    if (cascade->is_timed)
        return sort_memory_refuse(memory, needed,
                                  "percentiles of latency at every threshold (--no-latency leaves "
                                  "them out)");
    if (sweep->metrics->count > 0)
        return sort_memory_refuse(memory, needed, "metrics of so many samples");
    return sweep_sorted(sweep, cascade, memory);
}

enum bootstrap { BANDS, SUMMARY };

static int resample(struct cascade *cascade, const struct ebjr_score *scores, size_t count,
                    enum bootstrap kind, const struct ebjr_bootstrap *options, struct output output,
                    const struct sort_memory *memory)
{
    static const double OUTPUT = 16, DRAWN = 30, SCORE = 35; /* bytes a sample */
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

struct request {
    struct cascade_request cascade;
    const char *score; /* NULL: energy, of detectors energy-weighted */
    struct option_list metrics;
    bool bands, summary;
    int64_t resamples, bootstrap_seed, points;
    struct sort_memory memory;
    struct output output;
};

static int check_request(const struct request *request)
{
    if (request->bands + request->summary + (request->points > 0) > 1)
        return ebjr_error_set(EBJR_EINVAL, "either --bands, --summary or --points");
    if (request->points > SWEEP_MOST_POINTS)
        return ebjr_error_set(EBJR_EINVAL, "--points: at most %d", SWEEP_MOST_POINTS);
    return 0;
}

static int sweep_classifiers(struct cascade *cascade, const struct request *request,
                             const struct metrics *metrics)
{
    struct ebjr_bootstrap options = {(size_t)request->resamples, (uint64_t)request->bootstrap_seed,
                                     0.95};
    struct sweep sweep = {.metrics = metrics, .points = request->points, .output = request->output};
    int status = cascade_select_scores(&sweep.scores, &sweep.count,
                                       request->score ? request->score : "energy");
    if (status)
        return status;
    if (!request->bands && !request->summary)
        return sweep_points(&sweep, cascade, &request->memory);
    if (metrics->count > 0)
        return ebjr_error_set(EBJR_EINVAL, "--bands and --summary are of accuracy alone; leave out "
                                           "--metric");
    return resample(cascade, sweep.scores, sweep.count, request->bands ? BANDS : SUMMARY, &options,
                    request->output, &request->memory);
}

static int sweep_detectors(struct cascade *cascade, const struct request *request)
{
    const struct detection_sweep sweep = {
        .score = request->score ? request->score : DETECTION_SCORE,
        .metrics = &request->metrics,
        .points = request->points,
        .view = request->bands     ? DETECTION_BANDS
                : request->summary ? DETECTION_SUMMARY
                                   : DETECTION_POINTS,
        .bootstrap = {(size_t)request->resamples, (uint64_t)request->bootstrap_seed, 0.95},
        .output = request->output};
    return detection_sweep_print(cascade, &sweep);
}

static int answer(struct cascade *cascade, struct request *request)
{
    struct metrics metrics = {.count = 0};
    int status = check_request(request);
    request->cascade.detectors = true;
    request->cascade.logits = request->bands || request->summary ? LOGITS_OFTEN : LOGITS_STREAMED;
    if (!status)
        status = cascade_find(cascade, &request->cascade);
    if (!status && cascade->is_detection)
        return sweep_detectors(cascade, request);
    if (!status)
        status = metrics_select(&metrics, &request->metrics);
    if (!status && metrics_need_logits(&metrics)) {
        cascade_free(cascade);
        request->cascade.teacher_logits = true;
        status = cascade_find(cascade, &request->cascade);
    }
    return status ? status : sweep_classifiers(cascade, request, &metrics);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.cascade = CASCADE_REQUEST, .resamples = 1000, .bootstrap_seed = 1};
    const char *format_name = NULL, *memory_text = NULL;
    const struct option_row rows[] = {
        CASCADE_ROWS(request.cascade, true),
        {"score", OPTION_TEXT, &request.score, "NAME",
         "one of those below, or all (default energy; of detectors " DETECTION_SCORE ")", false},
        METRIC_ROW(&request.metrics),
        {"bands", OPTION_FLAG, &request.bands, NULL,
         "accuracy at 101 student shares with 95 % bootstrap bands", false},
        {"summary", OPTION_FLAG, &request.summary, NULL,
         "one row a score, the best first: areas with intervals, which differences are real",
         false},
        {"resamples", OPTION_INTEGER, &request.resamples, "N", "of the bootstrap (default 1000)",
         false},
        {"bootstrap-seed", OPTION_INTEGER, &request.bootstrap_seed, "N",
         "of the bootstrap (default 1)", false},
        {"points", OPTION_INTEGER, &request.points, "N",
         "only the points at N evenly spread student shares, and the ends", false},
        SORT_ROWS(memory_text, request.cascade.untimed),
        FORMAT_ROW(&format_name),
    };
    struct cascade cascade = {0};
    if (metrics_help_wanted(argc, argv)) {
        metrics_print_help();
        return EXIT_DONE;
    }
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = output_parse(&request.output, format_name);
    if (!status)
        status = sort_memory_parse(&request.memory, memory_text);
    if (!status)
        status = answer(&cascade, &request);
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
    "Of detectors (AP in the place of accuracy), scores of an image (s: confidences of the "
    "student's\n"
    "detections, e: their energies, of class logits where stored, else -log(1 - s)):\n"
    "  energy-max, energy-mean, energy-weighted      max e, mean e, sum s e / sum s\n"
    "  confidence-max, confidence-mean               max s, mean s\n"
    "  few             -sum s: few objects are expected\n"
    "  certain         -sum s (1 - s): how many there are is sure\n"
    "  random, oracle\n\n"
    "Summary columns: deferral_area is the mean accuracy over teacher rates 0..1; from_best its\n"
    "difference from the best score on the same resamples, and whether that is real at 95 %; "
    "apgr,\n"
    "cpt50, cpt80 as RouteLLM defines them; aurc and auroc judge the student alone; "
    "calib/summary.h\n"
    "has the formulas.\n\n"
    "Example:\n"
    "  ebjr sweep --db cifar10.db --student small --teacher large --score all --format csv\n",
    run};
