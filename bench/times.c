#include "bench/times.h"

#include "base/error.h"
#include "calib/quantile.h"

#include <gsl/gsl_cdf.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

int ebjr_times_start(struct ebjr_times *out, size_t capacity, uint64_t seed)
{
    *out = (struct ebjr_times){.stride = 1};
    if (capacity < 2 || capacity > SIZE_MAX / sizeof *out->kept)
        return ebjr_error_set(EBJR_EINVAL, "%zu times cannot be kept", capacity);
    out->capacity = capacity - capacity % 2;
    out->kept = malloc(out->capacity * sizeof *out->kept);
    out->random = gsl_rng_alloc(gsl_rng_taus2);
    if (!out->kept || !out->random) {
        ebjr_times_free(out);
        return ebjr_error_memory();
    }
    gsl_rng_set(out->random, seed ^ seed >> 32);
    return 0;
}

void ebjr_times_free(struct ebjr_times *times)
{
    free(times->kept);
    if (times->random)
        gsl_rng_free(times->random);
    *times = (struct ebjr_times){0};
}

void ebjr_times_clear(struct ebjr_times *times)
{
    times->kept_count = 0;
    times->stride = 1;
    times->count = times->max = 0;
    times->sum = 0;
    times->place = times->chosen = 0;
}

static bool toss(struct ebjr_times *times)
{
    return gsl_rng_uniform_int(times->random, 2);
}

/* One of each two neighbours stays: uniform over `stride` each, they are uniform over twice that.
 */
static void halve(struct ebjr_times *times)
{
    times->kept_count /= 2;
    for (size_t i = 0; i < times->kept_count; i++)
        times->kept[i] = times->kept[2 * i + toss(times)];
    times->stride *= 2;
}

/* In 0 .. stride-1, bit by bit: GSL's numbers have 32. */
static int64_t draw_place(struct ebjr_times *times)
{
    int64_t place = 0;
    for (int64_t bit = 1; bit < times->stride; bit *= 2)
        place += toss(times) ? bit : 0;
    return place;
}

void ebjr_times_add(struct ebjr_times *times, int64_t ns)
{
    times->count++;
    times->sum += (double)ns;
    if (ns > times->max)
        times->max = ns;
    if (times->place == 0) {
        if (times->kept_count == times->capacity)
            halve(times);
        times->chosen = draw_place(times);
    }
    if (times->place == times->chosen)
        times->candidate = ns;
    if (++times->place == times->stride) {
        times->kept[times->kept_count++] = times->candidate;
        times->place = 0;
    }
}

static size_t count_up_to(const struct ebjr_times *times, int64_t limit)
{
    size_t count = 0;
    for (size_t i = 0; i < times->kept_count; i++)
        count += times->kept[i] <= limit;
    return count;
}

/* The r-th smallest, 1 <= r <= kept_count: the least v with r values <= v, by bisection, which
 * leaves the times in their order (ebjr_select does not) and takes no memory. */
static int64_t ranked(const struct ebjr_times *times, size_t r)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (size_t i = 0; i < times->kept_count; i++) {
        low = times->kept[i] < low ? times->kept[i] : low;
        high = times->kept[i] > high ? times->kept[i] : high;
    }
    while (low < high) {
        int64_t middle = low + (int64_t)(((uint64_t)high - (uint64_t)low) / 2);
        if (count_up_to(times, middle) >= r)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/*
 * Blocks. The series is cut into b blocks; where these are long against the time over which times
 * depend on each other, the b block means of a function f of the times are nearly independent and
 * normal, so that the mean of f has the half-width t_{b-1} s / sqrt(b), s their standard deviation.
 * b = 32: more blocks gain little (t_31 is 2.04 against 1.96) and get shorter (Schmeiser 1982,
 * "Batch size effects in the analysis of simulation output"; Law 2015, section 9.5.3). Of n < 32
 * times each is a block, and this is Student's interval.
 */
enum { BLOCKS = 32 };

/* f is a time itself, or (where limit is not NULL) whether it is at most *limit. */
static double half_width(const struct ebjr_times *times, const int64_t *limit, double level)
{
    size_t n = times->kept_count, blocks = n < BLOCKS ? n : BLOCKS, i = 0;
    double mean = 0, squares = 0;
    if (blocks < 2)
        return INFINITY;
    for (size_t block = 0; block < blocks; block++) {
        size_t start = i, end = n / blocks * (block + 1) + n % blocks * (block + 1) / blocks;
        double sum = 0;
        for (; i < end; i++)
            sum += limit ? times->kept[i] <= *limit : (double)times->kept[i];
        double value = sum / (double)(end - start), step = value - mean;
        mean += step / (double)(block + 1);
        squares += step * (value - mean); /* Welford 1962 */
    }
    double b = (double)blocks;
    return gsl_cdf_tdist_Pinv((1 + level) / 2, b - 1) * sqrt(squares / (b - 1) / b);
}

/*
 * The interval of a quantile: order statistics, at ranks that bound it.
 *
 * Of n independent times, exact ranks come from the binomial distribution (calib/quantile.h). Of
 * dependent ones, the share that is at most x_q has a variance that is larger than q (1 - q) / n by
 * some factor g, which the block means of [time <= x_q] show (Heidelberger and Lewis 1984,
 * "Quantile estimation in dependent sequences"). They say as much as m = n / g independent ones:
 * the exact ranks of m, stretched by g, are taken. g is never below 1, and as an estimate from
 * blocks it is raised as Student's t is above the normal quantile. Where m is too small for a rank
 * there is no limit, as with m independent times.
 */
void ebjr_times_quantile(struct ebjr_interval *out, const struct ebjr_times *times, double q,
                         double level)
{
    int64_t n = (int64_t)times->kept_count, rank = ebjr_quantile_rank(n, q);
    double delta = (1 - level) / 2, z = gsl_cdf_ugaussian_Pinv(1 - delta);
    *out = (struct ebjr_interval){NAN, NAN, NAN};
    if (rank < 1)
        return;
    int64_t estimate = ranked(times, (size_t)rank);
    double h = half_width(times, &estimate, level) / z, count = (double)n;
    int64_t alone = (int64_t)fmin(count, fmax(1, q * (1 - q) / (h * h)));
    double stretch = count / (double)alone;
    int64_t low = ebjr_quantile_lower_rank(alone, q, delta);
    int64_t high = ebjr_quantile_upper_rank(alone, q, delta);
    low = (int64_t)floor(stretch * (double)low);
    high = high > 0 ? n - (int64_t)floor(stretch * (double)(alone - high)) : 0;
    *out =
        (struct ebjr_interval){(double)estimate, low > 0 ? (double)ranked(times, (size_t)low) : 0,
                               high > 0 ? (double)ranked(times, (size_t)high) : INFINITY};
}

void ebjr_times_mean(struct ebjr_interval *out, const struct ebjr_times *times, double level)
{
    *out = (struct ebjr_interval){NAN, NAN, NAN};
    if (times->count == 0)
        return;
    double mean = times->sum / (double)times->count, h = half_width(times, NULL, level);
    *out = (struct ebjr_interval){mean, mean - h, mean + h};
}
