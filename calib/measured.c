#include "calib/measured.h"

#include "base/error.h"
#include "calib/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int check(size_t n, const int64_t *sample, const int64_t *ns, size_t m)
{
    for (size_t j = 0; j < m; j++)
        if (sample[j] < 0 || (uint64_t)sample[j] >= n || ns[j] < 0)
            return ebjr_error_set(EBJR_EINVAL,
                                  "latency %zu: %lld ns on sample %lld of %zu cannot be", j,
                                  (long long)ns[j], (long long)sample[j], n);
    return 0;
}

int ebjr_measured_assign(double *latency, bool *whole, size_t n, const int64_t *sample,
                         const int64_t *ns, size_t m)
{
    if (n == 0 || m == 0)
        return ebjr_error_set(EBJR_EINVAL, "%zu latencies for %zu samples", m, n);
    int status = check(n, sample, ns, m);
    if (status)
        return status;
    size_t measured = 0;
    for (size_t i = 0; i < n; i++)
        latency[i] = -1;
    for (size_t j = 0; j < m; j++) {
        double *of_sample = &latency[sample[j]];
        if (*of_sample < 0) {
            *of_sample = (double)ns[j];
            measured++;
        }
    }
    *whole = measured == n;
    for (size_t i = 0; !*whole && i < n; i++)
        latency[i] = (double)ns[i % m];
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double q)
{
    return sorted[ebjr_quantile_rank((int64_t)n, q) - 1];
}

int ebjr_measured_summarise(struct ebjr_measured_summary *out, const double *latency, size_t n)
{
    *out = (struct ebjr_measured_summary){NAN, NAN, NAN, NAN};
    if (n == 0)
        return 0;
    double *sorted = malloc(n * sizeof *sorted), sum = 0;
    if (!sorted)
        return ebjr_error_memory();
    memcpy(sorted, latency, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t i = 0; i < n; i++)
        sum += sorted[i];
    out->mean = sum / (double)n;
    out->p50 = quantile(sorted, n, 0.50);
    out->p95 = quantile(sorted, n, 0.95);
    out->p99 = quantile(sorted, n, 0.99);
    free(sorted);
    return 0;
}
