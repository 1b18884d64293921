/* What the files of ebjr report share: what is asked for, and what is at hand while it is written.
 */
#ifndef EBJR_CLI_REPORT_H
#define EBJR_CLI_REPORT_H

#include "cli/cascade.h"
#include "cli/cell.h"
#include "cli/plot.h"
#include "cli/rule.h"
#include "plots/explorer.h"
#include "plots/report.h"

struct report_request {
    struct cascade_request cascade;
    const char *policy, *score, *title, *out;
};

struct report {
    const struct report_request *request;
    struct cascade cascade;
    struct ebjr_policy policy;
    bool has_policy;
    struct rule rule; /* the policy's */
    size_t best;      /* of ebjr_score_list: the best score that a router can compute */
    FILE *page;
    char
        pictures[PATH_MAX - 128]; /* where they are drawn; "": gnuplot is missing, there are none */
};

/* Every section but the explorer's data. Errors: those of what stands in them. */
int report_write(struct report *report, const char *title);

/* The policy, and what it promises, in words. */
void report_policy(const struct report *report);

/* Points of every score, and of the policy's router, for the explorer. The caller frees. */
struct report_explorer {
    struct ebjr_explorer explorer;
    struct ebjr_explorer_series *series;
    struct ebjr_curve *curves;
    struct ebjr_latency_curve *latencies;
    char *command, name[128];
};
int report_explorer_make(struct report_explorer *out, const struct report *report);
void report_explorer_free(struct report_explorer *explorer);

/* A directory for pictures, and its end. */
int report_pictures_begin(struct report *report);
void report_pictures_end(struct report *report);

/* Pictures as figures of the page; nothing where gnuplot is missing. */
int report_picture_tradeoff(struct report *report, const char *cost);
int report_picture_latency(struct report *report);
int report_picture_load(struct report *report);

/* "ebjr VERB --db F --student M --teacher M" and what else names this cascade and its scores, fit
 * for a shell. The caller frees; NULL: out of memory. */
char *report_command(const struct report *report, const char *verb);

/* A number as tables have it for people. */
const char *report_number(char out[CELL], enum column_kind kind, double value);

#endif
