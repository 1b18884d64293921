/* What the files of ebjr pick share. */
#ifndef EBJR_CLI_PICK_H
#define EBJR_CLI_PICK_H

#include "calib/pick.h"
#include "cli/cascade.h"
#include "cli/fit.h"
#include "cli/parts.h"
#include "cli/sorted.h"
#include "cli/table.h"

struct pick_request {
    struct cascade_request cascade;
    struct fit_request fit;
    const char *limit[EBJR_BUDGETS];
    const char *stages, *minimize, *maximize, *bound, *metric, *out, *format, *memory;
    bool plain;
    double delta;
    const char *part[PARTS]; /* a fraction, or the name of a data set; NULL: not said */
    const char *class_weights;
    int64_t split_seed;
};

struct pick_work {
    struct cascade cascade;
    struct ebjr_router router;
    double answer_weight;
    double *score;
    uint8_t *joint; /* [n] correctness of the answer to deferred samples */
    struct parts parts;
    struct class_mix mix;
    const char *test_dataset; /* a data set of its own; NULL: a part of the same */
    struct cascade test_cascade;
    ebjr_sorter *sorter[PARTS]; /* where memory does not hold the samples */
    struct ebjr_pick pick;
    enum ebjr_bound bound;    /* of the drop, where that is certified */
    double advantage[PARTS];  /* accuracy of the teacher alone less that of the answer to deferred
                                 samples: 0 but for joint answers */
    struct ebjr_figures test; /* at the choice */
};

/* What is typed: limit[EBJR_BUDGETS], at least one; delta; what is best within the budgets. Errors:
 * EBJR_EINVAL. */
int pick_parse_limits(double *limit, const struct pick_request *request);
int pick_check_delta(const struct pick_request *request);
int pick_parse_objective(enum ebjr_objective *out, const struct pick_request *request,
                         const struct cascade *cascade);

/* "max-drop max-flops"; "minimize flops" */
const char *pick_budget_list(char out[256], unsigned set);
const char *pick_objective_text(enum ebjr_objective objective);

bool pick_is_joint(const struct pick_request *request);

/* Is a drop certified by tests of thresholds that tuning samples propose? */
bool pick_tests_drop(const struct pick_request *request);

/* The result on stdout. Errors: EBJR_EIO. */
int pick_print(const struct pick_work *work, const struct pick_request *request,
               enum ebjr_objective objective, struct output output);

/* On stderr: what the result does not promise, what a tail budget means, why there is none. */
void pick_explain(const struct pick_work *work, const double *limit,
                  const struct pick_request *request);

#endif
