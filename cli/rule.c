#include "cli/rule.h"

#include "base/error.h"
#include "cli/fit.h"

#include <stdlib.h>
#include <string.h>

static int allocate(struct rule *rule, size_t n)
{
    *rule = (struct rule){.scores = malloc(n * sizeof *rule->scores), .answer = malloc(n)};
    return rule->scores && rule->answer ? 0 : ebjr_error_memory();
}

int rule_of_score(struct rule *out, const struct cascade *cascade, const struct ebjr_score *score,
                  double threshold)
{
    int status = allocate(out, cascade->n);
    if (!status)
        status = cascade_score(out->scores, cascade, score);
    if (status)
        return status;
    out->score = score->name;
    out->threshold =
        cascade->options.precision == EBJR_FLOAT32 ? (double)(float)threshold : threshold;
    memcpy(out->answer, cascade->teacher_correct, cascade->n);
    return 0;
}

int rule_of_policy(struct rule *out, const struct cascade *cascade,
                   const struct ebjr_policy *policy)
{
    const struct ebjr_policy_stage *stage = &policy->stages[0];
    int status = allocate(out, cascade->n);
    if (status)
        return status;
    out->score = stage->router.learned ? "learned" : stage->router.score->name;
    out->threshold = stage->threshold;
    fit_joint_correct(out->answer, cascade, policy->answer_weight);
    return fit_scores(out->scores, cascade, &stage->router);
}

void rule_free(struct rule *rule)
{
    free(rule->scores);
    free(rule->answer);
    *rule = (struct rule){0};
}

static int64_t count(const uint8_t *flags, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += flags[i];
    return sum;
}

void rule_point(struct ebjr_curve *counts, struct ebjr_point *point, const struct rule *rule,
                const struct cascade *cascade)
{
    ebjr_sweep_at(point, rule->threshold, rule->scores, cascade->student_correct, rule->answer,
                  cascade->n);
    *counts = (struct ebjr_curve){.n = (int64_t)cascade->n,
                                  .student_correct = count(cascade->student_correct, cascade->n),
                                  .teacher_correct = count(rule->answer, cascade->n)};
}
