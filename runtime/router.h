/*
 * A router: from a student's logits to the number that is compared with the threshold. Either one
 * of the scores of score.h, or a learned one; in both cases less an offset for the predicted class.
 *
 *   plain    s = score(z)
 *   learned  s = b + w . f(z), f: every score of logits in the order of ebjr_score_list, each kept
 *            within +-1e6, then one indicator a class (of the predicted one) where they fit
 *   offsets  s - o[argmax z]
 */
#ifndef EBJR_RUNTIME_ROUTER_H
#define EBJR_RUNTIME_ROUTER_H

#include "runtime/score.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_ROUTER_FEATURES = 256 };

struct ebjr_router {
    const struct ebjr_score *score; /* plain; of kind EBJR_SCORE_LOGITS */
    struct ebjr_score_options options;
    bool learned;
    double intercept, weight[EBJR_ROUTER_FEATURES]; /* learned */
    size_t classes;                                 /* of the offsets; 0: none */
    double *offset;                                 /* [classes], owned */
};

void ebjr_router_clear(struct ebjr_router *router);

/* How many features a learned router has for models of so many classes. */
size_t ebjr_router_feature_count(size_t classes);

/* features[ebjr_router_feature_count(classes)] of one sample. */
void ebjr_router_features(double *features, const float *logits, size_t classes,
                          const struct ebjr_score_options *options);

/* The score of one sample. Nothing is allocated. */
double ebjr_router_score(const struct ebjr_router *router, const float *logits, size_t classes);

#ifdef __cplusplus
}
#endif
#endif
