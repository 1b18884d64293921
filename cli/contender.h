/* What a comparison sets side by side: cascades, single models and published methods, each a list
 * of costs and accuracies. */
#ifndef EBJR_CLI_CONTENDER_H
#define EBJR_CLI_CONTENDER_H

#include "bench/baselines.h"
#include "calib/bootstrap.h"
#include "calib/frontier.h"
#include "cli/cascade.h"

/* An offer that has a name, and how sure its accuracy is: a 95 % interval where it was measured
 * here, the error of reading where it was published. */
struct named_offer {
    const char *name; /* "D4"; "operating point"; "" */
    struct ebjr_offer offer;
    double low, high;
    double latency; /* mean, ns; NaN: not stored */
    int64_t depth;  /* convolutions and linear layers of a model; EBJR_UNKNOWN */
};

enum contender_kind { CONTENDER_CASCADE, CONTENDER_MODEL, CONTENDER_BASELINE };

struct contender {
    enum contender_kind kind;
    enum ebjr_family family;
    char *name;                /* "small > large, msp"; "RANet, as drawn by EBJR" */
    struct ebjr_offer *offers; /* [offer_count]: all of them, of a cascade one a threshold */
    size_t offer_count;
    struct named_offer *points; /* [point_count]: those with a name, of a cascade the two models
                                   alone and the operating point */
    size_t point_count;
    struct ebjr_tradeoff_curve curve, low, high; /* low, high: the ends of what is sure */
    struct ebjr_interval apgr, cpt50, cpt80;     /* of a cascade; else NaN */
};

/* "cascade", "model", or the family of a published method. */
const char *contender_kind_name(const struct contender *contender);

/* The score with the largest area under the deferral curve, of those a router can compute. */
int contender_best_score(const struct ebjr_score **out, const struct cascade *cascade);

/* threshold: NaN, or the operating point. All are freed by contender_free, also after an error.
 * Errors: EBJR_EINVAL FLOPs are unknown; those of ebjr_bootstrap_band. */
int contender_of_cascade(struct contender *out, const struct cascade *cascade,
                         const struct ebjr_score *score, double threshold,
                         const struct ebjr_bootstrap *options);
int contender_of_model(struct contender *out, const struct cascade *cascade, double level);
int contender_of_baselines(struct contender *out, const struct ebjr_baseline *points, size_t count);
void contender_free(struct contender *contender);

/* What they are made by. */

/* Nothing is known of it yet. */
struct contender contender_new(enum contender_kind kind, enum ebjr_family family);

/* "small > large, msp" of first, between, second and last, each of which may be "". */
int contender_name(struct contender *out, const char *first, const char *between,
                   const char *second, const char *last);
int contender_allocate(struct contender *out, size_t offers, size_t points);

/* The ends of what is sure, along the whole curve. */
int contender_take_band(struct contender *out, const struct cascade *cascade,
                        const struct ebjr_band *band);

/* Offers and curves where points are all there is. */
int contender_take_points(struct contender *out);

/* Of latency[n]; NaN where it is NULL. */
double contender_mean_latency(const double *latency, size_t n);

/* Are they known? Errors: EBJR_EINVAL, with the model. */
int contender_check_flops(double flops, const char *model);

#endif
