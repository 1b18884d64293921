#include "runtime/router.h"

#include "runtime/derive.h"

#include <math.h>
#include <stdlib.h>

static const double LARGEST_FEATURE = 1e6;

static size_t score_features(void)
{
    size_t count, features = 0;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    for (size_t i = 0; i < count; i++)
        features += scores[i].kind == EBJR_SCORE_LOGITS;
    return features;
}

size_t ebjr_router_feature_count(size_t classes)
{
    size_t scores = score_features();
    return scores + (scores + classes <= EBJR_ROUTER_FEATURES ? classes : 0);
}

void ebjr_router_features(double *features, const float *logits, size_t classes,
                          const struct ebjr_score_options *options)
{
    size_t count, used = 0, total = ebjr_router_feature_count(classes);
    const struct ebjr_score *scores = ebjr_score_list(&count);
    double value[EBJR_ROUTER_FEATURES];
    ebjr_score_evaluate_many(value, scores, count, logits, classes, options);
    for (size_t i = 0; i < count; i++)
        if (scores[i].kind == EBJR_SCORE_LOGITS)
            features[used++] = fmax(-LARGEST_FEATURE, fmin(LARGEST_FEATURE, value[i]));
    if (used == total)
        return;
    for (size_t k = 0; k < classes; k++)
        features[used + k] = 0;
    features[used + (size_t)ebjr_logits_argmax(logits, classes)] = 1;
}

static double learned_score(const struct ebjr_router *router, const float *logits, size_t classes)
{
    double features[EBJR_ROUTER_FEATURES];
    double sum = router->intercept;
    ebjr_router_features(features, logits, classes, &router->options);
    for (size_t i = 0; i < ebjr_router_feature_count(classes); i++)
        /* NOLINTNEXTLINE(*UndefinedBinaryOperatorResult): ebjr_router_features set as many */
        sum += router->weight[i] * features[i];
    return sum;
}

double ebjr_router_score(const struct ebjr_router *router, const float *logits, size_t classes)
{
    double score = router->learned
                       ? learned_score(router, logits, classes)
                       : ebjr_score_evaluate(router->score, logits, classes, &router->options);
    if (router->classes > 0)
        score -= router->offset[ebjr_logits_argmax(logits, classes)];
    return score;
}

void ebjr_router_clear(struct ebjr_router *router)
{
    free(router->offset);
    router->offset = NULL;
    router->classes = 0;
}
