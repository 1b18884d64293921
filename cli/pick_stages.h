/* The pick for a cascade of more than two stages. */
#ifndef EBJR_CLI_PICK_STAGES_H
#define EBJR_CLI_PICK_STAGES_H

#include "calib/budget.h"
#include "cli/cascade.h"
#include "cli/table.h"

struct stages_request {
    struct cascade_request cascade; /* db, data set and options of the scores */
    const char *models;             /* "a,b,c", from the first asked to the last */
    const char *score;              /* of every stage but the last */
    const double *limit;            /* [EBJR_BUDGETS] */
    enum ebjr_objective objective;
    bool plain;
    double delta;
    const char *out;
    struct output output;
};

/* Picks, prints, and writes the policy where `out` says so. *feasible is set. Errors: EBJR_EINVAL a
 * budget that cascades of more than two stages do not know; those of the store. */
int pick_stages(bool *feasible, const struct stages_request *request);

#endif
