/*
 * Points of cost and accuracy, of one method or of many: which of them are worth having, what a
 * method reaches at another's cost, and who is ahead where.
 *
 * Nothing here depends on the order in which points come. Numbers must be finite; a cost may be of
 * any unit, an accuracy of any scale.
 */
#ifndef EBJR_CALIB_FRONTIER_H
#define EBJR_CALIB_FRONTIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_offer {
    double cost, accuracy;
};

/* a costs no more than b, is no less accurate, and in one of the two is better (Pareto). */
bool ebjr_offer_dominates(struct ebjr_offer a, struct ebjr_offer b);

/* front[n]: 1 where no other offer dominates, else 0; equal offers do not dominate each other.
 * O(n log n). Errors: EBJR_ENOMEM. */
int ebjr_frontier_mark(uint8_t *front, const struct ebjr_offer *offers, size_t n);

/*
 * The area that the offers dominate within [0, cost] x [accuracy, 1], as a part of the box: the
 * hypervolume (Zitzler & Thiele 1999) with the reference point (cost, accuracy),
 *
 *   1 / (cost (1 - accuracy)) * integral over c = 0 .. cost of max(0, best(c) - accuracy),
 *
 * best(c) the largest accuracy among the offers that cost at most c, so that nothing is had below
 * the cheapest. NaN where the box is empty. O(n log n). Errors: EBJR_ENOMEM.
 */
int ebjr_frontier_hypervolume(double *out, const struct ebjr_offer *offers, size_t n, double cost,
                              double accuracy);

/*
 * The curve of a method: its offers by rising cost, of those that cost the same the most accurate,
 * and straight lines between neighbours. It need not rise: an offer that another dominates bends
 * it.
 */
struct ebjr_tradeoff_curve {
    struct ebjr_offer *offers; /* [count], at least 1 */
    size_t count;
};

/* The caller frees with ebjr_tradeoff_curve_free. Errors: EBJR_EINVAL n = 0, or a number that is
 * not finite; EBJR_ENOMEM. */
int ebjr_tradeoff_curve_make(struct ebjr_tradeoff_curve *out, const struct ebjr_offer *offers,
                             size_t n);
void ebjr_tradeoff_curve_free(struct ebjr_tradeoff_curve *curve);

enum ebjr_range { EBJR_WITHIN, EBJR_BELOW, EBJR_ABOVE };

/*
 * The accuracy at a cost, on the line between the neighbouring offers:
 *
 *   a_i + (a_{i+1} - a_i) (cost - c_i) / (c_{i+1} - c_i),   c_i <= cost <= c_{i+1}.
 *
 * Nothing is extrapolated. EBJR_BELOW: the method has no offer so cheap, and the accuracy is NaN.
 * EBJR_ABOVE: it has none so dear; a budget need not be spent, and the accuracy is that of its
 * dearest offer. O(log count).
 */
enum ebjr_range ebjr_accuracy_at(double *accuracy, const struct ebjr_tradeoff_curve *curve,
                                 double cost);

/*
 * The least cost at which the curve reaches an accuracy. EBJR_BELOW: its cheapest offer is already
 * more accurate, and the cost is that offer's. EBJR_ABOVE: it never reaches it, and the cost is
 * NaN. O(count).
 */
enum ebjr_range ebjr_cost_at(double *cost, const struct ebjr_tradeoff_curve *curve,
                             double accuracy);

/* The mean of the curve's accuracy over costs from .. to within its range: the area under it
 * (trapezoids, exact) divided by to - from. NaN where from < to or the range is left. */
double ebjr_mean_accuracy(const struct ebjr_tradeoff_curve *curve, double from, double to);

/* The costs that both curves have: from > to where there are none. */
void ebjr_common_costs(double *from, double *to, const struct ebjr_tradeoff_curve *a,
                       const struct ebjr_tradeoff_curve *b);

struct ebjr_lead {
    double from, to; /* costs, from < to */
    int leader;      /* 1: the first curve is the more accurate; -1: the second; 0: neither */
};

/*
 * Who is ahead where, over the costs that both curves have: intervals that follow each other, cut
 * where the lines cross. Their difference is linear between the costs of either's offers, so that
 * each piece has one crossing at most. count is 0 where they share no interval. The caller frees
 * *out. Errors: EBJR_ENOMEM.
 */
int ebjr_leads(struct ebjr_lead **out, size_t *count, const struct ebjr_tradeoff_curve *a,
               const struct ebjr_tradeoff_curve *b);

#ifdef __cplusplus
}
#endif
#endif
