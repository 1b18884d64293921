#include "runtime/derive.h"

#include "base/error.h"
#include "runtime/class_map.h"
#include "runtime/score.h"

#include <math.h>

size_t ebjr_logits_rank(const float *logits, size_t classes, size_t target)
{
    size_t rank = 0;
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

int ebjr_output_check(const struct ebjr_output *row, const struct ebjr_stored_run *run)
{
    if (row->label < 0 || (!*run->class_map && row->label >= run->classes))
        return ebjr_error_set(
            EBJR_EFORMAT,
            "sample %lld has the label %d, but the model knows %lld classes (0 to "
            "%lld)",
            (long long)row->index, row->label, (long long)run->classes,
            (long long)run->classes - 1);
    for (int64_t k = 0; k < run->classes; k++)
        if (!isfinite(row->logits[k]))
            return ebjr_error_set(EBJR_EFORMAT,
                                  "sample %lld: the logit of class %lld is %g; logits must be "
                                  "finite",
                                  (long long)row->index, (long long)k, row->logits[k]);
    return 0;
}

int ebjr_output_derive(struct ebjr_output *row, const struct ebjr_stored_run *run)
{
    size_t classes = (size_t)run->classes;
    int status = ebjr_output_check(row, run);
    if (status)
        return status;
    int64_t target = ebjr_class_map_output(run->class_map, row->label);
    row->prediction =
        ebjr_class_map_class(run->class_map, (size_t)ebjr_logits_argmax(row->logits, classes));
    row->correct = row->prediction == row->label;
    row->top5_correct = target >= 0 && ebjr_logits_rank(row->logits, classes, (size_t)target) < 5;
    row->energy = score_of("energy", row, classes);
    row->softmax_energy = score_of("softmax-energy", row, classes);
    return 0;
}
