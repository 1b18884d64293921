#include "runtime/score.h"

#include "base/error.h"
#include "base/softmax.h"
#include "base/text.h"
#include "runtime/score_float.h"

#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const struct ebjr_score_options ebjr_score_defaults = {
    .temperature = 1, .p = 4, .seed = 1, .precision = EBJR_DOUBLE};

/* A row, and what was worked out of it. */
struct ebjr_score_row {
    const float *logits;
    size_t classes;
    const struct ebjr_score_options *options;
    struct ebjr_top top;
    struct ebjr_softmax softmax;
};

enum { TOP = 0, MOMENTS = EBJR_SOFTMAX_MOMENTS, EXPS = EBJR_SOFTMAX_EXPS, SUMS = 4, SECOND = 8 };

/* In what follows S = 1 + rest, and p_k = e_k / S with e_k = exp((z_k - top)/T). */

static double gap(const struct ebjr_score_row *row)
{
    return (double)row->top.first - (double)row->top.second;
}

static double energy(const struct ebjr_score_row *row)
{
    return row->softmax.top + row->options->temperature * log1p(row->softmax.rest);
}

static double softmax_energy(const struct ebjr_score_row *row)
{
    return log(row->softmax.exps);
}

static double msp(const struct ebjr_score_row *row)
{
    return 1 / (1 + row->softmax.rest);
}

/* p_(1) - p_(2) = (1 - exp(-gap/T)) / S, without cancellation */
static double margin(const struct ebjr_score_row *row)
{
    return -expm1(-gap(row) / row->options->temperature) / (1 + row->softmax.rest);
}

static double logit_margin(const struct ebjr_score_row *row)
{
    return row->classes > 1 ? gap(row) : (double)row->top.first;
}

static double max_logit(const struct ebjr_score_row *row)
{
    return (double)row->top.first;
}

/* sum p_k log p_k = sum p_k ((z_k - top)/T - log S) = (sum e_k x_k) / S - log S: nothing cancels,
 * as both are <= 0 */
static double entropy(const struct ebjr_score_row *row)
{
    return row->softmax.weighted / (1 + row->softmax.rest) - log1p(row->softmax.rest);
}

static double gini(const struct ebjr_score_row *row)
{
    double partition = 1 + row->softmax.rest;
    return (1 + row->softmax.squares) / (partition * partition);
}

/* sum (|c_k| / scale)^p; scale is the largest |c_k|, so that nothing overflows */
static double power_sum(const struct ebjr_score_row *row, double mean, double scale)
{
    static const double MOST = 1024; /* whole powers are products */
    double p = row->options->p, sum = 0;
    if (p >= 1 && p <= MOST && p == floor(p))
        return ebjr_logits_power_sum(row->logits, row->classes, mean, scale, (unsigned)p);
    for (size_t k = 0; k < row->classes; k++)
        sum += pow(fabs((double)row->logits[k] - mean) / scale, p);
    return sum;
}

/* where all logits are equal: 0 */
static double pnorm(const struct ebjr_score_row *row)
{
    struct ebjr_spread spread = ebjr_logits_spread(row->logits, row->classes);
    double highest = row->top.first, best = highest - spread.mean;
    double scale = fmax(best, spread.mean - spread.lowest);
    if (highest == spread.lowest || best <= 0)
        return 0;
    return best / scale / pow(power_sum(row, spread.mean, scale), 1 / row->options->p);
}

#define OF_LOGITS(name, formula, needs, function) \
    { \
        name, formula, EBJR_SCORE_LOGITS, needs, function, ebjr_float_##function \
    }

static const struct ebjr_score scores[] = {
    OF_LOGITS("energy", "T log sum exp(z/T)", SUMS, energy),
    OF_LOGITS("softmax-energy", "log sum exp(softmax(z/T))", EXPS, softmax_energy),
    OF_LOGITS("msp", "max p", SUMS, msp),
    OF_LOGITS("margin", "p(1) - p(2)", SUMS | SECOND, margin),
    OF_LOGITS("logit-margin", "z(1) - z(2)", SECOND, logit_margin),
    OF_LOGITS("max-logit", "max z", TOP, max_logit),
    OF_LOGITS("entropy", "sum p log p", MOMENTS, entropy),
    OF_LOGITS("gini", "sum p^2", MOMENTS, gini),
    OF_LOGITS("pnorm", "max c / |c|_p, c = z - mean z", TOP, pnorm),
    {"random", "uniform, seeded", EBJR_SCORE_RANDOM, 0, NULL, NULL},
    {"oracle", "correct_s - correct_t", EBJR_SCORE_ORACLE, 0, NULL, NULL},
};
enum { SCORE_COUNT = sizeof scores / sizeof *scores };

const struct ebjr_score *ebjr_score_list(size_t *count)
{
    *count = SCORE_COUNT;
    return scores;
}

int ebjr_score_find(const struct ebjr_score **out, const char *name)
{
    const char *names[SCORE_COUNT];
    for (size_t i = 0; i < SCORE_COUNT; i++) {
        names[i] = scores[i].name;
        if (strcmp(name, names[i]) == 0) {
            *out = &scores[i];
            return 0;
        }
    }
    const char *nearest = ebjr_name_nearest(name, names, SCORE_COUNT);
    return ebjr_error_set(EBJR_EINVAL, "there is no score '%s'; %s%s%s", name,
                          nearest ? "did you mean '" : "ebjr sweep --help lists them",
                          nearest ? nearest : "", nearest ? "'?" : "");
}

static void work_out(struct ebjr_score_row *row, unsigned needs)
{
    if (needs & SECOND)
        row->top = ebjr_top_two(row->logits, row->classes);
    else
        row->top.first = ebjr_logits_largest(row->logits, row->classes);
    if (needs & (SUMS | MOMENTS | EXPS))
        ebjr_softmax_sums(&row->softmax, row->logits, row->classes, row->top.first,
                          row->options->temperature, needs);
}

double ebjr_score_evaluate(const struct ebjr_score *score, const float *logits, size_t classes,
                           const struct ebjr_score_options *options)
{
    double value = NAN;
    ebjr_score_evaluate_many(&value, score, 1, logits, classes, options);
    return value;
}

void ebjr_score_evaluate_many(double *out, const struct ebjr_score *scores, size_t count,
                              const float *logits, size_t classes,
                              const struct ebjr_score_options *options)
{
    struct ebjr_score_row row = {.logits = logits, .classes = classes, .options = options};
    bool in_float = options->precision == EBJR_FLOAT32;
    unsigned needs = TOP;
    for (size_t i = 0; i < count; i++)
        needs |= scores[i].needs;
    if (!in_float)
        work_out(&row, needs);
    for (size_t i = 0; i < count; i++)
        if (scores[i].kind == EBJR_SCORE_LOGITS)
            out[i] =
                in_float ? scores[i].in_float(logits, classes, options) : scores[i].in_double(&row);
}

struct ebjr_score_randoms {
    gsl_rng *rng;
};

int ebjr_score_randoms_new(ebjr_score_randoms **out, uint64_t seed)
{
    ebjr_score_randoms *randoms = malloc(sizeof *randoms);
    if (!randoms)
        return ebjr_error_memory();
    randoms->rng = gsl_rng_alloc(gsl_rng_mt19937);
    if (!randoms->rng) {
        free(randoms);
        return ebjr_error_memory();
    }
    gsl_rng_set(randoms->rng, (unsigned long)seed);
    *out = randoms;
    return 0;
}

void ebjr_score_randoms_free(ebjr_score_randoms *randoms)
{
    if (randoms)
        gsl_rng_free(randoms->rng);
    free(randoms);
}

void ebjr_score_randoms_next(double *out, size_t n, ebjr_score_randoms *randoms)
{
    for (size_t i = 0; i < n; i++)
        out[i] = gsl_rng_uniform(randoms->rng);
}

int ebjr_score_random(double *out, size_t n, uint64_t seed)
{
    ebjr_score_randoms *randoms;
    int status = ebjr_score_randoms_new(&randoms, seed);
    if (status)
        return status;
    ebjr_score_randoms_next(out, n, randoms);
    ebjr_score_randoms_free(randoms);
    return 0;
}
