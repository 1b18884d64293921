#include "base/answer.h"

#include "base/softmax.h"

#include <math.h>

int32_t ebjr_logits_argmax(const float *logits, size_t classes)
{
    size_t best = 0;
    for (size_t k = 1; k < classes; k++)
        if (logits[k] > logits[best])
            best = k;
    return (int32_t)best;
}

struct ebjr_partition ebjr_partition_of(const float *logits, size_t classes)
{
    struct ebjr_softmax row;
    ebjr_softmax_sums(&row, logits, classes, ebjr_top_two(logits, classes).first, 1, 0);
    return (struct ebjr_partition){row.top, log1p(row.rest)};
}

double ebjr_log_probability(float logit, struct ebjr_partition partition)
{
    return ((double)logit - partition.top) - partition.log_sum;
}

/* With one model alone its logits decide, not their exponentials, which tie where logits differ by
 * less than double precision has room for. */
int32_t ebjr_average_answer(const float *student, const float *teacher, size_t classes, double w)
{
    if (w >= 1)
        return ebjr_logits_argmax(teacher, classes);
    if (w <= 0)
        return ebjr_logits_argmax(student, classes);
    struct ebjr_partition of_student = ebjr_partition_of(student, classes);
    struct ebjr_partition of_teacher = ebjr_partition_of(teacher, classes);
    double best = -1;
    int32_t answer = 0;
    for (size_t k = 0; k < classes; k++) {
        double p = w * exp(ebjr_log_probability(teacher[k], of_teacher)) +
                   (1 - w) * exp(ebjr_log_probability(student[k], of_student));
        if (p > best) {
            best = p;
            answer = (int32_t)k;
        }
    }
    return answer;
}
