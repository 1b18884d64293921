/*
 * Selective prediction by the student alone (El-Yaniv & Wiener 2010): it answers where its score is
 * at least a threshold and abstains elsewhere. Coverage is the share of samples it answers,
 * selective risk the share of wrong answers among those.
 */
#ifndef EBJR_CALIB_RISK_COVERAGE_H
#define EBJR_CALIB_RISK_COVERAGE_H

#include "calib/sweep.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_risk_coverage {
    size_t count; /* distinct scores */
    int64_t n;
    /* [count] by descending threshold, hence ascending coverage: */
    double *threshold;
    int64_t *answered, *wrong; /* coverage answered/n, risk wrong/answered */
    double area;               /* AURC: ebjr_risk_coverage_area (summary.h) */
};

/* O(n). The caller frees with ebjr_risk_coverage_free. Errors: EBJR_EINVAL n = 0, or a score that
 * is not finite; EBJR_ENOMEM. */
int ebjr_risk_coverage(struct ebjr_risk_coverage *out, const double *score,
                       const uint8_t *student_correct, size_t n);
void ebjr_risk_coverage_free(struct ebjr_risk_coverage *curve);

#ifdef __cplusplus
}
#endif
#endif
