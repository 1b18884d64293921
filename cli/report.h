/* What the files of ebjr report share: what is asked for, and what is at hand while it is written.
 */
#ifndef EBJR_CLI_REPORT_H
#define EBJR_CLI_REPORT_H

#include "calib/bootstrap.h"
#include "cli/cascade.h"
#include "cli/cell.h"
#include "cli/plot.h"
#include "cli/rule.h"
#include "plots/report.h"
#include "plots/slider.h"

struct report_request {
    struct cascade_request cascade;
    const char *policy, *score, *title, *out;
    struct option_list baselines;
    struct ebjr_bootstrap bootstrap;
};

struct report {
    const struct report_request *request;
    struct cascade cascade;
    struct ebjr_policy policy;
    bool has_policy;
    struct rule rule; /* the policy's */
    size_t best;      /* of ebjr_score_list: the best score that a router can compute */
    char title[1024];
    FILE *page;
    char
        pictures[PATH_MAX - 128]; /* where they are drawn; "": gnuplot is missing, there are none */
};

/* Every section but the explorer's data. Errors: those of what stands in them. */
int report_write(struct report *report);

/* The policy, and what it promises, in words. */
void report_policy(const struct report *report);

/* Is there a policy, whose router is one of the scores and whose deferred samples the teacher alone
 * answers? */
bool report_policy_is_plain(const struct report *report);

/* Points of every score, and of the policy's router, for the explorer. The caller frees. */
struct report_explorer {
    struct ebjr_slider explorer;
    struct ebjr_slider_series *series;
    struct ebjr_curve *curves;
    struct ebjr_latency_curve *latencies;
    char *command, name[128];
};
int report_explorer_make(struct report_explorer *out, const struct report *report);
void report_explorer_free(struct report_explorer *explorer);

/* A directory for pictures, and its end. */
int report_pictures_begin(struct report *report);
void report_pictures_end(struct report *report);

/* A picture of ebjr plot as a figure of the page; `cost` is of a trade-off, else NULL. Nothing
 * where gnuplot is missing, or of "qps" where nothing was measured under load. */
int report_picture(struct report *report, const char *kind, const char *cost, const char *caption);

/* The same of PATH.svg, which was drawn with the status `drawn`. */
int report_include(struct report *report, const char *path, const char *id, const char *caption,
                   int drawn);

/* Of detectors: COCO's figures of both, and the scores of images, ranked and drawn. */
int report_detectors(struct report *report);
int report_image_scores(struct report *report);

/* Beside published results: tables of ebjr compare, and the picture. */
int report_comparison(struct report *report);

/* "ebjr VERB --db F --student M --teacher M" and what else names this cascade and its scores, fit
 * for a shell. The caller frees; NULL: out of memory. */
char *report_command(const struct report *report, const char *verb);

/* A number as tables have it for people. */
const char *report_number(char out[CELL], enum column_kind kind, double value);

#endif
