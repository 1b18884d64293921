/*
 * Router scores: a number for a sample from its student's logits z[0..C-1]; higher keeps the
 * student. p = softmax(z/T). Each is computed in double from float32 logits, after subtracting the
 * largest, so that logits of any finite size are fine.
 *
 *   name            formula                               range              source
 *   energy          T log sum_k exp(z_k/T)                (-inf, inf)        EBJR eq. 5; Liu et
 * al., NeurIPS 2020, eq. 4 softmax-energy  log sum_k exp(p_k)                    [log C + 1/C,
 * EBJR's released script log(C - 1 + e)] msp             max_k p_k [1/C, 1]           Hendrycks &
 * Gimpel 2017 margin          p_(1) - p_(2)                         [0, 1]             Scheffer et
 * al. 2001 logit-margin    z_(1) - z_(2)                         [0, inf)           Streeter 2018
 *   max-logit       max_k z_k                             (-inf, inf)        Hendrycks et al. 2022
 *   entropy         sum_k p_k log p_k                     [-log C, 0]        negated Shannon
 * entropy gini            sum_k p_k^2                           [1/C, 1]           Granese et al.
 * 2021 pnorm           max_k c_k / |c|_p, c = z - mean(z)    [0, 1]             Cattelan & Silva
 * 2024 random          uniform, seeded                       [0, 1)             the line to beat
 *   oracle          correct_s - correct_t                 {-1, 0, 1}         the bound: defers what
 *                                                                            only the teacher knows
 */
#ifndef EBJR_RUNTIME_SCORE_H
#define EBJR_RUNTIME_SCORE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ebjr_precision {
    EBJR_DOUBLE,
    EBJR_FLOAT32 /* reproduces scripts that compute scores in PyTorch's default dtype */
};

struct ebjr_score_options {
    double temperature; /* T > 0 */
    double p;           /* of pnorm, > 0 */
    uint64_t seed;      /* of random */
    enum ebjr_precision precision;
};

/* T = 1, p = 4, seed 1, double. */
extern const struct ebjr_score_options ebjr_score_defaults;

enum ebjr_score_kind {
    EBJR_SCORE_LOGITS, /* a function of the student's logits */
    EBJR_SCORE_RANDOM, /* a function of the sample's place in the data set */
    EBJR_SCORE_ORACLE  /* a function of what the labels say of both models */
};

struct ebjr_score_row;

struct ebjr_score {
    const char *name;
    const char *formula;
    enum ebjr_score_kind kind;
    unsigned needs; /* what of a row must be worked out for it; score.c knows */
    double (*in_double)(const struct ebjr_score_row *row);
    float (*in_float)(const float *logits, size_t classes,
                      const struct ebjr_score_options *options);
};

/* All scores, in the order of the table above. */
const struct ebjr_score *ebjr_score_list(size_t *count);

/* Errors: EBJR_EINVAL, with the nearest known name. */
int ebjr_score_find(const struct ebjr_score **out, const char *name);

/* The score of one sample; `score->kind` must be EBJR_SCORE_LOGITS and the logits finite
 * (ebjr_logits_check). classes >= 1; a margin of one class is the class itself. */
double ebjr_score_evaluate(const struct ebjr_score *score, const float *logits, size_t classes,
                           const struct ebjr_score_options *options);

/* out[count]: several scores of one sample, which share what they have in common; out[i] is left as
 * it is where scores[i] is not of kind EBJR_SCORE_LOGITS. The same bits as one by one. */
void ebjr_score_evaluate_many(double *out, const struct ebjr_score *scores, size_t count,
                              const float *logits, size_t classes,
                              const struct ebjr_score_options *options);

/* Scores of samples 0..n-1; the same seed gives the same ones. Errors: EBJR_ENOMEM. */
int ebjr_score_random(double *scores, size_t n, uint64_t seed);

/* The same, some at a time. The caller owns *out. Errors: EBJR_ENOMEM. */
typedef struct ebjr_score_randoms ebjr_score_randoms;
int ebjr_score_randoms_new(ebjr_score_randoms **out, uint64_t seed);
void ebjr_score_randoms_free(ebjr_score_randoms *randoms);
void ebjr_score_randoms_next(double *scores, size_t n, ebjr_score_randoms *randoms);

#ifdef __cplusplus
}
#endif
#endif
