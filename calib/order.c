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

enum { DIGIT_BITS = 11, DIGITS = 6, RADIX = 1 << DIGIT_BITS, FEW = 64 };

static size_t digit(uint64_t key, int place)
{
    return key >> (place * DIGIT_BITS) & (RADIX - 1);
}

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

void ebjr_key_sort(uint64_t *keys, uint64_t *scratch, size_t n)
{
    size_t counts[DIGITS][RADIX] = {{0}};
    if (n <= FEW) {
        insertion_sort(keys, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        for (int place = 0; place < DIGITS; place++)
            counts[place][digit(keys[i], place)]++;

    uint64_t *from = keys, *to = scratch;
    for (int place = 0; place < DIGITS; place++) {
        size_t *start = counts[place];
        if (start[digit(from[0], place)] == n)
            continue; /* all keys share this digit */
        size_t sum = 0;
        for (size_t value = 0; value < RADIX; value++) {
            size_t count = start[value];
            start[value] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            to[start[digit(from[i], place)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != keys)
        memcpy(keys, from, n * sizeof *keys);
}
