/* A program outside the sources: scores two samples, sweeps them, and fails as the library fails.
 */
#include <ebjr/base/error.h>
#include <ebjr/calib/sweep.h>
#include <ebjr/db/store.h>
#include <ebjr/runtime/cascade.h>
#include <ebjr/runtime/score.h>
#include <ebjr/version.h>

#include <stdio.h>

int main(void)
{
    const float logits[2][2] = {{4, 0}, {1, 0}};
    const uint8_t student[2] = {1, 0}, teacher[2] = {0, 1};
    const struct ebjr_score *score;
    struct ebjr_curve curve;
    ebjr_store *store;
    double scores[2];
    if (ebjr_score_find(&score, "energy") != 0)
        return 1;
    for (int i = 0; i < 2; i++)
        scores[i] = ebjr_score_evaluate(score, logits[i], 2, &ebjr_score_defaults);
    if (ebjr_sweep(&curve, scores, student, teacher, 2) != 0)
        return 1;
    printf("ebjr %s\n", EBJR_VERSION);
    for (size_t i = 0; i < curve.count; i++)
        printf("%.6f %.2f\n", curve.points[i].threshold,
               ebjr_point_accuracy(&curve, &curve.points[i]));
    ebjr_curve_free(&curve);
    if (ebjr_store_open(&store, "no-such.db", EBJR_STORE_READ) == EBJR_ENOTFOUND)
        printf("%s\n", ebjr_error_last());
    return 0;
}
