#include "calib/risk_coverage.h"

#include "base/error.h"
#include "calib/summary.h"

#include <stdlib.h>
#include <string.h>

/* The samples of a curve in descending order of the score, as the areas of summary.h take them.
 * Within a group of equal scores the order means nothing. */
struct ranking {
    uint8_t *right, *group_end;
    double *weight;
};

static int rank(struct ranking *out, const struct ebjr_risk_coverage *curve)
{
    size_t n = (size_t)curve->n, i = 0;
    int64_t wrong = 0;
    out->right = malloc(n);
    out->group_end = calloc(n, 1);
    out->weight = malloc(n * sizeof *out->weight);
    if (!out->right || !out->group_end || !out->weight)
        return ebjr_error_memory();
    for (size_t g = 0; g < curve->count; g++) {
        for (; i < (size_t)curve->answered[g]; i++) {
            out->right[i] = wrong >= curve->wrong[g];
            out->weight[i] = 1;
            wrong += !out->right[i];
        }
        out->group_end[i - 1] = 1;
    }
    return 0;
}

static int find_area(struct ebjr_risk_coverage *curve)
{
    struct ranking ranking = {0};
    int status = rank(&ranking, curve);
    if (!status) {
        struct ebjr_ranked ranked = {.n = (size_t)curve->n,
                                     .student = ranking.right,
                                     .teacher = ranking.right,
                                     .group_end = ranking.group_end,
                                     .weight = ranking.weight,
                                     .total = (double)curve->n};
        curve->area = ebjr_risk_coverage_area(&ranked);
    }
    free(ranking.right);
    free(ranking.group_end);
    free(ranking.weight);
    return status;
}

/* Beside a teacher who is always right, harm is wrong answers of the student. */
static int sweep(struct ebjr_curve *out, const double *score, const uint8_t *student_correct,
                 size_t n)
{
    uint8_t *right = malloc(n ? n : 1);
    if (!right)
        return ebjr_error_memory();
    memset(right, 1, n);
    int status = ebjr_sweep(out, score, student_correct, right, n);
    free(right);
    return status;
}

static int copy(struct ebjr_risk_coverage *out, const struct ebjr_curve *curve)
{
    out->n = curve->n;
    out->count = curve->count - 1; /* without the point at which no one is answered */
    out->threshold = malloc(out->count * sizeof *out->threshold);
    out->answered = malloc(out->count * sizeof *out->answered);
    out->wrong = malloc(out->count * sizeof *out->wrong);
    if (!out->threshold || !out->answered || !out->wrong)
        return ebjr_error_memory();
    for (size_t i = 0; i < out->count; i++) {
        const struct ebjr_point *point = &curve->points[i + 1];
        out->threshold[i] = point->threshold;
        out->answered[i] = point->student;
        out->wrong[i] = point->harm;
    }
    return 0;
}

int ebjr_risk_coverage(struct ebjr_risk_coverage *out, const double *score,
                       const uint8_t *student_correct, size_t n)
{
    struct ebjr_curve curve = {0};
    *out = (struct ebjr_risk_coverage){0};
    int status = sweep(&curve, score, student_correct, n);
    if (!status)
        status = copy(out, &curve);
    if (!status)
        status = find_area(out);
    ebjr_curve_free(&curve);
    if (status)
        ebjr_risk_coverage_free(out);
    return status;
}

void ebjr_risk_coverage_free(struct ebjr_risk_coverage *curve)
{
    free(curve->threshold);
    free(curve->answered);
    free(curve->wrong);
    *curve = (struct ebjr_risk_coverage){0};
}
