/* ebjr plot: accuracy against what it costs, one curve a score; latencies. */
#include "base/error.h"
#include "calib/latency.h"
#include "calib/measured.h"
#include "cli/commands.h"
#include "cli/plot.h"
#include "plots/tradeoff.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_SERIES = 16 };

struct figure {
    struct ebjr_curve curves[MOST_SERIES];
    struct ebjr_latency_curve latencies[MOST_SERIES]; /* count 0: costs are not latencies */
    struct ebjr_tradeoff_series series[MOST_SERIES];
    size_t count;
};

static bool is_latency(const struct plot_request *request)
{
    return strcmp(request->cost, "latency") == 0;
}

static int add_curve(struct figure *figure, const struct plot_request *request,
                     const struct cascade *cascade, const struct ebjr_score *score, double *values)
{
    struct ebjr_curve *curve = &figure->curves[figure->count];
    struct ebjr_latency_curve *latency = &figure->latencies[figure->count];
    int status = cascade_score(values, cascade, score);
    if (!status)
        status = ebjr_sweep(curve, values, cascade->student_correct, cascade->teacher_correct,
                            cascade->n);
    figure->count += !status;
    if (!status && is_latency(request))
        status = ebjr_latency_sweep(latency, curve, values, cascade->student_latency,
                                    cascade->teacher_latency, cascade->n);
    if (!status)
        figure->series[figure->count - 1] =
            (struct ebjr_tradeoff_series){score->name, curve, latency->mean};
    return status;
}

static void figure_free(struct figure *figure)
{
    for (size_t i = 0; i < figure->count; i++) {
        ebjr_curve_free(&figure->curves[i]);
        ebjr_latency_curve_free(&figure->latencies[i]);
    }
}

/* The chosen scores, then the bounds that every picture shows. */
static int fill(struct figure *figure, const struct plot_request *request,
                const struct cascade *cascade, const struct ebjr_score *scores, size_t count,
                double *values)
{
    static const char *const bounds[] = {"random", "oracle"};
    int status = 0;
    for (size_t i = 0; !status && i < count; i++)
        if (scores[i].kind == EBJR_SCORE_LOGITS)
            status = add_curve(figure, request, cascade, &scores[i], values);
    for (size_t i = 0; !status && i < ROWS(bounds); i++) {
        const struct ebjr_score *score;
        status = ebjr_score_find(&score, bounds[i]);
        if (!status)
            status = add_curve(figure, request, cascade, score, values);
    }
    return status;
}

int plot_target(struct plot_target *out, const struct plot_request *request)
{
    const char *path = request->out, *slash = strrchr(path, '/');
    out->name = slash ? slash + 1 : path;
    snprintf(out->directory, sizeof out->directory, "%.*s", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    if (slash == path)
        snprintf(out->directory, sizeof out->directory, "/");
    if (!*out->name || strlen(out->name) > 200)
        return ebjr_error_set(EBJR_EINVAL, "--out %s: give the picture a name, without ending",
                              path);
    if (mkdir(out->directory, 0777) != 0 && errno != EEXIST)
        return ebjr_error_set(EBJR_EIO, "cannot make %s: %s", out->directory, strerror(errno));
    return 0;
}

void plot_print_files(const struct plot_request *request)
{
    const char *path = request->out;
    printf("%s.svg\n%s.png\n%s.gp\n%s.dat\n", path, path, path, path);
}

const char *plot_heading(char out[1024], const struct plot_request *request, const char *dataset,
                         const char *student, const char *teacher)
{
    if (request->title)
        return request->title;
    snprintf(out, 1024, "%s: %s to %s", dataset, student, teacher);
    return out;
}

/* The ends of the axis, and what stands below it. */
static int price(struct ebjr_tradeoff *plot, char label[128], const struct plot_request *request,
                 const struct cascade *cascade)
{
    struct ebjr_measured_summary student, teacher;
    int status = 0;
    plot->cost_label = label;
    if (is_latency(request)) {
        snprintf(label, 128, "mean latency of a sample");
        status = ebjr_measured_summarise(&student, cascade->student_latency, cascade->n);
        if (!status)
            status = ebjr_measured_summarise(&teacher, cascade->teacher_latency, cascade->n);
        plot->student_cost = student.mean;
        plot->teacher_cost = teacher.mean;
        plot->is_time = true;
    } else if (strcmp(request->cost, "teacher-rate") == 0) {
        snprintf(label, 128, "teacher rate (%%)");
        plot->student_cost = 0;
        plot->teacher_cost = 100;
    } else {
        snprintf(label, 128, "FLOPs a sample (%s)",
                 strcmp(cascade->convention, "mac2") == 0 ? "2 x multiply-adds" : "op-counter");
        plot->student_cost = cascade->student_flops;
        plot->teacher_cost = cascade->teacher_flops;
    }
    return status;
}

static int draw(const struct plot_request *request, const struct cascade *cascade,
                const struct figure *figure, const struct ebjr_point *mark)
{
    char heading[1024], label[128];
    struct plot_target target;
    struct ebjr_tradeoff plot = {.title =
                                     plot_heading(heading, request, cascade->dataset.name,
                                                  cascade->student.name, cascade->teacher.name),
                                 .student = cascade->student.name,
                                 .teacher = cascade->teacher.name,
                                 .series = figure->series,
                                 .count = figure->count,
                                 .mark = mark};
    int status = plot_target(&target, request);
    if (!status)
        status = price(&plot, label, request, cascade);
    if (status)
        return status;
    status = ebjr_tradeoff_draw(&plot, target.directory, target.name);
    if (!status)
        plot_print_files(request);
    return status;
}

/* Whether the costs that are asked for are known. */
static int check_cost(const struct plot_request *request, const struct cascade *cascade)
{
    if (is_latency(request) && !cascade->student_latency)
        return ebjr_error_set(EBJR_ENOTFOUND,
                              "%s holds no latencies of both models: ebjr bench measures them, "
                              "ebjr import --latency-ns takes them",
                              request->cascade.db);
    if (strcmp(request->cost, "flops") == 0 &&
        (isnan(cascade->student_flops) || isnan(cascade->teacher_flops)))
        return ebjr_error_set(EBJR_EINVAL, "the FLOPs of a model are unknown, and so is the axis; "
                                           "import it with --flops N");
    return 0;
}

static int plot_tradeoff(const struct plot_request *request, const struct ebjr_score *scores,
                         size_t count)
{
    struct cascade cascade = {0};
    struct figure figure = {0};
    struct ebjr_point mark;
    double *values = NULL;
    bool marked = !isnan(request->threshold);
    int status = cascade_load(&cascade, &request->cascade);
    if (!status) {
        cascade_warn(&cascade);
        status = check_cost(request, &cascade);
    }
    if (!status && !(values = malloc(cascade.n * sizeof *values)))
        status = ebjr_error_memory();
    if (!status)
        status = fill(&figure, request, &cascade, scores, count, values);
    if (!status && marked) {
        status = cascade_score(values, &cascade, scores);
        ebjr_sweep_at(&mark, request->threshold, values, cascade.student_correct,
                      cascade.teacher_correct, cascade.n);
    }
    if (!status)
        status = draw(request, &cascade, &figure, marked ? &mark : NULL);
    figure_free(&figure);
    free(values);
    cascade_free(&cascade);
    return status;
}

static int check_name(const char *option, const char *name, const char *const known[3])
{
    for (int i = 0; i < 3; i++)
        if (strcmp(name, known[i]) == 0)
            return 0;
    return ebjr_error_set(EBJR_EINVAL, "--%s is %s, %s or %s, not '%s'", option, known[0], known[1],
                          known[2], name);
}

static int check(const struct plot_request *request)
{
    static const char *const kinds[] = {"tradeoff", "latency", "qps"};
    static const char *const costs[] = {"flops", "latency", "teacher-rate"};
    bool is_tradeoff = strcmp(request->kind, "tradeoff") == 0;
    bool is_load = strcmp(request->kind, "qps") == 0;
    int status = check_name("kind", request->kind, kinds);
    if (!status)
        status = check_name("cost", request->cost, costs);
    if (!status && !is_tradeoff && strcmp(request->cost, "flops") != 0)
        status = ebjr_error_set(EBJR_EINVAL, "--cost is of --kind tradeoff");
    if (!status && !is_load && request->max_p99)
        status = ebjr_error_set(EBJR_EINVAL, "--max-p99 is of --kind qps");
    if (!status && is_load && !isnan(request->threshold))
        status = ebjr_error_set(EBJR_EINVAL, "--threshold is not of --kind qps, which draws what "
                                             "was measured");
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct plot_request request = {.cascade = CASCADE_REQUEST,
                                   .kind = "tradeoff",
                                   .cost = "flops",
                                   .score = "all",
                                   .threshold = NAN};
    const struct option_row rows[] = {
        CASCADE_ROWS(request.cascade, true),
        {"kind", OPTION_TEXT, &request.kind, "NAME",
         "tradeoff (default): accuracy against cost, a curve a score\n"
         "latency: how latencies are distributed, of both models, of the cascade at\n"
         "--threshold, and of what ebjr bench measured last of a cascade of the two\n"
         "qps: p50 and p99 against requests a second, from what ebjr bench measured",
         false},
        {"cost", OPTION_TEXT, &request.cost, "NAME",
         "of a trade-off: flops (default), latency (the mean, from stored latencies),\n"
         "teacher-rate",
         false},
        {"score", OPTION_TEXT, &request.score, "NAME", "one score, or all (default)", false},
        {"threshold", OPTION_NUMBER, &request.threshold, "T",
         "marks the operating point of a single score", false},
        {"max-p99", OPTION_TEXT, &request.max_p99, "TIME",
         "of --kind qps: draws this budget (20ms)", false},
        {"title", OPTION_TEXT, &request.title, "TEXT",
         "of the picture (default: data set and models)", false},
        {"out", OPTION_TEXT, &request.out, "PATH", "without ending (default: the kind)", false},
    };
    const struct ebjr_score *scores;
    size_t count;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    if (!request.out)
        request.out = request.kind;
    status = check(&request);
    if (!status)
        status = cascade_select_scores(&scores, &count, request.score);
    if (!status && !isnan(request.threshold) && (count > 1 || scores->kind != EBJR_SCORE_LOGITS))
        status = ebjr_error_set(EBJR_EINVAL, "--threshold marks a point of one --score");
    if (!status)
        status = strcmp(request.kind, "latency") == 0 ? plot_latency(&request, scores)
                 : strcmp(request.kind, "qps") == 0   ? plot_load(&request)
                                                      : plot_tradeoff(&request, scores, count);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_plot = {
    "plot", "trade-offs, latencies and load as SVG and PNG",
    "Writes PATH.dat and PATH.gp, and draws PATH.svg and PATH.png from them with gnuplot; prints\n"
    "their names. The picture is redrawn from the two alone: cd DIRECTORY && gnuplot NAME.gp\n\n"
    "Examples:\n"
    "  ebjr plot --db cifar10.db --student small --teacher large --out pictures/cifar10\n"
    "  ebjr plot --db cifar10.db --student small --teacher large --cost latency\n"
    "  ebjr plot --db cifar10.db --student small --teacher large --kind latency \\\n"
    "            --score energy --threshold 2.46\n"
    "  ebjr plot --db cifar10.db --student small --teacher large --kind qps --max-p99 20ms\n",
    run};
