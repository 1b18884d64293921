/* How numbers are distributed: counts in bins of equal width. */
#ifndef EBJR_CALIB_HISTOGRAM_H
#define EBJR_CALIB_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* counts[bins]: how many of value[n] with use[i] != 0 (NULL: all) lie in each bin of [low, high),
 * low < high; the m-th from 0 is [low + m w, low + (m + 1) w), w = (high - low) / bins. The first
 * also has all below, the last all above; a NaN is in none. */
void ebjr_histogram(int64_t *counts, size_t bins, double low, double high, const double *value,
                    const uint8_t *use, size_t n);

#ifdef __cplusplus
}
#endif
#endif
