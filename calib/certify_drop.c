#include "calib/certify_drop.h"

#include "base/error.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdlib.h>

static int shuffle(size_t *order, size_t n, uint64_t seed)
{
    gsl_rng rng = {gsl_rng_mt19937, malloc(gsl_rng_mt19937->size)};
    if (!rng.state)
        return ebjr_error_memory();
    gsl_rng_set(&rng, (unsigned long)seed);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    gsl_ran_shuffle(&rng, order, n, sizeof *order);
    free(rng.state);
    return 0;
}

/* loss[n], each (1 + loss_i)/2, and their sum of whole halves: exact. */
static double fill_losses(double *loss, double threshold, const size_t *order,
                          const struct ebjr_drop_samples *samples)
{
    double sum = 0;
    for (size_t i = 0; i < samples->n; i++) {
        size_t at = order[i];
        bool keeps = samples->score[at] >= threshold;
        int right = keeps ? samples->student[at] : samples->deferred[at];
        loss[i] = (1 + samples->alone[at] - right) / 2.0;
        sum += loss[i];
    }
    return sum;
}

static double p_value(double *loss, double threshold, double limit, double delta,
                      const size_t *order, const struct ebjr_drop_samples *samples,
                      enum ebjr_bound bound)
{
    double sum = fill_losses(loss, threshold, order, samples), shifted = (1 + limit) / 2;
    return bound == EBJR_BETTING
               ? ebjr_betting_p(loss, samples->n, shifted, delta)
               : ebjr_hoeffding_bentkus_p(sum / (double)samples->n, samples->n, shifted);
}

int ebjr_certify_drop(bool *certified, const double *thresholds, size_t count, double limit,
                      double delta, const struct ebjr_drop_samples *samples, enum ebjr_bound bound,
                      uint64_t seed)
{
    if (bound == EBJR_CLOPPER_PEARSON)
        return ebjr_error_set(EBJR_EINVAL, "clopper-pearson bounds losses of 0 and 1, which a drop "
                                           "is not; betting or hoeffding-bentkus do");
    if (samples->n == 0)
        return ebjr_error_set(EBJR_EINVAL, "there are no samples to certify a drop on");
    size_t *order = calloc(samples->n, sizeof *order);
    double *loss = calloc(samples->n, sizeof *loss);
    int status = order && loss ? shuffle(order, samples->n, seed) : ebjr_error_memory();
    bool going_on = delta > 0 && delta < 1;
    for (size_t j = 0; !status && j < count; j++) {
        going_on =
            going_on && p_value(loss, thresholds[j], limit, delta, order, samples, bound) <= delta;
        certified[j] = going_on;
    }
    free(order);
    free(loss);
    return status;
}
