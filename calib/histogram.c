#include "calib/histogram.h"

#include <math.h>
#include <string.h>

void ebjr_histogram(int64_t *counts, size_t bins, double low, double high, const double *value,
                    const uint8_t *use, size_t n)
{
    double last = (double)(bins - 1);
    memset(counts, 0, bins * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        if ((use && !use[i]) || isnan(value[i]))
            continue;
        double bin = floor((value[i] - low) / (high - low) * (double)bins);
        counts[(size_t)fmin(fmax(bin, 0), last)]++;
    }
}
