/*
 * The pictures of a cascade: what a person asks of ebjr plot, and what draws it.
 *
 * One picture of a cascade in memory, as the report wants many:
 *
 *   struct plot_request request = PLOT_REQUEST;
 *   request.cascade.db = "cifar10.db";       as the cascade was loaded from
 *   request.kind = "reliability";            plot_kind_name(0), plot_kind_name(1), ...
 *   request.out = "report/reliability";
 *   request.score = "msp", request.threshold = 0.98;     or a policy
 *   status = plot_draw(&request, &cascade, policy);
 *
 * What a kind has no use for is left aside. Wanted of the cascade: teacher_logits for the teacher's
 * part of "reliability"; with a policy, its router's options in cascade.options, so that scores are
 * those of its temperature.
 */
#ifndef EBJR_CLI_PLOT_H
#define EBJR_CLI_PLOT_H

#include "cli/policy_cascade.h"
#include "cli/rule.h"

#include <limits.h>
#include <math.h>

struct plot_request {
    struct cascade_request cascade;
    const char *kind;    /* NULL: tradeoff */
    const char *cost;    /* of a trade-off: "flops" (NULL), "latency", "teacher-rate" */
    const char *score;   /* NULL: of the policy; else all, or energy where one is drawn */
    const char *title;   /* NULL: data set and models */
    const char *max_p99; /* a budget in the picture of load; NULL: none */
    const char *policy;  /* its file, which plot_draw does not read */
    const char *out;     /* "pictures/curve"; NULL: the kind */
    double threshold;    /* an operating point of one score; NaN: none */
};

#define PLOT_REQUEST \
    { \
        .cascade = CASCADE_REQUEST, .threshold = NAN \
    }

/*
 * Writes OUT.dat and OUT.gp and draws OUT.svg, OUT.png and OUT.pdf; makes their directory where it
 * is missing. cascade may be NULL for "qps" only, which reads measurements of the store instead;
 * policy may be NULL. Errors: EBJR_EINVAL, EBJR_ENOTFOUND no latencies are stored, EBJR_EIO, those
 * of ebjr_gnuplot_run.
 */
int plot_draw(const struct plot_request *request, const struct cascade *cascade,
              const struct ebjr_policy *policy);

/* Whether the request's options belong to its kind and to each other, the policy's among them.
 * Errors: EBJR_EINVAL. */
int plot_check(const struct plot_request *request);

/* The i-th kind; NULL after the last. */
const char *plot_kind_name(size_t i);

/* A line a kind, for the help. */
const char *plot_kind_help(void);

bool plot_wants_teacher_logits(const struct plot_request *request);
bool plot_wants_cascade(const struct plot_request *request);

/* Where a picture goes: "pictures/curve" is the directory "pictures" and the name "curve". */
struct plot_target {
    char directory[PATH_MAX];
    const char *name;
};

/* Makes the directory where it is missing. Errors: EBJR_EINVAL, EBJR_EIO. */
int plot_target(struct plot_target *out, const char *path);

/* Within plot_draw, what each kind is drawn from. */
struct plot_work {
    const struct plot_request *request;
    const struct cascade *cascade;
    const struct ebjr_policy *policy; /* NULL: none */
    const struct ebjr_score *scores;  /* those asked for; beside a policy maybe none */
    size_t count;
    struct rule rule; /* the policy's, or the first score's, with threshold NaN for none */
    struct plot_target target;
    char heading[1024]; /* the title */
};

/* Calls `add` with each score to draw: the policy's first, then those asked for. answer[n]: is the
 * answer to a deferred sample right? */
typedef int plot_add_score(void *context, const char *name, const double *scores,
                           const uint8_t *answer);
int plot_each_score(const struct plot_work *work, plot_add_score *add, void *context);

/* Where the scores of the work's rule lie below a bound they crowd at; NaN: they do not. */
double plot_score_bound(const struct plot_work *work);

/* "msp >= 0.98254" */
const char *plot_rule_text(char out[128], const struct plot_work *work);

int plot_tradeoff(const struct plot_work *work);
int plot_latency(const struct plot_work *work);
int plot_load(const struct plot_work *work);
int plot_histogram(const struct plot_work *work);
int plot_reliability(const struct plot_work *work);
int plot_risk_coverage(const struct plot_work *work);
int plot_classes(const struct plot_work *work);
int plot_explorer(const struct plot_work *work);

#endif
