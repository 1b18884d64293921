#include "calib/split.h"

#include "base/error.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort_int.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Fractions are decimals that people write; their products are whole within this, relatively. */
static const double slack = 1e-12;

enum { MAX_PARTS = INT8_MAX };

/* Part p of the deal is the caller's part p; the last one is what is left over. */
struct deal {
    size_t parts;
    double fraction[MAX_PARTS + 1];
    double owed[MAX_PARTS + 1]; /* samples that the strata before gave too few of */
    size_t size[MAX_PARTS + 1]; /* in the stratum at hand */
};

static int deal_begin(struct deal *deal, const double *fractions, size_t parts)
{
    double left = 1;
    *deal = (struct deal){.parts = parts + 1};
    for (size_t p = 0; p < parts; p++) {
        if (!(fractions[p] >= 0 && fractions[p] <= 1))
            return ebjr_error_set(EBJR_EINVAL, "fraction %g of a split is not within 0 .. 1",
                                  fractions[p]);
        deal->fraction[p] = fractions[p];
        left -= fractions[p];
    }
    if (left < -slack)
        return ebjr_error_set(EBJR_EINVAL, "the fractions of a split sum to %g, more than 1",
                              1 - left);
    deal->fraction[parts] = fmax(left, 0);
    return 0;
}

/*
 * Sizes in a stratum of m samples: floor(f_p m) each, and the samples that remain go one each to
 * the parts that are owed most, among those whose f_p m is not whole. So a size is f_p m rounded
 * down or up, and sum_p owed_p stays 0.
 *
 * With three parts every |owed| stays below 1. Let y = owed + f m - floor(f m); the y sum to the
 * number of samples that remain. If that is 1, the part i that gets it has the largest y of those
 * that may, so y_i > 0; what it is owed becomes y_i - 1, above -1 and below what it was. Of the two
 * others, j keeps y_j <= y_i and k keeps y_k > -1, so 2 y_j - 1 <= y_j + (y_i - 1) = -y_k < 1 and
 * y_j < 1. If 2 samples remain, all signs are turned: one part gets none.
 */
static void deal_sizes(struct deal *deal, size_t m)
{
    bool open[MAX_PARTS + 1];
    size_t remain = m;
    for (size_t p = 0; p < deal->parts; p++) {
        double exact = deal->fraction[p] * (double)m, whole = floor(exact + slack * (double)m);
        deal->size[p] = (size_t)fmin(whole, (double)remain);
        deal->owed[p] += exact - whole;
        open[p] = exact - whole > slack * (double)m;
        remain -= deal->size[p];
    }
    while (remain > 0) {
        size_t most = deal->parts;
        for (size_t p = 0; p < deal->parts; p++)
            if (open[p] && (most == deal->parts || deal->owed[p] > deal->owed[most]))
                most = p;
        if (most == deal->parts)
            return; /* only rounding of the doubles is left */
        deal->size[most]++;
        deal->owed[most]--;
        open[most] = false;
        remain--;
    }
}

static void deal_stratum(int8_t *part, struct deal *deal, size_t *sample, size_t m,
                         const gsl_rng *rng)
{
    gsl_ran_shuffle(rng, sample, m, sizeof *sample);
    deal_sizes(deal, m);
    size_t next = 0;
    for (size_t p = 0; p + 1 < deal->parts; p++)
        for (size_t k = 0; k < deal->size[p]; k++)
            part[sample[next++]] = (int8_t)p;
    while (next < m)
        part[sample[next++]] = -1;
}

static int order_by_stratum(size_t *order, const int32_t *stratum, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (stratum && stratum[i] < 0)
            return ebjr_error_set(EBJR_EINVAL, "sample %zu: its stratum is %d, below 0", i,
                                  (int)stratum[i]);
        order[i] = i;
    }
    if (stratum)
        gsl_sort_int_index(order, stratum, 1, n);
    return 0;
}

static size_t stratum_end(const size_t *order, const int32_t *stratum, size_t n, size_t begin)
{
    size_t end = stratum ? begin + 1 : n;
    while (end < n && stratum[order[end]] == stratum[order[begin]])
        end++;
    return end;
}

int ebjr_split(int8_t *part, const int32_t *stratum, size_t n, const double *fractions,
               size_t parts, uint64_t seed)
{
    struct deal deal;
    if (n == 0 || n > UINT32_MAX)
        return ebjr_error_set(EBJR_EINVAL, "%zu samples cannot be split: give 1 to 2^32 - 1", n);
    if (parts == 0 || parts > MAX_PARTS)
        return ebjr_error_set(EBJR_EINVAL, "%zu parts cannot be split into: give 1 to %d", parts,
                              MAX_PARTS);
    int status = deal_begin(&deal, fractions, parts);
    if (status)
        return status;

    size_t *order = malloc(n * sizeof *order);
    gsl_rng rng = {gsl_rng_mt19937, malloc(gsl_rng_mt19937->size)};
    if (!order || !rng.state)
        status = ebjr_error_memory();
    else
        status = order_by_stratum(order, stratum, n);
    if (!status) {
        gsl_rng_set(&rng, seed ^ seed >> 32);
        for (size_t begin = 0, end; begin < n; begin = end) {
            end = stratum_end(order, stratum, n, begin);
            deal_stratum(part, &deal, order + begin, end - begin, &rng);
        }
    }
    free(rng.state);
    free(order);
    return status;
}
