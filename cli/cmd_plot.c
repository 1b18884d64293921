/* ebjr plot: accuracy against what it costs, one curve a score; latencies. */
#include "base/error.h"
#include "cli/cascade_latency.h"
#include "cli/commands.h"
#include "cli/plot.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

const char *plot_heading(char out[1024], const struct plot_request *request, const char *dataset,
                         const char *student, const char *teacher)
{
    if (request->title)
        return request->title;
    snprintf(out, 1024, "%s: %s to %s", dataset, student, teacher);
    return out;
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

/* What is stored of the cascade, and what is measured of it. */
static int draw(const struct plot_request *request, const struct ebjr_score *scores, size_t count)
{
    struct cascade cascade = {0};
    bool is_latency = strcmp(request->kind, "latency") == 0;
    int status = cascade_load(&cascade, &request->cascade);
    if (status)
        return status;
    if (is_latency)
        cascade_warn_of_latencies(&cascade);
    else
        cascade_warn(&cascade);
    status = is_latency ? plot_latency(request, &cascade, scores)
                        : plot_tradeoff(request, &cascade, scores, count);
    cascade_free(&cascade);
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
        status =
            strcmp(request.kind, "qps") == 0 ? plot_load(&request) : draw(&request, scores, count);
    if (!status)
        printf("%s.svg\n%s.png\n%s.gp\n%s.dat\n", request.out, request.out, request.out,
               request.out);
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
