/* A report's comparison with published results: tables and picture of ebjr compare. */
#include "base/error.h"
#include "cli/compare.h"
#include "cli/report.h"

#include <math.h>
#include <string.h>

static struct compare_request request_of(const struct report *report)
{
    const struct cascade *cascade = &report->cascade;
    const struct ebjr_router *router = &report->policy.stages[0].router;
    size_t count;
    struct compare_request out = {
        .cascade = report->request->cascade,
        .score = cascade->is_detection ? NULL : ebjr_score_list(&count)[report->best].name,
        .title = "",
        .threshold = NAN,
        .baselines = report->request->baselines,
        .bootstrap = report->request->bootstrap};
    out.cascade.student = cascade->student.name;
    out.cascade.teacher = cascade->teacher.name;
    out.cascade.dataset = cascade->dataset.name;
    out.cascade.temperature = cascade->options.temperature;
    if (report_policy_is_plain(report)) {
        out.score = router->score->name;
        out.threshold = report->rule.threshold;
    }
    return out;
}

static int print(struct report *report, const struct comparison *comparison, const char *view,
                 const char *caption)
{
    struct output output = {FORMAT_HTML, report->page, caption, false};
    return comparison_print(comparison, view, output);
}

static int draw(struct report *report, const struct comparison *comparison,
                const struct compare_request *request)
{
    char path[PATH_MAX];
    struct compare_request drawn = *request;
    if (!*report->pictures)
        return 0;
    snprintf(path, sizeof path, "%s/comparison", report->pictures);
    drawn.plot = path;
    return report_include(report, path, "picture-comparison",
                          report->cascade.is_detection
                              ? "mAP against FLOPs, beside what others published."
                              : "Accuracy against FLOPs, beside what others published.",
                          compare_draw(comparison, &drawn));
}

static int write_tables(struct report *report, const struct comparison *comparison)
{
    ebjr_report_paragraph(report->page,
                          "Every cost is in FLOPs = 2 x multiply-adds; the store's are counted by "
                          "%s. Between neighbouring points of one method stand straight lines, and "
                          "nothing is extrapolated. The reference is this cascade.",
                          comparison->convention);
    int status = print(report, comparison, "summary", "Methods (ebjr compare)");
    if (!status)
        status = print(report, comparison, "equal-cost",
                       "The cascade at the cost of each published point (--what equal-cost)");
    return status;
}

int report_comparison(struct report *report)
{
    struct comparison comparison;
    struct compare_request request = request_of(report);
    int status = comparison_load(&comparison, &request);
    if (!status)
        status = draw(report, &comparison, &request);
    if (!status)
        status = write_tables(report, &comparison);
    comparison_free(&comparison);
    return status;
}
