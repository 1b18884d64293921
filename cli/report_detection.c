/* What a report says of detectors. */
#include "base/error.h"
#include "cli/detection_eval.h"
#include "cli/detection_plot.h"
#include "cli/detection_sweep.h"
#include "cli/report.h"

#include <string.h>

int report_detectors(struct report *report)
{
    struct detection detection;
    ebjr_report_paragraph(
        report->page, "AP is COCO's: the mean over overlaps of 0.5 to 0.95 and over categories of "
                      "the area under precision against recall. It is no mean over images: an "
                      "image changes the ranking that all others stand in.");
    int status = detection_load(&detection, &report->cascade);
    if (!status)
        status = detection_print_models(
            &detection, (struct output){FORMAT_HTML, report->page, "Each model alone", false});
    detection_free(&detection);
    return status;
}

/* Nothing where gnuplot is missing. */
static int draw(struct report *report)
{
    struct plot_request plot = PLOT_REQUEST;
    const struct cascade *cascade = &report->cascade;
    char path[PATH_MAX];
    bool has_flops = cascade->student_flops > 0 && cascade->teacher_flops > 0;
    if (!*report->pictures)
        return 0;
    snprintf(path, sizeof path, "%s/detectors", report->pictures);
    plot.cost = has_flops ? "flops" : "teacher-rate";
    plot.out = path;
    plot.title = "";
    ebjr_report_figures_begin(report->page);
    int status = report_include(
        report, path, "picture-detectors",
        "AP against cost, a curve a score. Random is the line to beat; the oracle takes the images "
        "that gain most by themselves first.",
        detection_plot(&plot, &report->cascade));
    ebjr_report_figures_end(report->page);
    return status;
}

int report_image_scores(struct report *report)
{
    static const struct option_list none = {.count = 0};
    const struct detection_sweep sweep = {
        .score = "all",
        .metrics = &none,
        .view = DETECTION_SUMMARY,
        .output = {FORMAT_HTML, report->page,
                   "Scores of images, the best first (ebjr sweep --summary)", false}};
    ebjr_report_paragraph(
        report->page,
        "A score is a number that an image gets from what the student detects in it; where it is "
        "high, the student answers. The deferral area is the mean AP over teacher rates 0 to 1; "
        "above line, its difference from that of a straight line between both models, below which "
        "even "
        "a random router may lie, as AP is no mean over images. best is the highest AP "
        "of any threshold, and best share where it is.");
    int status = detection_sweep_print(&report->cascade, &sweep);
    return status ? status : draw(report);
}
