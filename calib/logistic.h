/*
 * A learned router: P(the student is right) by logistic regression on features of its logits,
 *
 *   p = 1 / (1 + exp(-(b + w . f))).
 *
 * b and w minimise  sum_i log(1 + exp(-y_i (b + w . x_i))) + lambda/2 |w|^2,  y_i = 1 or -1, x_i
 * the features with their mean taken off and divided by their standard deviation (of n, not n - 1);
 * the intercept is not penalised. That is scikit-learn's StandardScaler, then LogisticRegression(C
 * = 1/lambda). The score is b + w . f, on the features as they are.
 */
#ifndef EBJR_CALIB_LOGISTIC_H
#define EBJR_CALIB_LOGISTIC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_FEATURES = 256 };

struct ebjr_logistic {
    size_t features;
    double intercept;
    double weight[EBJR_FEATURES]; /* of the features as they are, not standardised */
};

/* features [n, count] by rows, target[n] 0 or not, of the rows with use[i] != 0 (NULL: all).
 * lambda > 0 (1 is a good start): so the minimum is one point, also where the targets can be told
 * apart without error or features are copies of each other. Constant features get weight 0.
 * O(n count^2) a step, about ten steps; O(count^2) memory. Errors: EBJR_EINVAL too many features,
 * no rows, one class of targets only, lambda not > 0, a feature that is not finite or has no finite
 * variance; EBJR_ENOMEM. */
int ebjr_logistic_fit(struct ebjr_logistic *out, const double *features, const uint8_t *target,
                      const uint8_t *use, size_t n, size_t count, double lambda);

/* b + w . f for one row. */
double ebjr_logistic_score(const struct ebjr_logistic *self, const double *features);

#ifdef __cplusplus
}
#endif
#endif
