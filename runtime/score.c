#include "runtime/score.h"

#include "base/error.h"
#include "base/text.h"

#include <gsl/gsl_rng.h>
#include <stdbool.h>
#include <string.h>
#include <tgmath.h>

const struct ebjr_score_options ebjr_score_defaults = {
    .temperature = 1, .p = 4, .seed = 1, .precision = EBJR_DOUBLE};

#define REAL double
#define FORMULA(name) double_##name
#include "runtime/score_formula.h"
#undef REAL
#undef FORMULA

#define REAL float
#define FORMULA(name) float_##name
#include "runtime/score_formula.h"
#undef REAL
#undef FORMULA

#define OF_LOGITS(name, formula, function) \
    { \
        name, formula, EBJR_SCORE_LOGITS, double_##function, float_##function \
    }

static const struct ebjr_score scores[] = {
    OF_LOGITS("energy", "T log sum exp(z/T)", energy),
    OF_LOGITS("softmax-energy", "log sum exp(softmax(z/T))", softmax_energy),
    OF_LOGITS("msp", "max p", msp),
    OF_LOGITS("margin", "p(1) - p(2)", margin),
    OF_LOGITS("logit-margin", "z(1) - z(2)", logit_margin),
    OF_LOGITS("max-logit", "max z", max_logit),
    OF_LOGITS("entropy", "sum p log p", entropy),
    OF_LOGITS("gini", "sum p^2", gini),
    OF_LOGITS("pnorm", "max c / |c|_p, c = z - mean z", pnorm),
    {"random", "uniform, seeded", EBJR_SCORE_RANDOM, NULL, NULL},
    {"oracle", "correct_s - correct_t", EBJR_SCORE_ORACLE, NULL, NULL},
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
    return ebjr_error_set(EBJR_ENOTFOUND, "there is no score '%s'; %s%s%s", name,
                          nearest ? "did you mean '" : "ebjr sweep --help lists them",
                          nearest ? nearest : "", nearest ? "'?" : "");
}

double ebjr_score_evaluate(const struct ebjr_score *score, const float *logits, size_t classes,
                           const struct ebjr_score_options *options)
{
    return options->precision == EBJR_FLOAT32 ? score->in_float(logits, classes, options)
                                              : score->in_double(logits, classes, options);
}

int ebjr_score_random(double *out, size_t n, uint64_t seed)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    if (!rng)
        return ebjr_error_memory();
    gsl_rng_set(rng, (unsigned long)seed);
    for (size_t i = 0; i < n; i++)
        out[i] = gsl_rng_uniform(rng);
    gsl_rng_free(rng);
    return 0;
}
