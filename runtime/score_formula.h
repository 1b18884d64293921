/*
 * The formulas of score.h in one precision. Included by score.c once with REAL double and once
 * with REAL float; FORMULA(name) names the functions. Sums run over k; z_max is subtracted from
 * every logit first, e_k = exp((z_k - z_max)/T), S = sum e_k, so that p_k = e_k / S.
 */

static REAL FORMULA(largest)(const float *logits, size_t classes)
{
    REAL best = logits[0];
    for (size_t k = 1; k < classes; k++)
        if (logits[k] > best)
            best = logits[k];
    return best;
}

/* z_max - z_(2); 0 on a tie */
static REAL FORMULA(gap)(const float *logits, size_t classes)
{
    REAL first = logits[0], second = -(REAL)INFINITY;
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

static REAL FORMULA(exponent)(float logit, REAL best, const struct ebjr_score_options *options)
{
    return ((REAL)logit - best) / (REAL)options->temperature;
}

static REAL FORMULA(partition)(const float *logits, size_t classes,
                               const struct ebjr_score_options *options)
{
    REAL best = FORMULA(largest)(logits, classes), sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += exp(FORMULA(exponent)(logits[k], best, options));
    return sum;
}

static REAL FORMULA(energy)(const float *logits, size_t classes,
                            const struct ebjr_score_options *options)
{
    REAL best = FORMULA(largest)(logits, classes);
    return best + (REAL)options->temperature * log(FORMULA(partition)(logits, classes, options));
}

/* p_k <= 1, and the largest is subtracted once more: log sum exp(p_k) = p_max + log sum
 * exp(p_k - p_max), as torch.logsumexp computes it */
static REAL FORMULA(softmax_energy)(const float *logits, size_t classes,
                                    const struct ebjr_score_options *options)
{
    REAL best = FORMULA(largest)(logits, classes);
    REAL partition = FORMULA(partition)(logits, classes, options);
    REAL p_max = 1 / partition, sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += exp(exp(FORMULA(exponent)(logits[k], best, options)) / partition - p_max);
    return p_max + log(sum);
}

static REAL FORMULA(msp)(const float *logits, size_t classes,
                         const struct ebjr_score_options *options)
{
    return 1 / FORMULA(partition)(logits, classes, options);
}

/* p_(1) - p_(2) = (1 - exp(-gap/T)) / S, without cancellation */
static REAL FORMULA(margin)(const float *logits, size_t classes,
                            const struct ebjr_score_options *options)
{
    REAL gap = FORMULA(gap)(logits, classes) / (REAL)options->temperature;
    return -expm1(-gap) / FORMULA(partition)(logits, classes, options);
}

static REAL FORMULA(logit_margin)(const float *logits, size_t classes,
                                  const struct ebjr_score_options *options)
{
    (void)options;
    return classes > 1 ? FORMULA(gap)(logits, classes) : (REAL)logits[0];
}

static REAL FORMULA(max_logit)(const float *logits, size_t classes,
                               const struct ebjr_score_options *options)
{
    (void)options;
    return FORMULA(largest)(logits, classes);
}

/* sum p_k log p_k = sum p_k ((z_k - z_max)/T - log S) = (sum e_k (z_k - z_max)/T) / S - log S */
static REAL FORMULA(entropy)(const float *logits, size_t classes,
                             const struct ebjr_score_options *options)
{
    REAL best = FORMULA(largest)(logits, classes), sum = 0, weighted = 0;
    for (size_t k = 0; k < classes; k++) {
        REAL exponent = FORMULA(exponent)(logits[k], best, options);
        REAL e = exp(exponent);
        sum += e;
        weighted += e > 0 ? e * exponent : 0; /* 0 log 0 = 0 */
    }
    return weighted / sum - log(sum);
}

static REAL FORMULA(gini)(const float *logits, size_t classes,
                          const struct ebjr_score_options *options)
{
    REAL best = FORMULA(largest)(logits, classes), sum = 0, squares = 0;
    for (size_t k = 0; k < classes; k++) {
        REAL e = exp(FORMULA(exponent)(logits[k], best, options));
        sum += e;
        squares += e * e;
    }
    return squares / (sum * sum);
}

static bool FORMULA(is_flat)(const float *logits, size_t classes)
{
    for (size_t k = 1; k < classes; k++)
        if (logits[k] != logits[0])
            return false;
    return true;
}

/* c_k / 2: halves, for z_k - mean itself may overflow; the score does not know the scale. */
static REAL FORMULA(centred)(float logit, REAL half_mean)
{
    return (REAL)logit / 2 - half_mean;
}

/* Divided by the largest |c_k| before the power, so that nothing overflows; all equal: 0 */
static REAL FORMULA(pnorm)(const float *logits, size_t classes,
                           const struct ebjr_score_options *options)
{
    REAL half_mean = 0, scale = 0, sum = 0;
    for (size_t k = 0; k < classes; k++)
        half_mean += (REAL)logits[k] / 2 / (REAL)classes;
    for (size_t k = 0; k < classes; k++) {
        REAL size = fabs(FORMULA(centred)(logits[k], half_mean));
        scale = size > scale ? size : scale;
    }
    REAL best = (REAL)FORMULA(largest)(logits, classes) / 2 - half_mean;
    if (FORMULA(is_flat)(logits, classes) || best <= 0)
        return 0;
    for (size_t k = 0; k < classes; k++)
        sum += pow(fabs(FORMULA(centred)(logits[k], half_mean)) / scale, (REAL)options->p);
    return best / scale / pow(sum, 1 / (REAL)options->p);
}
