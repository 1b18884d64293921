/*
 * The pick: an operating point under budgets, plain or certified.
 *
 * Plain: the best point of the calibration samples whose own figures meet the budgets. It has
 * looked at these samples, and on new ones it breaks a budget that binds about half of the time.
 *
 * Certified: each budget that has a certificate (certify.h) must hold on the population with
 * probability >= 1 - delta for all of them together: with m such budgets each gets delta / m
 * (Bonferroni). Drop is bounded by harm (drop = harm - help <= harm) with
 * EBJR_CLOPPER_PEARSON, or itself with the other bounds (certify_drop.h), the only ones for a joint
 * answer. FLOPs are a teacher rate,
 * C(t) <= F iff teacher_rate <= (F - C_student) / C_teacher. Accuracy, and a drop
 * that is not bounded by harm, need tuning samples, which choose the thresholds to be tested and
 * their order: first the one of the highest accuracy there, then ever looser ones, so that the last
 * one certified serves the objective best. A mean latency has no certificate, for latencies have no
 * bound; it stays plain, and `uncertified` says so.
 */
#ifndef EBJR_CALIB_PICK_H
#define EBJR_CALIB_PICK_H

#include "calib/bound.h"
#include "calib/budget.h"
#include "calib/sorter.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_samples {
    size_t n;
    const double *score;
    const uint8_t *student_correct, *teacher_correct;
    const double *student_latency, *teacher_latency; /* ns; NULL: unknown */
    const uint8_t *alone; /* the teacher alone, where teacher_correct is of a joint answer; NULL:
                             the same */
};

struct ebjr_pick_request {
    double limit[EBJR_BUDGETS]; /* NaN: no such budget */
    enum ebjr_objective objective;
    double student_flops, teacher_flops; /* NaN: unknown */
    double advantage; /* of the teacher alone over the answer to deferred samples, in accuracy on
                         the calibration samples; 0 but for joint answers */
    bool certify;
    double delta;
    enum ebjr_bound bound; /* of the drop */
    uint64_t order_seed;   /* of the order that samples are bet on in */
    const double *grid;    /* thresholds to test for accuracy or drop, strictly descending, fixed
                              beforehand;    NULL: the tuning samples propose them */
    size_t grid_count;
};

struct ebjr_pick {
    struct ebjr_choice choice;         /* `index` is of `curve` */
    struct ebjr_curve curve;           /* the candidates, with their counts on `calibration` */
    struct ebjr_latency_curve latency; /* of the candidates; count 0: unknown */
    unsigned certified, uncertified;   /* bit b: budget b is asked for, with a certificate or not */
    double delta_each;                 /* delta / number of certified budgets */
};

/*
 * tuning may be NULL where thresholds need not be proposed, or where there is a grid. The caller
 * frees with ebjr_pick_free, also where the choice is infeasible. Errors: EBJR_EINVAL no samples, a
 * budget without its figures, a percentile that so few samples cannot certify at all; EBJR_ENOMEM.
 */
int ebjr_pick(struct ebjr_pick *out, const struct ebjr_samples *calibration,
              const struct ebjr_samples *tuning, const struct ebjr_pick_request *request);
void ebjr_pick_free(struct ebjr_pick *pick);

/*
 * The same choice from samples that memory need not hold. Latencies are unknown, a drop is
 * certified by EBJR_CLOPPER_PEARSON, and there is no grid. `curve` has only the chosen point, with
 * the candidates beside it, where thresholds were not tested. Errors: those of ebjr_pick;
 * EBJR_EINVAL for another bound; EBJR_EIO.
 */
int ebjr_pick_sorted(struct ebjr_pick *out, ebjr_sorter *calibration, ebjr_sorter *tuning,
                     const struct ebjr_pick_request *request);

#ifdef __cplusplus
}
#endif
#endif
