/* Seeded, stratified splits of the samples. */
#ifndef EBJR_CALIB_SPLIT_H
#define EBJR_CALIB_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * part[n] becomes 0 .. parts-1, or -1 for what the fractions[parts] leave over; they sum to at most
 * 1 and are trusted to 12 digits. Within each stratum (equal stratum[i] >= 0; NULL: one stratum)
 * the samples are shuffled (GSL's Mersenne twister, seeded) and dealt.
 *
 * Sizes: in every stratum of m samples a part gets fraction * m, rounded down or up (exactly that
 * where it is whole). What the roundings owe is carried from stratum to stratum, so that a part's
 * overall size, too, is fraction * n rounded down or up where there are at most three parts (a rest
 * of -1 counts as one), and hardly further from it with more. A stratum's samples are equally
 * likely to go to a part; strata are served in ascending order.
 *
 * The same input and seed give the same parts; only seed ^ seed >> 32 counts, 32 bits of it.
 * Errors: EBJR_EINVAL n = 0 or above 2^32 - 1, parts not in 1 .. 127, a fraction that is not in
 * 0 .. 1 or their sum above 1, a negative stratum; EBJR_ENOMEM.
 */
int ebjr_split(int8_t *part, const int32_t *stratum, size_t n, const double *fractions,
               size_t parts, uint64_t seed);

#ifdef __cplusplus
}
#endif
#endif
