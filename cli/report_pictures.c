/* Pictures of a report: drawn by gnuplot into a directory that goes away, and inlined. */
#include "base/error.h"
#include "cli/report.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int report_pictures_begin(struct report *report)
{
    const char *base = getenv("TMPDIR");
    snprintf(report->pictures, sizeof report->pictures, "%s/ebjr-report-XXXXXX",
             base && *base ? base : "/tmp");
    if (!mkdtemp(report->pictures)) {
        int status = ebjr_error_set(EBJR_EIO, "cannot make a directory for pictures, %s: %s",
                                    report->pictures, strerror(errno));
        *report->pictures = 0;
        return status;
    }
    return 0;
}

void report_pictures_end(struct report *report)
{
    DIR *directory = *report->pictures ? opendir(report->pictures) : NULL;
    const struct dirent *entry;
    while (directory && (entry = readdir(directory)))
        unlinkat(dirfd(directory), entry->d_name, 0); /* "." and ".." stay */
    if (directory) {
        closedir(directory);
        rmdir(report->pictures);
    }
    *report->pictures = 0;
}

/* What ebjr plot is asked for to draw this picture; `path` is room for where. */
static struct plot_request plot_of(const struct report *report, const char *name,
                                   char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", report->pictures, name);
    return (struct plot_request){.cascade = report->request->cascade,
                                 .cost = "flops",
                                 .threshold = NAN,
                                 .title = "",
                                 .out = path};
}

/* The picture that was drawn, or why there is none. The first that finds no gnuplot speaks for all;
 * a failure of gnuplot's own, or of the disk, ends the report. */
static int include(struct report *report, const struct plot_request *plot, int status,
                   const char *name, const char *caption)
{
    char path[PATH_MAX + 4];
    if (status == EBJR_ENOTFOUND && strstr(ebjr_error_last(), "gnuplot is not installed")) {
        say("note: gnuplot is not installed (Debian: gnuplot-nox): the report has no pictures");
        report_pictures_end(report);
        return 0;
    }
    if (status)
        return status;
    snprintf(path, sizeof path, "%s.svg", plot->out);
    return ebjr_report_figure(report->page, name, caption, path);
}

int report_picture_tradeoff(struct report *report, const char *cost)
{
    char path[PATH_MAX], name[64], caption[256];
    size_t count;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    bool is_latency = strcmp(cost, "latency") == 0;
    if (!*report->pictures)
        return 0;
    snprintf(name, sizeof name, "tradeoff-%s", cost);
    struct plot_request plot = plot_of(report, name, path);
    plot.cost = cost;
    snprintf(caption, sizeof caption,
             "Accuracy against the mean %s of a sample, a curve a score; random is the line to "
             "beat, oracle the bound.",
             is_latency                          ? "latency"
             : strcmp(cost, "teacher-rate") == 0 ? "teacher rate"
                                                 : "FLOPs");
    return include(report, &plot, plot_tradeoff(&plot, &report->cascade, scores, count), name,
                   caption);
}

int report_picture_latency(struct report *report)
{
    char path[PATH_MAX];
    const struct ebjr_router *router = &report->policy.stages[0].router;
    bool is_plain = report->has_policy && !router->learned && router->classes == 0;
    if (!*report->pictures)
        return 0;
    struct plot_request plot = plot_of(report, "latencies", path);
    plot.threshold = is_plain ? report->rule.threshold : NAN;
    return include(report, &plot, plot_latency(&plot, &report->cascade, router->score), "latencies",
                   "How latencies of a sample are distributed; the slow few are drawn as large as "
                   "the many.");
}

int report_picture_load(struct report *report)
{
    char path[PATH_MAX];
    if (!*report->pictures)
        return 0;
    struct plot_request plot = plot_of(report, "load", path);
    plot.cascade.student = report->cascade.student.name;
    plot.cascade.teacher = report->cascade.teacher.name;
    plot.cascade.dataset = report->cascade.dataset.name;
    int status = plot_load(&plot);
    if (status == EBJR_ENOTFOUND && !strstr(ebjr_error_last(), "gnuplot is not installed"))
        return 0; /* nothing was measured under load */
    return include(report, &plot, status, "load",
                   "Latency under load: percentiles against requests a second.");
}
