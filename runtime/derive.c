#include "runtime/derive.h"

#include "base/error.h"
#include "runtime/score.h"

#include <math.h>

int32_t ebjr_logits_argmax(const float *logits, size_t classes)
{
    size_t best = 0;
    for (size_t k = 1; k < classes; k++)
        if (logits[k] > logits[best])
            best = k;
    return (int32_t)best;
}

size_t ebjr_logits_rank(const float *logits, size_t classes, int32_t label)
{
    size_t target = (size_t)label, rank = 0;
    for (size_t k = 0; k < classes; k++)
        rank += logits[k] > logits[target] || (logits[k] == logits[target] && k < target);
    return rank;
}

static double score_of(const char *name, const struct ebjr_output *row, size_t classes)
{
    const struct ebjr_score *score = NULL;
    ebjr_score_find(&score, name);
    return ebjr_score_evaluate(score, row->logits, classes, &ebjr_score_defaults);
}

int ebjr_output_derive(struct ebjr_output *row, size_t classes)
{
    if (row->label < 0 || (size_t)row->label >= classes)
        return ebjr_error_set(EBJR_EFORMAT,
                              "sample %lld has the label %d, but the model knows %zu classes (0 to "
                              "%zu)",
                              (long long)row->index, row->label, classes, classes - 1);
    for (size_t k = 0; k < classes; k++)
        if (!isfinite(row->logits[k]))
            return ebjr_error_set(
                EBJR_EFORMAT, "sample %lld: the logit of class %zu is %g; logits must be finite",
                (long long)row->index, k, row->logits[k]);
    row->prediction = ebjr_logits_argmax(row->logits, classes);
    row->correct = row->prediction == row->label;
    row->top5_correct = ebjr_logits_rank(row->logits, classes, row->label) < 5;
    row->energy = score_of("energy", row, classes);
    row->softmax_energy = score_of("softmax-energy", row, classes);
    return 0;
}
