/*
 * Budgets: what a person demands of an operating point, and the search for the best point that
 * meets all of it.
 */
#ifndef EBJR_CALIB_BUDGET_H
#define EBJR_CALIB_BUDGET_H

#include "calib/latency.h"
#include "calib/sweep.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ebjr_budget {
    EBJR_MIN_ACCURACY,     /* of the cascade, 0..1 */
    EBJR_MAX_DROP,         /* teacher accuracy - cascade accuracy */
    EBJR_MAX_FLOPS,        /* mean of a sample */
    EBJR_MAX_TEACHER_RATE, /* 0..1 */
    EBJR_MAX_LATENCY,      /* mean of a sample, ns */
    EBJR_MAX_P95,          /* ns */
    EBJR_MAX_P99,          /* ns */
    EBJR_BUDGETS
};

enum ebjr_objective {
    EBJR_MINIMIZE_FLOPS,
    EBJR_MINIMIZE_LATENCY,
    EBJR_MINIMIZE_TEACHER_RATE,
    EBJR_MAXIMIZE_ACCURACY
};

/* What a point has of each budget; NaN: unknown. */
struct ebjr_figures {
    double value[EBJR_BUDGETS];
};

/* Bit b: limit[b] (NaN: none) is given, and value[b] does not meet it; nor does an unknown one. */
unsigned ebjr_budgets_missed(const struct ebjr_figures *figures, const double *limit);

struct ebjr_costs {
    double student_flops, teacher_flops;      /* NaN: unknown */
    const struct ebjr_latency_curve *latency; /* of the same curve; NULL: unknown */
};

/* The figures of curve->points[index]. */
void ebjr_figures_at(struct ebjr_figures *out, const struct ebjr_curve *curve, size_t index,
                     const struct ebjr_costs *costs);

struct ebjr_choice {
    bool feasible;
    size_t index;                /* of the point */
    struct ebjr_figures figures; /* there */
    unsigned binding;            /* bit b: budget b keeps the objective from going further */

    /* Where infeasible: */
    double reachable[EBJR_BUDGETS]; /* the best value of each budget over all points */
    unsigned conflict; /* the budget that no point meets, or the pair (else the set) of budgets that
                          no point meets together */
};

/*
 * The point that meets limit[EBJR_BUDGETS] (NaN: no such budget) and is best by the objective; of
 * equally good ones the one with the larger student share. Bit b of blocked[i] says that point i
 * does not meet budget b for another reason than its figures: it lacks a certificate (NULL: none;
 * only budgets that have a limit). O(count). Errors: EBJR_EINVAL a budget on a figure that is
 * unknown.
 */
int ebjr_choose(struct ebjr_choice *out, const struct ebjr_curve *curve,
                const struct ebjr_costs *costs, const double *limit, enum ebjr_objective objective,
                const uint8_t *blocked);

/*
 * The same search where points come one by one, in the order of the curve: each is shown to
 * ebjr_search_first; what was chosen is then in `choice`. All are shown again to
 * ebjr_search_second, and ebjr_search_end says what binds, or what is in conflict. `blocked` has
 * the bits of one point.
 */
struct ebjr_search {
    const double *limit; /* [EBJR_BUDGETS] */
    enum ebjr_objective objective;
    struct ebjr_choice choice;
    double best;                               /* what the objective makes small, at the choice */
    int fewest;                                /* budgets that a better point violates */
    bool together[EBJR_BUDGETS][EBJR_BUDGETS]; /* are both met by some point? */
};

void ebjr_search_begin(struct ebjr_search *out, const double *limit, enum ebjr_objective objective);

/* Is all known that is asked for? The figures of one point say so for all. Errors: EBJR_EINVAL. */
int ebjr_search_check(const struct ebjr_search *search, const struct ebjr_figures *figures);

/* true: it is the best so far. */
bool ebjr_search_first(struct ebjr_search *search, size_t index, const struct ebjr_figures *figures,
                       unsigned blocked);
void ebjr_search_second(struct ebjr_search *search, const struct ebjr_figures *figures,
                        unsigned blocked);
void ebjr_search_end(struct ebjr_search *search);

/* "--max-drop"; the option a budget is given by. */
const char *ebjr_budget_name(enum ebjr_budget budget);

#ifdef __cplusplus
}
#endif
#endif
