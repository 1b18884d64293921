#include "runtime/score_float.h"

#include <math.h>
#include <stdbool.h>

/*
 * z_max is subtracted from every logit first, e_k = exp((z_k - z_max)/T), S = sum e_k, so that
 * p_k = e_k / S; sums run over k, one after the other.
 */

static float largest(const float *logits, size_t classes)
{
    float best = logits[0];
    for (size_t k = 1; k < classes; k++)
        if (logits[k] > best)
            best = logits[k];
    return best;
}

/* z_max - z_(2); 0 on a tie */
static float gap(const float *logits, size_t classes)
{
    float first = logits[0], second = -INFINITY;
    for (size_t k = 1; k < classes; k++) {
        if (logits[k] > first) {
            second = first;
            first = logits[k];
        } else if (logits[k] > second) {
            second = logits[k];
        }
    }
    return first - second;
}

static float exponent(float logit, float best, const struct ebjr_score_options *options)
{
    return (logit - best) / (float)options->temperature;
}

static float partition(const float *logits, size_t classes,
                       const struct ebjr_score_options *options)
{
    float best = largest(logits, classes), sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += expf(exponent(logits[k], best, options));
    return sum;
}

float ebjr_float_energy(const float *logits, size_t classes,
                        const struct ebjr_score_options *options)
{
    float best = largest(logits, classes);
    return best + (float)options->temperature * logf(partition(logits, classes, options));
}

/* p_k <= 1, and the largest is subtracted once more: log sum exp(p_k) = p_max + log sum
 * exp(p_k - p_max), as torch.logsumexp computes it */
float ebjr_float_softmax_energy(const float *logits, size_t classes,
                                const struct ebjr_score_options *options)
{
    float best = largest(logits, classes);
    float sum_e = partition(logits, classes, options);
    float p_max = 1 / sum_e, sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += expf(expf(exponent(logits[k], best, options)) / sum_e - p_max);
    return p_max + logf(sum);
}

float ebjr_float_msp(const float *logits, size_t classes, const struct ebjr_score_options *options)
{
    return 1 / partition(logits, classes, options);
}

/* p_(1) - p_(2) = (1 - exp(-gap/T)) / S, without cancellation */
float ebjr_float_margin(const float *logits, size_t classes,
                        const struct ebjr_score_options *options)
{
    float below = gap(logits, classes) / (float)options->temperature;
    return -expm1f(-below) / partition(logits, classes, options);
}

float ebjr_float_logit_margin(const float *logits, size_t classes,
                              const struct ebjr_score_options *options)
{
    (void)options;
    return classes > 1 ? gap(logits, classes) : logits[0];
}

float ebjr_float_max_logit(const float *logits, size_t classes,
                           const struct ebjr_score_options *options)
{
    (void)options;
    return largest(logits, classes);
}

/* sum p_k log p_k = sum p_k ((z_k - z_max)/T - log S) = (sum e_k (z_k - z_max)/T) / S - log S */
float ebjr_float_entropy(const float *logits, size_t classes,
                         const struct ebjr_score_options *options)
{
    float best = largest(logits, classes), sum = 0, weighted = 0;
    for (size_t k = 0; k < classes; k++) {
        float x = exponent(logits[k], best, options);
        float e = expf(x);
        sum += e;
        weighted += e > 0 ? e * x : 0; /* 0 log 0 = 0 */
    }
    return weighted / sum - logf(sum);
}

float ebjr_float_gini(const float *logits, size_t classes, const struct ebjr_score_options *options)
{
    float best = largest(logits, classes), sum = 0, squares = 0;
    for (size_t k = 0; k < classes; k++) {
        float e = expf(exponent(logits[k], best, options));
        sum += e;
        squares += e * e;
    }
    return squares / (sum * sum);
}

static bool is_flat(const float *logits, size_t classes)
{
    for (size_t k = 1; k < classes; k++)
        if (logits[k] != logits[0])
            return false;
    return true;
}

/* c_k / 2: halves, for z_k - mean itself may overflow; the score does not know the scale. */
static float centred(float logit, float half_mean)
{
    return logit / 2 - half_mean;
}

/* Divided by the largest |c_k| before the power, so that nothing overflows; all equal: 0 */
float ebjr_float_pnorm(const float *logits, size_t classes,
                       const struct ebjr_score_options *options)
{
    float half_mean = 0, scale = 0, sum = 0;
    for (size_t k = 0; k < classes; k++)
        half_mean += logits[k] / 2 / (float)classes;
    for (size_t k = 0; k < classes; k++) {
        float size = fabsf(centred(logits[k], half_mean));
        scale = size > scale ? size : scale;
    }
    float best = largest(logits, classes) / 2 - half_mean;
    if (is_flat(logits, classes) || best <= 0)
        return 0;
    for (size_t k = 0; k < classes; k++)
        sum += powf(fabsf(centred(logits[k], half_mean)) / scale, (float)options->p);
    return best / scale / powf(sum, 1 / (float)options->p);
}
