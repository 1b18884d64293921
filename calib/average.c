#include "calib/average.h"

#include "base/error.h"

#include <math.h>

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
        double s = ebjr_log_probability(z_s[labels[i]], ebjr_partition_of(z_s, classes));
        double t = ebjr_log_probability(z_t[labels[i]], ebjr_partition_of(z_t, classes));
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
