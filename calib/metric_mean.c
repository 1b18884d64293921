#include "calib/metric_mean.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

/* sum + lost is the sum of all that was added, nearly as if it had been rounded once (Neumaier). */
struct mean {
    const struct ebjr_labelled *samples;
    ebjr_worth *worth;
    double sum, lost;
};

static void add(struct mean *mean, double value)
{
    double sum = mean->sum + value;
    mean->lost +=
        fabs(mean->sum) >= fabs(value) ? mean->sum - sum + value : value - sum + mean->sum;
    mean->sum = sum;
}

int ebjr_metric_mean_open(void **state, const struct ebjr_metric *self,
                          const struct ebjr_labelled *samples)
{
    struct mean *mean = malloc(sizeof *mean);
    if (!mean)
        return ebjr_error_memory();
    *mean = (struct mean){.samples = samples, .worth = self->worth};
    for (size_t i = 0; i < samples->n; i++)
        add(mean, self->worth(samples, &samples->teacher, i));
    *state = mean;
    return 0;
}

void ebjr_metric_mean_move(void *state, size_t sample)
{
    struct mean *mean = state;
    add(mean, -mean->worth(mean->samples, &mean->samples->teacher, sample));
    add(mean, mean->worth(mean->samples, &mean->samples->student, sample));
}

double ebjr_metric_mean_value(void *state)
{
    const struct mean *mean = state;
    return (mean->sum + mean->lost) / (double)mean->samples->n;
}
