/* Sorting of scores, the heaviest step of a sweep. */
#ifndef EBJR_CALIB_ORDER_H
#define EBJR_CALIB_ORDER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A key orders like its score, the other way round: a larger score has a smaller key, equal scores
 * (0 and -0 among them) have equal keys. The bits of an IEEE 754 double order like a sign-magnitude
 * integer: of a negative number all bits are kept, of a positive one all but the sign are flipped,
 * so that unsigned order is descending order. `score` must not be NaN.
 */
uint64_t ebjr_key_of(double score);
double ebjr_key_score(uint64_t key);

/* Sorts keys[n] in ascending order (scores in descending order). scratch: [n] of the caller's. A
 * radix sort, most significant bits first: O(n), at most six passes over the keys. */
void ebjr_key_sort(uint64_t *keys, uint64_t *scratch, size_t n);

#ifdef __cplusplus
}
#endif
#endif
