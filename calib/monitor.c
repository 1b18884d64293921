#include "calib/monitor.h"

#include "base/error.h"
#include "calib/order.h"

#include <math.h>
#include <stdlib.h>

static int sorted_keys(uint64_t *keys, uint64_t *scratch, const double *score, size_t n,
                       const char *which)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(score[i]))
            return ebjr_error_set(EBJR_EINVAL, "%s score %zu is %g", which, i, score[i]);
        keys[i] = ebjr_key_of(score[i]);
    }
    ebjr_key_sort(keys, scratch, n);
    return 0;
}

/* n m sup |F - G|, a whole number. Equal scores are passed together: within a group of ties neither
 * distribution function takes a value. */
static int64_t gap_of(const uint64_t *a, size_t n, const uint64_t *b, size_t m)
{
    size_t i = 0, j = 0;
    int64_t gap = 0;
    while (i < n && j < m) {
        uint64_t key = a[i] < b[j] ? a[i] : b[j];
        while (i < n && a[i] == key)
            i++;
        while (j < m && b[j] == key)
            j++;
        int64_t here = llabs((int64_t)(i * m) - (int64_t)(j * n));
        gap = here > gap ? here : gap;
    }
    return gap;
}

/*
 * P(statistic >= gap / (n m)) where all orders of the n + m scores are equally likely. An order is
 * a path on the lattice from (0, 0) to (n, m); it is outside where |i m - j n| >= gap. Of the paths
 * to (i, j), a fraction i / (i + j) comes from (i - 1, j), the others from (i, j - 1); so the
 * probability that a path to (i, j) has been outside is
 *
 *     h(i, j) = 1 if (i, j) is outside, else i / (i + j) h(i-1, j) + j / (i + j) h(i, j-1).
 *
 * Nothing is subtracted: small p-values keep their digits (Viehmann 2021, "Numerically more stable
 * computation of the p-values for the two-sample Kolmogorov-Smirnov test"). Only points inside are
 * visited, 2 gap + n + m at most. h: [m + 1].
 *
 * Tied scores: break the ties at random, and all orders are equally likely; the statistic of the
 * ties, which looks at fewer places, is not greater than that of the order. So this is
 * conservative.
 */
static double exact_p(double *h, int64_t n, int64_t m, int64_t gap)
{
    if (gap == 0)
        return 1;
    for (int64_t j = 0; j <= m; j++)
        h[j] = j * n >= gap;
    for (int64_t i = 1; i <= n; i++) {
        int64_t first = i * m < gap ? 0 : (i * m - gap) / n + 1, last = (i * m + gap - 1) / n;
        if (first == 0) /* h[0] stays: the only way to (i, 0) is from (i - 1, 0) */
            first = 1;
        else
            h[first - 1] = 1;
        for (int64_t j = first; j <= m && j <= last; j++)
            h[j] = ((double)i * h[j] + (double)j * h[j - 1]) / (double)(i + j);
    }
    return h[m];
}

/*
 * Kolmogorov 1933, at z = sqrt(n m / (n + m)) statistic:
 *
 *     P(sup > z) = 2 sum_{k >= 1} (-1)^(k-1) exp(-2 k^2 z^2)
 *                = 1 - sqrt(2 pi) / z sum_{k >= 1} exp(-(2k - 1)^2 pi^2 / (8 z^2)),
 *
 * of which the first converges fast for large z, the second (Jacobi's theta) for small z. Four
 * terms of either suffice for all digits where they meet.
 */
static double limit_p(double z)
{
    double sum = 0;
    if (z < 0.2)
        return 1; /* short by less than 1e-12 */
    for (int k = 4; k >= 1; k--) {
        double odd = (2 * k - 1) * M_PI / z;
        sum += z < 1 ? exp(-odd * odd / 8) : (k % 2 ? 2 : -2) * exp(-2.0 * k * k * z * z);
    }
    return z < 1 ? 1 - sqrt(2 * M_PI) / z * sum : sum;
}

static const int64_t lattice_points = INT64_C(1) << 24; /* gap, half the points of the walk */

int ebjr_drift_test(struct ebjr_drift *out, const double *a, size_t n, const double *b, size_t m)
{
    *out = (struct ebjr_drift){0};
    if (n == 0 || m == 0)
        return ebjr_error_set(EBJR_EINVAL, "there are no %s scores to compare",
                              n ? "new" : "calibration");
    if (n > (size_t)INT64_MAX / 2 / m)
        return ebjr_error_set(EBJR_EINVAL, "%zu scores against %zu are too many", n, m);
    size_t most = n > m ? n : m, least = n > m ? m : n;
    uint64_t *keys = malloc((n + m + most) * sizeof *keys);
    double *h = malloc((least + 1) * sizeof *h);
    int status = keys && h ? 0 : ebjr_error_memory();
    if (!status)
        status = sorted_keys(keys, keys + n + m, a, n, "calibration");
    if (!status)
        status = sorted_keys(keys + n, keys + n + m, b, m, "new");
    if (!status) {
        int64_t gap = gap_of(keys, n, keys + n, m);
        out->statistic = (double)gap / ((double)n * (double)m);
        out->p_value = gap <= lattice_points
                           ? exact_p(h, (int64_t)most, (int64_t)least, gap)
                           : limit_p(out->statistic / sqrt(1 / (double)n + 1 / (double)m));
    }
    free(keys);
    free(h);
    return status;
}

int ebjr_monitor_start(struct ebjr_monitor *out, double limit, double delta)
{
    *out = (struct ebjr_monitor){.limit = limit, .delta = delta};
    if (!(limit > 0 && limit < 1))
        return ebjr_error_set(EBJR_EINVAL, "a limit of %g, where 0 < limit < 1 is expected", limit);
    if (!(delta > 0 && delta < 1))
        return ebjr_error_set(EBJR_EINVAL, "a delta of %g, where 0 < delta < 1 is expected", delta);
    return 0;
}

/*
 * Before each loss x the bettor guesses its mean, g >= m (m the limit), from the past, and the
 * wealth is multiplied by
 *
 *     x g/m + (1 - x) (1 - g)/(1 - m) = 1 + bet (x - m),   bet = (g - m) / (m (1 - m)) in [0, 1/m),
 *
 * which is not negative and has an expectation <= 1 while E[x | past] <= m, whatever the guess. For
 * x in {0, 1} it is the likelihood ratio of g to m, and if E[x] = g no bet makes the wealth grow
 * faster (Kelly): by KL(g || m) a loss in the mean. For x between, the logarithm being concave, it
 * grows at least as fast.
 *
 * The guess is the mean of the past and of 1/(m (1 - m)) losses made up with twice the odds of m,
 * that is with mean 2m / (1 + m); it starts out for a doubled risk. Where it is below m there is no
 * bet. The made-up losses sum to 2 / (1 - m^2), their complements to 1 / (m + m^2).
 */
static double guess_of(const struct ebjr_monitor *monitor)
{
    double m = monitor->limit;
    double ones = monitor->sum + 2 / (1 - m * m);
    double zeros = (double)monitor->n - monitor->sum + 1 / (m + m * m);
    return fmax(m, ones / (ones + zeros));
}

int ebjr_monitor_add(struct ebjr_monitor *monitor, double loss)
{
    double m = monitor->limit, guess = guess_of(monitor);
    if (!(loss >= 0 && loss <= 1))
        return ebjr_error_set(EBJR_EINVAL, "loss %lld is %g, where 0 <= loss <= 1 is expected",
                              (long long)monitor->n, loss);
    monitor->log_wealth += log(loss * guess / m + (1 - loss) * (1 - guess) / (1 - m));
    monitor->greatest = fmax(monitor->greatest, monitor->log_wealth);
    monitor->sum += loss;
    monitor->n++;
    return monitor->greatest >= -log(monitor->delta);
}

/* E[loss] >= limit is the promise E[1 - loss] <= 1 - limit, to be refuted. */
int ebjr_monitor_confirmed(const double *losses, size_t n, double limit, double delta)
{
    struct ebjr_monitor monitor;
    int status = ebjr_monitor_start(&monitor, 1 - limit, delta);
    for (size_t i = 0; status == 0 && i < n; i++)
        status = ebjr_monitor_add(&monitor, 1 - losses[i]);
    return status;
}
