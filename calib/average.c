#include "calib/average.h"

#include "base/error.h"
#include "base/softmax.h"

#include <math.h>

static int32_t largest(const float *logits, size_t classes)
{
    size_t best = 0;
    for (size_t k = 1; k < classes; k++)
        if (logits[k] > logits[best])
            best = k;
    return (int32_t)best;
}

/* What a softmax divides by: sum_k exp(z_k - top), top = max z, kept apart so that neither is lost
 * in the other. */
struct partition {
    double top, log_sum;
};

static struct partition partition(const float *logits, size_t classes)
{
    struct ebjr_softmax row;
    ebjr_softmax_sums(&row, logits, classes, ebjr_top_two(logits, classes).first, 1, 0);
    return (struct partition){row.top, log1p(row.rest)};
}

static double log_probability(float logit, struct partition partition)
{
    return ((double)logit - partition.top) - partition.log_sum;
}

/* With one model alone its logits decide, not their exponentials, which tie where logits differ by
 * less than double precision has room for. */
int32_t ebjr_average_answer(const float *student, const float *teacher, size_t classes, double w)
{
    if (w >= 1)
        return largest(teacher, classes);
    if (w <= 0)
        return largest(student, classes);
    struct partition of_student = partition(student, classes);
    struct partition of_teacher = partition(teacher, classes);
    double best = -1;
    int32_t answer = 0;
    for (size_t k = 0; k < classes; k++) {
        double p = w * exp(log_probability(teacher[k], of_teacher)) +
                   (1 - w) * exp(log_probability(student[k], of_student));
        if (p > best) {
            best = p;
            answer = (int32_t)k;
        }
    }
    return answer;
}

void ebjr_average_correct(uint8_t *correct, const float *student, const float *teacher,
                          const int32_t *labels, size_t n, size_t classes, double w)
{
    for (size_t i = 0; i < n; i++)
        correct[i] = ebjr_average_answer(student + i * classes, teacher + i * classes, classes,
                                         w) == labels[i];
}

/*
 * log(w exp(t) + (1 - w) exp(s)) for log-probabilities t and s of any size. The larger of the two
 * is taken out; with v the weight of the smaller, at a distance d below,
 *
 *   larger + log(1 - v + v exp(-d)) = larger + log1p(v expm1(-d)),
 *
 * which is exact where t = s: then no w is better than another.
 */
static double log_mixture(double w, double t, double s)
{
    double larger = t > s ? t : s, smaller = t > s ? s : t;
    double weight = t > s ? 1 - w : w;
    return weight == 1 ? smaller : larger + log1p(weight * expm1(smaller - larger));
}

static int check(const float *student, const float *teacher, int32_t label, size_t classes,
                 size_t i)
{
    if (label < 0 || (size_t)label >= classes)
        return ebjr_error_set(EBJR_EINVAL, "sample %zu: its label is %d, not one of %zu classes", i,
                              (int)label, classes);
    for (size_t k = 0; k < classes; k++)
        if (!isfinite(student[k]) || !isfinite(teacher[k]))
            return ebjr_error_set(EBJR_EINVAL, "sample %zu: a logit is not finite", i);
    return 0;
}

int ebjr_average_fit(double *w, const float *student, const float *teacher, const int32_t *labels,
                     const uint8_t *use, size_t n, size_t classes)
{
    enum { STEPS = 20 };
    double likelihood[STEPS + 1] = {0};
    size_t count = 0;
    *w = 1;
    for (size_t i = 0; i < n; i++) {
        if (use && !use[i])
            continue;
        const float *z_s = student + i * classes, *z_t = teacher + i * classes;
        int status = check(z_s, z_t, labels[i], classes, i);
        if (status)
            return status;
        double s = log_probability(z_s[labels[i]], partition(z_s, classes));
        double t = log_probability(z_t[labels[i]], partition(z_t, classes));
        for (int step = 0; step <= STEPS; step++)
            likelihood[step] += log_mixture((double)step / STEPS, t, s);
        count++;
    }
    if (count == 0)
        return ebjr_error_set(EBJR_EINVAL, "there are no samples to fit a weight to");
    int best = 0;
    for (int step = 1; step <= STEPS; step++)
        if (likelihood[step] >= likelihood[best])
            best = step;
    *w = (double)best / STEPS;
    return 0;
}
