/* The rule of a cascade of two, applied to stored outputs: a score and a threshold, or a policy. */
#ifndef EBJR_CLI_RULE_H
#define EBJR_CLI_RULE_H

#include "calib/sweep.h"
#include "cli/cascade.h"
#include "runtime/policy.h"

/* What decides the routes, and whose answer a deferred sample gets. */
struct rule {
    const char *score;
    double threshold;
    double *scores;  /* [n] */
    uint8_t *answer; /* [n] correctness of the answer to a deferred sample */
};

/* The caller frees with rule_free, also after an error: EBJR_ENOMEM. With --precision float32 the
 * threshold is rounded, as PyTorch compares a tensor with a Python number. */
int rule_of_score(struct rule *out, const struct cascade *cascade, const struct ebjr_score *score,
                  double threshold);

/* Of a policy of two stages, whose cascade it is (policy_cascade.h). */
int rule_of_policy(struct rule *out, const struct cascade *cascade,
                   const struct ebjr_policy *policy);
void rule_free(struct rule *rule);

/* The rule's point, and of its curve the counts: n, student_correct and teacher_correct (those of
 * the answer to deferred samples); no points. */
void rule_point(struct ebjr_curve *counts, struct ebjr_point *point, const struct rule *rule,
                const struct cascade *cascade);

#endif
