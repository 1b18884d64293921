/*
 * A policy: what `pick` decided and promised, as JSON, for `eval`, `check`, `infer` and `bench`. It
 * names models and data by hash, and carries a seal (SHA-256 of all the rest) against changes.
 */
#ifndef EBJR_RUNTIME_POLICY_H
#define EBJR_RUNTIME_POLICY_H

#include "base/hash.h"
#include "runtime/class_map.h"
#include "runtime/router.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_POLICY_STAGES = 8, EBJR_POLICY_BUDGETS = 7 };

struct ebjr_policy_stage {
    char model[256], sha256[EBJR_HASH_TEXT];
    char class_map[EBJR_CLASS_MAP_TEXT]; /* of a specialised model: what it calls "other" goes on */
    struct ebjr_router router;           /* not of the last stage */
    double threshold;                    /* the stage answers where its score >= threshold */
};

struct ebjr_policy {
    size_t stage_count;
    struct ebjr_policy_stage stages[EBJR_POLICY_STAGES];
    double answer_weight; /* of the teacher in the joint answer; 1: the teacher alone answers */
    size_t classes;
    char dataset[256], dataset_sha256[EBJR_HASH_TEXT];
    char preprocessing[1024];

    /* The promise. Budgets in the order of enum ebjr_budget; NaN where there is none. */
    double limit[EBJR_POLICY_BUDGETS], expected[EBJR_POLICY_BUDGETS];
    unsigned certified;
    char drop_bound[32]; /* certified the drop; "" where it is not certified. clopper-pearson bounds
                            harm, which is no less; others the drop itself */
    double delta;

    /* The samples it was made from. */
    int64_t tuning_n, calibration_n, test_n;
    double tune_on, calibrate_on, test_on;
    int64_t seed;
    char class_weights[256]; /* the mix that the samples were thinned to; "" as they are */
};

void ebjr_policy_clear(struct ebjr_policy *policy);

/* Byte-identical for the same policy. Written beside the target first and renamed. Errors:
 * EBJR_EIO. */
int ebjr_policy_save(const struct ebjr_policy *policy, const char *path);

/* Errors: EBJR_ENOTFOUND, EBJR_EIO; EBJR_EFORMAT not a policy, a newer one, or one changed since it
 * was written. */
int ebjr_policy_load(struct ebjr_policy *out, const char *path);

#ifdef __cplusplus
}
#endif
#endif
