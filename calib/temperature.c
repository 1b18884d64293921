#include "calib/temperature.h"

#include "base/error.h"
#include "base/parallel.h"
#include "base/softmax.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_roots.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static const double lowest = 0.01, highest = 100;

struct rows {
    const float *logits;
    const int32_t *labels;
    const uint8_t *use;
    size_t n, classes;
};

static bool used(const struct rows *rows, size_t i)
{
    return !rows->use || rows->use[i];
}

static bool is_class(int32_t label, size_t classes)
{
    return label >= 0 && (size_t)label < classes;
}

static bool is_finite(const float *logits, size_t classes)
{
    bool finite = true;
    for (size_t k = 0; k < classes; k++)
        finite &= isfinite(logits[k]) != 0;
    return finite;
}

static int32_t answer(const float *logits, size_t classes)
{
    size_t best = 0;
    for (size_t k = 1; k < classes; k++)
        if (logits[k] > logits[best])
            best = k;
    return (int32_t)best;
}

double ebjr_temperature_nll(double temperature, const float *logits, const int32_t *labels,
                            const uint8_t *use, size_t n, size_t classes)
{
    struct rows rows = {logits, labels, use, n, classes};
    double sum = 0;
    size_t count = 0;
    if (!(temperature > 0))
        return NAN;
    for (size_t i = 0; i < n; i++) {
        if (!used(&rows, i))
            continue;
        const float *z = logits + i * classes;
        if (!is_class(labels[i], classes) || !is_finite(z, classes))
            return NAN;
        struct ebjr_softmax row;
        ebjr_softmax_sums(&row, z, classes, ebjr_top_two(z, classes).first, temperature, 0);
        sum += log1p(row.rest) + (row.top - (double)z[labels[i]]) / temperature;
        count++;
    }
    return count ? sum / (double)count : NAN;
}

/*
 * With b = 1/T, a row's negative log-likelihood log sum_k exp(b z_k) - b z_y is convex in b, and
 *
 *   d/db = E_p[z] - z_y,   d2/db2 = Var_p[z] >= 0,   p = softmax(b z).
 *
 * So the sum of the first derivatives grows with b, and falls with log T: its root is the minimum.
 * The root of a derivative is found to full precision; the minimum of a function only to the root
 * of that, as it is flat there.
 */
struct slopes {
    const struct rows *rows;
    double temperature;
    double *each; /* [n] of one row; summed in their order, whoever worked them out */
};

static void find_slopes(void *context, size_t from, size_t to)
{
    const struct slopes *slopes = context;
    const struct rows *rows = slopes->rows;
    double temperature = slopes->temperature;
    for (size_t i = from; i < to; i++) {
        slopes->each[i] = 0;
        if (!used(rows, i))
            continue;
        const float *z = rows->logits + i * rows->classes;
        struct ebjr_softmax row;
        ebjr_softmax_sums(&row, z, rows->classes, ebjr_top_two(z, rows->classes).first, temperature,
                          EBJR_SOFTMAX_MOMENTS);
        slopes->each[i] =
            temperature * row.weighted / (1 + row.rest) + (row.top - (double)z[rows->labels[i]]);
    }
}

static double slope(double log_temperature, void *context)
{
    enum { LOGITS = 100000 }; /* worth a thread */
    struct slopes *slopes = context;
    double sum = 0;
    slopes->temperature = exp(log_temperature);
    ebjr_parallel(find_slopes, slopes, slopes->rows->n, LOGITS / slopes->rows->classes + 1);
    for (size_t i = 0; i < slopes->rows->n; i++)
        sum += slopes->each[i];
    return sum;
}

static int check(const struct rows *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->n; i++) {
        if (!used(rows, i))
            continue;
        if (!is_class(rows->labels[i], rows->classes))
            return ebjr_error_set(EBJR_EINVAL,
                                  "sample %zu: its label is %d, not one of %zu classes", i,
                                  (int)rows->labels[i], rows->classes);
        if (!is_finite(rows->logits + i * rows->classes, rows->classes))
            return ebjr_error_set(EBJR_EINVAL, "sample %zu: a logit is not finite", i);
        count++;
    }
    if (count == 0)
        return ebjr_error_set(EBJR_EINVAL, "there are no samples to fit a temperature to");
    return 0;
}

/* The slope is > 0 at log T = low and < 0 at high. */
static int solve(double *root, struct slopes *slopes, double low, double high)
{
    enum { STEPS = 100 };
    const double tolerance = 1e-13;
    gsl_function target = {.function = slope, .params = slopes};
    gsl_root_fsolver *solver = gsl_root_fsolver_alloc(gsl_root_fsolver_brent);
    if (!solver)
        return ebjr_error_memory();
    int status = gsl_root_fsolver_set(solver, &target, low, high);
    for (int step = 0; !status && step < STEPS; step++) {
        status = gsl_root_fsolver_iterate(solver);
        low = gsl_root_fsolver_x_lower(solver);
        high = gsl_root_fsolver_x_upper(solver);
        if (gsl_root_test_interval(low, high, tolerance, 0) == GSL_SUCCESS)
            break;
    }
    *root = gsl_root_fsolver_root(solver);
    gsl_root_fsolver_free(solver);
    if (status)
        return ebjr_error_set(EBJR_EINVAL, "no temperature was found: %s", gsl_strerror(status));
    return 0;
}

/* Temperatures are kept within lowest..highest; where no temperature matters it stays as it is. */
static int minimise(double *temperature, struct slopes *slopes)
{
    double low = log(lowest), high = log(highest), root = 0;
    double at_low = slope(low, slopes), at_high = slope(high, slopes);
    if (at_low == 0 && at_high == 0)
        return 0;
    if (at_low <= 0 || at_high >= 0) {
        *temperature = at_low <= 0 ? lowest : highest;
        return 0;
    }
    gsl_error_handler_t *handler = gsl_set_error_handler_off();
    int status = solve(&root, slopes, low, high);
    gsl_set_error_handler(handler);
    if (!status)
        *temperature = exp(root);
    return status;
}

int ebjr_temperature_fit(double *temperature, const float *logits, const int32_t *labels,
                         const uint8_t *use, size_t n, size_t classes)
{
    struct rows rows = {logits, labels, use, n, classes};
    struct slopes slopes = {.rows = &rows};
    *temperature = 1;
    int status = check(&rows);
    if (status)
        return status;
    slopes.each = calloc(n, sizeof *slopes.each);
    status = slopes.each ? minimise(temperature, &slopes) : ebjr_error_memory();
    free(slopes.each);
    return status;
}

/*
 * sum_m n_m/n |accuracy_m - confidence_m| = 1/n sum_m |sum_{i in m} (correct_i - p_i)|, so one
 * number is kept for each bin.
 */
double ebjr_calibration_error(double temperature, const float *logits, const int32_t *labels,
                              const uint8_t *use, size_t n, size_t classes, size_t bins)
{
    struct rows rows = {logits, labels, use, n, classes};
    double *gap = bins ? calloc(bins, sizeof *gap) : NULL, error = 0;
    size_t count = 0;
    bool valid = gap && temperature > 0;
    for (size_t i = 0; valid && i < n; i++) {
        if (!used(&rows, i))
            continue;
        const float *z = logits + i * classes;
        valid = is_class(labels[i], classes) && is_finite(z, classes);
        if (!valid)
            break;
        struct ebjr_softmax row;
        ebjr_softmax_sums(&row, z, classes, ebjr_top_two(z, classes).first, temperature, 0);
        double p = 1 / (1 + row.rest);
        size_t bin = (size_t)ceil(p * (double)bins) - 1;
        gap[bin < bins ? bin : bins - 1] += (double)(labels[i] == answer(z, classes)) - p;
        count++;
    }
    for (size_t m = 0; valid && m < bins; m++)
        error += fabs(gap[m]);
    free(gap);
    return valid && count ? error / (double)count : NAN;
}
