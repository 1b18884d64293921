#include "calib/certify.h"

#include "calib/binomial.h"

#include <math.h>

/*
 * R^+(k) = ebjr_binomial_upper(k, n, delta) grows with the count k, so that R^+ <= limit is
 * k <= most, one number for a whole curve.
 *
 * Why looking at all thresholds costs nothing (harm; the others are the same turned round): fix a
 * threshold t with R(t) > limit. Picking one as loose as t takes R^+(t) <= limit < R(t), which has
 * probability <= delta. These events grow as t gets stricter, and so their union, which is that the
 * pick breaks the limit at all, has probability <= delta too.
 */

size_t ebjr_certify_harm(const struct ebjr_curve *curve, double limit, double delta)
{
    int64_t most = ebjr_binomial_most(curve->n, limit, delta);
    const struct ebjr_point *points = curve->points;
    size_t next = 0;
    while (next < curve->count && (points[next].harm <= most || points[next].threshold == INFINITY))
        next++;
    return next - 1;
}

size_t ebjr_certify_teacher_rate(const struct ebjr_curve *curve, double limit, double delta)
{
    int64_t most = ebjr_binomial_most(curve->n, limit, delta), fewest = curve->n - most;
    const struct ebjr_point *points = curve->points;
    size_t first = curve->count;
    while (first > 0 &&
           (points[first - 1].student >= fewest || points[first - 1].threshold == -INFINITY))
        first--;
    return first;
}

size_t ebjr_certify_exceeding(const int64_t *exceeding, size_t count, int64_t n, double limit,
                              double delta)
{
    int64_t most = ebjr_binomial_most(n, limit, delta);
    size_t first = count;
    while (first > 0 && exceeding[first - 1] <= most)
        first--;
    return first;
}

/* Few wrong answers speak against H, under which there are as many as of Bin(n, 1 - limit) or more.
 * To reject any true H_j the first true one of the sequence must be rejected. Which that is was
 * fixed beforehand, and it is with probability <= delta, however many there are. */
size_t ebjr_certify_accuracy(bool *certified, double *p_values, const double *thresholds,
                             size_t count, double limit, double delta,
                             const struct ebjr_curve *curve)
{
    size_t passed = 0;
    bool going_on = delta < 1;
    for (size_t j = 0; j < count; j++) {
        double p = NAN;
        if (going_on) {
            const struct ebjr_point *point = &curve->points[ebjr_curve_find(curve, thresholds[j])];
            int64_t right = curve->teacher_correct + point->help - point->harm;
            p = ebjr_binomial_cdf(curve->n - right, curve->n, 1 - limit);
            going_on = p <= delta;
        }
        certified[j] = going_on;
        passed += going_on;
        if (p_values)
            p_values[j] = p;
    }
    return passed;
}

size_t ebjr_curve_find(const struct ebjr_curve *curve, double threshold)
{
    size_t low = 0, high = curve->count; /* low reaches the threshold, high does not */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (curve->points[middle].threshold >= threshold)
            low = middle;
        else
            high = middle;
    }
    return low;
}
