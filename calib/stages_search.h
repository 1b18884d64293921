/*
 * What the searches over the thresholds of a cascade of k stages share (stages.c, stages_front.c):
 * scores as ranks, counting, and the sweep of one stage.
 */
#ifndef EBJR_CALIB_STAGES_SEARCH_H
#define EBJR_CALIB_STAGES_SEARCH_H

#include "calib/stages.h"

#include <stdbool.h>

/*
 * Scores are replaced by ranks: the greatest score of a stage has rank 1, equal scores have equal
 * ranks. A threshold becomes a cut: the stage answers where rank <= cut, and cut 0 is +inf.
 */
struct ebjr_axis {
    uint32_t count;    /* distinct scores */
    double *threshold; /* [count + 1] of a cut */
    uint32_t *rank;    /* [n] of a sample */
    uint32_t *order;   /* [n] samples by ascending rank */
};

/* What moving samples from a later stage to an earlier one gains. */
struct ebjr_gain {
    int64_t correct;
    double saved; /* cost */
};

/* A node of the tree over the ranks of a stage: of its range, all, and the best beginning. */
struct ebjr_stages_node {
    struct ebjr_gain sum, best;
};

struct ebjr_cuts {
    uint32_t cut[EBJR_STAGES];
    struct ebjr_stages_point point;
};

/* The cheapest point for each number of right answers from `low` on; unused ones cost INFINITY. */
struct ebjr_front {
    int64_t low;
    const struct ebjr_stages *stages;
    size_t count;
    struct ebjr_stages_point *cheapest;
};

struct ebjr_search {
    const struct ebjr_stages *stages;
    struct ebjr_axis axis[EBJR_STAGES];
    double spent[EBJR_STAGES]; /* on a sample that this stage answers */
    uint8_t *answers;          /* [n] the stage that answers at the last counted cuts */
    struct ebjr_stages_node
        *tree; /* [2 * leaves]; root at 1, the leaf of rank r at leaves + r - 1 */
    size_t leaves;
    double lambda;
    struct ebjr_front *front; /* NULL: only the optimum is wanted */
};

/* Checks the stages. Where it fails nothing is left to free. Errors: EBJR_EINVAL, EBJR_ENOMEM. */
int ebjr_search_make(struct ebjr_search *search, const struct ebjr_stages *stages);
void ebjr_search_free(struct ebjr_search *search);

/* (reach / n) * cost summed over the stages: for k = 2 bit for bit ebjr_point_cost. */
double ebjr_stages_cost(const struct ebjr_stages *stages, const int64_t *answered);

/* Fills choice->point, and search->answers, from choice->cut. */
void ebjr_search_count(struct ebjr_search *search, struct ebjr_cuts *choice);

/*
 * Exact over one stage, with the cuts of the others: offers every point on the way to the front, if
 * there is one, and keeps the better of them and *best.
 */
void ebjr_search_sweep(struct ebjr_search *search, struct ebjr_cuts *best, const uint32_t *cut,
                       size_t stage);

/* From *choice upwards by exact steps over pairs of stages, until none improves. */
void ebjr_search_ascend(struct ebjr_search *search, struct ebjr_cuts *choice);

/* The best from all starts. */
void ebjr_search_optimise(struct ebjr_search *search, struct ebjr_cuts *best);

/* Keeps the point where it is the cheapest so far with that many right, and may be kept. */
void ebjr_front_offer(struct ebjr_front *front, const struct ebjr_stages_point *point);

static inline bool ebjr_search_right(const struct ebjr_search *search, size_t stage, size_t i)
{
    return search->stages->correct[stage][i] != 0;
}

/* lambda * cost first: n * lambda may overflow, and 0 times that would be NaN. */
static inline double ebjr_search_value(const struct ebjr_search *search,
                                       const struct ebjr_stages_point *point)
{
    return (double)point->correct - search->lambda * point->cost * (double)search->stages->n;
}

static inline bool ebjr_search_better(const struct ebjr_search *search,
                                      const struct ebjr_stages_point *a,
                                      const struct ebjr_stages_point *b)
{
    double value_a = ebjr_search_value(search, a), value_b = ebjr_search_value(search, b);
    return value_a > value_b || (value_a == value_b && a->cost < b->cost);
}

#endif
