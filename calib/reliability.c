#include "calib/reliability.h"

#include "base/error.h"
#include "calib/binomial.h"

#include <math.h>

/* While samples are added `confidence` is their sum; here it becomes their mean. */
static void finish(struct ebjr_reliability_bin *bin, double delta)
{
    double n = bin->n > 0 ? (double)bin->n : NAN;
    bin->confidence /= n;
    bin->accuracy = (double)bin->right / n;
    bin->lowest = bin->n > 0 ? ebjr_binomial_lower(bin->right, bin->n, delta / 2) : NAN;
    bin->highest = bin->n > 0 ? ebjr_binomial_upper(bin->right, bin->n, delta / 2) : NAN;
}

int ebjr_reliability(struct ebjr_reliability_bin *bin, double *error, size_t bins,
                     const double *confidence, const uint8_t *right, size_t n, double delta)
{
    if (!(delta > 0 && delta < 1))
        return ebjr_error_set(EBJR_EINVAL, "a delta of %g, where 0 < delta < 1 is expected", delta);
    for (size_t m = 0; m < bins; m++)
        bin[m] = (struct ebjr_reliability_bin){0};
    for (size_t i = 0; i < n; i++) {
        if (!(confidence[i] >= 0 && confidence[i] <= 1))
            return ebjr_error_set(EBJR_EINVAL, "sample %zu: its confidence is %g", i,
                                  confidence[i]);
        double above = ceil(confidence[i] * (double)bins) - 1;
        struct ebjr_reliability_bin *its = &bin[above > 0 ? (size_t)above : 0];
        its->n++;
        its->right += right[i] != 0;
        its->confidence += confidence[i];
    }
    *error = n > 0 ? 0 : NAN;
    for (size_t m = 0; m < bins; m++) {
        if (bin[m].n > 0)
            *error += fabs((double)bin[m].right - bin[m].confidence) / (double)n;
        finish(&bin[m], delta);
    }
    return 0;
}
