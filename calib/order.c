#include "calib/order.h"

#include <string.h>

static const uint64_t sign = UINT64_C(1) << 63;

uint64_t ebjr_key_of(double score)
{
    uint64_t bits;
    score += 0.0; /* -0 becomes 0 */
    memcpy(&bits, &score, sizeof bits);
    return bits & sign ? bits : ~bits & ~sign;
}

double ebjr_key_score(uint64_t key)
{
    double score;
    uint64_t bits = key & sign ? key : ~key & ~sign;
    memcpy(&score, &bits, sizeof score);
    return score;
}

enum { FEW = 32, MOST_BITS = 11, RADIX = 1 << MOST_BITS };

static void insertion_sort(uint64_t *keys, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t key = keys[i];
        size_t j = i;
        for (; j > 0 && keys[j - 1] > key; j--)
            keys[j] = keys[j - 1];
        keys[j] = key;
    }
}

static int highest_bit(uint64_t word)
{
    return 63 - __builtin_clzll(word);
}

/*
 * Parts the keys by the bits below the highest one in which they differ, so many of them that a
 * part holds about FEW / 2 keys, and sorts the parts. Scores crowd (probabilities near 1 share most
 * of their leading bits); looking at where they differ first keeps the parts even. Every level but
 * the last few uses up MOST_BITS of 64 bits, so there are at most six passes over the keys.
 */
void ebjr_key_sort(uint64_t *keys, uint64_t *scratch, size_t n)
{
    if (n <= FEW) {
        insertion_sort(keys, n);
        return;
    }
    uint64_t differ = 0;
    for (size_t i = 1; i < n; i++)
        differ |= keys[i] ^ keys[0];
    if (differ == 0)
        return;
    int top = highest_bit(differ) + 1, bits = highest_bit(n) - highest_bit(FEW) + 1;
    bits = bits < MOST_BITS ? bits : MOST_BITS;
    bits = bits < top ? bits : top;
    int shift = top - bits;
    size_t mask = ((size_t)1 << bits) - 1;
    size_t end[RADIX];
    memset(end, 0, (mask + 1) * sizeof *end);
    for (size_t i = 0; i < n; i++)
        end[keys[i] >> shift & mask]++;
    size_t sum = 0;
    for (size_t value = 0; value <= mask; value++) {
        size_t count = end[value];
        end[value] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        scratch[end[keys[i] >> shift & mask]++] = keys[i];
    memcpy(keys, scratch, n * sizeof *keys);
    size_t start = 0;
    for (size_t value = 0; value <= mask && shift > 0; value++) {
        ebjr_key_sort(keys + start, scratch + start, end[value] - start);
        start = end[value];
    }
}
