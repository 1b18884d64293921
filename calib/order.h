/* Sorting of scores, the heaviest step of a sweep. */
#ifndef EBJR_CALIB_ORDER_H
#define EBJR_CALIB_ORDER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A key orders like its score, the other way round: a larger score has a smaller key, equal scores
 * (0 and -0 among them) have equal keys. The bits of an IEEE 754 double order like a sign-magnitude
 * integer: of a negative number all bits are kept, of a positive one all but the sign are flipped,
 * so that unsigned order is descending order. `score` must not be NaN.
 */
static inline uint64_t ebjr_key_of(double score)
{
    uint64_t bits;
    score += 0.0; /* -0 becomes 0 */
    memcpy(&bits, &score, sizeof bits);
    return bits >> 63 ? bits : bits ^ INT64_MAX;
}

static inline double ebjr_key_score(uint64_t key)
{
    double score;
    uint64_t bits = key >> 63 ? key : key ^ INT64_MAX;
    memcpy(&score, &bits, sizeof score);
    return score;
}

/* Sorts keys[n] in ascending order (scores in descending order). scratch: [n] of the caller's. A
 * radix sort, most significant bits first: O(n). */
void ebjr_key_sort(uint64_t *keys, uint64_t *scratch, size_t n);

#ifdef __cplusplus
}
#endif
#endif
