#include "calib/order.h"

#include <stdbool.h>

/*
 * A level parts the keys by the bits below the highest one in which they differ, and sorts the
 * parts. Scores crowd (probabilities near 1 share most of their leading bits); looking at where
 * they differ first keeps the parts even. A level takes so many bits that a part holds 2 to 4 keys,
 * but at most MOST_BITS: all parts are written at once, each to a cache line and a page of its own,
 * and 2^10 of these fit a core's second-level cache and TLB. Keys have 64 bits, so that there are
 * at most seven such levels above the small ones: O(n).
 */
enum { FEW = 32, LOG_PART = 1, MOST_BITS = 10, MOST_PARTS = 1 << MOST_BITS };

/* Into `out`, which may be `keys`. */
static void insertion_sort(uint64_t *out, const uint64_t *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t key = keys[i];
        size_t j = i;
        for (; j > 0 && out[j - 1] > key; j--)
            out[j] = out[j - 1];
        out[j] = key;
    }
}

static int highest_bit(uint64_t word)
{
    return 63 - __builtin_clzll(word);
}

static uint64_t differing_bits(const uint64_t *keys, size_t n)
{
    uint64_t differ = 0;
    for (size_t i = 1; i < n; i++)
        differ |= keys[i] ^ keys[0];
    return differ;
}

/* Part p, the keys with key >> shift & last = p, ends before out[end[p]]. */
static void scatter(uint64_t *out, size_t *end, const uint64_t *keys, size_t n, int shift,
                    size_t last)
{
    size_t sum = 0;
    memset(end, 0, (last + 1) * sizeof *end);
    for (size_t i = 0; i < n; i++)
        end[keys[i] >> shift & last]++;
    for (size_t p = 0; p <= last; p++) {
        size_t count = end[p];
        end[p] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        out[end[keys[i] >> shift & last]++] = keys[i];
}

/* The sorted keys are left in `keys` where `stay`, else in `other`. The two change roles from level
 * to level, so that nothing need be copied back. */
static void sort(uint64_t *keys, uint64_t *other, size_t n, bool stay)
{
    size_t end[MOST_PARTS], start = 0;
    if (n <= FEW) {
        insertion_sort(stay ? keys : other, keys, n);
        return;
    }
    uint64_t differ = differing_bits(keys, n);
    if (differ == 0) {
        if (!stay)
            memcpy(other, keys, n * sizeof *keys);
        return;
    }
    int top = highest_bit(differ) + 1, bits = highest_bit(n) - LOG_PART;
    bits = bits < MOST_BITS ? bits : MOST_BITS;
    bits = bits < top ? bits : top;
    size_t last = ((size_t)1 << bits) - 1;
    scatter(other, end, keys, n, top - bits, last);
    for (size_t p = 0; p <= last; start = end[p++])
        sort(other + start, keys + start, end[p] - start, !stay);
}

void ebjr_key_sort(uint64_t *keys, uint64_t *scratch, size_t n)
{
    sort(keys, scratch, n, true);
}
