/* What picks from arrays (pick.c) and from a stream of points (pick_sorted.c) share. */
#ifndef EBJR_CALIB_PICK_INTERNAL_H
#define EBJR_CALIB_PICK_INTERNAL_H

#include "calib/pick.h"

enum { EBJR_PROPOSALS = 500 };

/* Thresholds that tuning samples propose, from the points of their curve, each in turn: from that
 * of the highest accuracy on (of equals the last) to ever looser ones, in equal steps of share. */
struct ebjr_proposals {
    struct ebjr_curve totals;
    int64_t step, next; /* samples that the student answers */
    double best;
    size_t count;
    double threshold[EBJR_PROPOSALS + 2];
};

void ebjr_proposals_begin(struct ebjr_proposals *out, const struct ebjr_curve *totals);
void ebjr_proposals_take(struct ebjr_proposals *proposals, const struct ebjr_point *point);

/* The curve's points become those of the given thresholds, with the counts they have on it. Errors:
 * EBJR_ENOMEM. */
int ebjr_pick_restrict(struct ebjr_curve *curve, const double *threshold, size_t count);

/* certified, uncertified and delta_each. */
void ebjr_pick_divide_delta(struct ebjr_pick *pick, const struct ebjr_pick_request *request);

/* Is something certified that needs thresholds in an order fixed beforehand? */
bool ebjr_pick_is_tested(const struct ebjr_pick *pick, const struct ebjr_pick_request *request);

/* The error of tests without tuning samples. */
int ebjr_pick_untuned(void);

/* The curve's drops are below the answer to deferred samples, the limit is below the teacher. */
void ebjr_pick_own_limits(double *limit, const struct ebjr_pick_request *request);

/* Are there enough samples to certify that a share `tail` is over a limit at most? */
int ebjr_pick_check_tail(const struct ebjr_pick *pick, enum ebjr_budget budget, double tail,
                         size_t n);

/* From the candidates with their figures to the choice. */
int ebjr_pick_choose(struct ebjr_pick *out, const struct ebjr_samples *calibration,
                     const struct ebjr_pick_request *request);

#endif
