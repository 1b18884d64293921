/* Pictures of a report: drawn by gnuplot into a directory that goes away, and inlined. */
#include "base/error.h"
#include "cli/report.h"
#include "plots/picture.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int report_pictures_begin(struct report *report)
{
    const char *base = getenv("TMPDIR");
    ebjr_picture_svg_alone(true);
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

static bool is_without_gnuplot(int status)
{
    return status == EBJR_ENOTFOUND && strstr(ebjr_error_last(), "gnuplot is not installed");
}

int report_include(struct report *report, const char *path, const char *id, const char *caption,
                   int drawn)
{
    char svg[PATH_MAX + 4];
    if (is_without_gnuplot(drawn)) {
        ebjr_report_paragraph(report->page, "gnuplot was not found where this report was made: it "
                                            "has no pictures but the slider's.");
        say("note: gnuplot is not installed (Debian: gnuplot-nox): the report has no pictures");
        report_pictures_end(report);
        return 0;
    }
    if (drawn)
        return drawn;
    snprintf(svg, sizeof svg, "%s.svg", path);
    return ebjr_report_figure(report->page, id, caption, svg);
}

int report_picture(struct report *report, const char *kind, const char *cost, const char *caption)
{
    char path[PATH_MAX], id[64];
    size_t count;
    const struct cascade *cascade = &report->cascade;
    struct plot_request plot = PLOT_REQUEST;
    bool is_load = strcmp(kind, "qps") == 0;
    if (!*report->pictures)
        return 0;
    snprintf(id, sizeof id, "picture-%s%s%s", kind, cost ? "-" : "", cost ? cost : "");
    snprintf(path, sizeof path, "%s/%s", report->pictures, id);
    plot.cascade = report->request->cascade;
    plot.cascade.student = cascade->student.name;
    plot.cascade.teacher = cascade->teacher.name;
    plot.cascade.dataset = cascade->dataset.name;
    plot.kind = kind;
    plot.cost = cost;
    plot.out = path;
    plot.title = ""; /* the page says it */
    if (strcmp(kind, "tradeoff") == 0 || strcmp(kind, "risk-coverage") == 0)
        plot.score = "all";
    else if (!report->has_policy && !is_load)
        plot.score = ebjr_score_list(&count)[report->best].name;
    int status =
        plot_draw(&plot, is_load ? NULL : cascade, report->has_policy ? &report->policy : NULL);
    if (is_load && status == EBJR_ENOTFOUND && !is_without_gnuplot(status))
        return 0; /* nothing was measured under load */
    return report_include(report, path, id, caption, status);
}
