/*
 * Cascades of k stages. Stage j < k-1 answers a sample that has reached it where score_j >= t_j,
 * the last stage answers the rest. The cost of a sample is the sum of the costs of the stages it
 * went through. With k = 2 this is the sweep of sweep.h. Equal scores are one group: a threshold is
 * +inf or one of the stage's scores.
 */
#ifndef EBJR_CALIB_STAGES_H
#define EBJR_CALIB_STAGES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_STAGES = 8 };

struct ebjr_stages {
    size_t k, n;                         /* 1 <= k <= EBJR_STAGES, 1 <= n <= 2^32 - 2 */
    const double *score[EBJR_STAGES];    /* [k-1][n] finite */
    const uint8_t *correct[EBJR_STAGES]; /* [k][n] */
    double cost[EBJR_STAGES];            /* [k] a sample; finite, not negative */
    int64_t least_before; /* of the front: samples that are not left to the last stage, at least */
};

struct ebjr_stages_point {
    double threshold[EBJR_STAGES]; /* [k-1]; +inf: the stage answers nothing */
    int64_t answered[EBJR_STAGES]; /* [k] samples that each stage answers */
    int64_t correct;
    double cost; /* mean of a sample */
};

/* One vector of thresholds, by counting. O(n k), nothing is allocated or checked. */
void ebjr_stages_at(struct ebjr_stages_point *out, const struct ebjr_stages *stages,
                    const double *threshold);

/*
 * The thresholds that maximise correct - lambda * n * cost (lambda >= 0: right answers that a unit
 * of cost is worth); of equals, the cheapest. Steps are exact over two stages' thresholds at a
 * time, the others held, in O(n log n); so the result is the global optimum for k <= 3, to within
 * rounding. For k > 3 they are repeated from k + 3 starts until none improves: no change of any two
 * thresholds betters the result. Errors: EBJR_EINVAL, EBJR_ENOMEM.
 */
int ebjr_stages_optimise(struct ebjr_stages_point *out, const struct ebjr_stages *stages,
                         double lambda);

/*
 * The Pareto front, by ascending cost: each further point costs more and has more right, none is
 * dominated by another. The caller frees *out. No point answers a sample of EBJR_NEVER, or
 * leaves more to the last stage than least_before allows; where none is left, *count is 0.
 *
 * Exact (every Pareto point) where n times the number of choices for the first k - 2 thresholds
 * (the product of each stage's distinct scores + 1) is at most 2^27: always for k = 2, for k = 3 up
 * to n = 11,584 of distinct scores. Beyond, it is the best of the points on a grid of the first
 * k - 2 thresholds, the next one taking all its values, and of those around optima along the front.
 * Errors: EBJR_EINVAL, EBJR_ENOMEM.
 */
int ebjr_stages_front(struct ebjr_stages_point **out, size_t *count,
                      const struct ebjr_stages *stages);

#ifdef __cplusplus
}
#endif
#endif
