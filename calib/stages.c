#include "calib/stages.h"

#include "base/error.h"
#include "calib/stages_search.h"

#include <math.h>
#include <string.h>

void ebjr_stages_at(struct ebjr_stages_point *out, const struct ebjr_stages *stages,
                    const double *threshold)
{
    *out = (struct ebjr_stages_point){0};
    for (size_t j = 0; j + 1 < stages->k; j++)
        out->threshold[j] = threshold[j];
    for (size_t i = 0; i < stages->n; i++) {
        size_t j = 0;
        while (j + 1 < stages->k && !(stages->score[j][i] >= threshold[j]))
            j++;
        out->answered[j]++;
        out->correct += stages->correct[j][i] != 0;
    }
    out->cost = ebjr_stages_cost(stages, out->answered);
}

static struct ebjr_gain gain_of(const struct ebjr_search *search, size_t i, size_t from, size_t to)
{
    return (struct ebjr_gain){ebjr_search_right(search, to, i) - ebjr_search_right(search, from, i),
                              search->spent[from] - search->spent[to]};
}

static struct ebjr_gain gain_add(struct ebjr_gain a, struct ebjr_gain b)
{
    return (struct ebjr_gain){a.correct + b.correct, a.saved + b.saved};
}

static bool gain_better(const struct ebjr_search *search, struct ebjr_gain a, struct ebjr_gain b)
{
    double value_a = (double)a.correct + search->lambda * a.saved;
    double value_b = (double)b.correct + search->lambda * b.saved;
    return value_a > value_b || (value_a == value_b && a.saved > b.saved);
}

/* The best beginning of a range ends in its left half, or is all of that and one of its right. */
static void tree_join(struct ebjr_search *search, size_t at)
{
    const struct ebjr_stages_node *left = &search->tree[2 * at], *right = left + 1;
    struct ebjr_gain through = gain_add(left->sum, right->best);
    search->tree[at].sum = gain_add(left->sum, right->sum);
    search->tree[at].best = gain_better(search, through, left->best) ? through : left->best;
}

static void tree_leaf(struct ebjr_search *search, size_t at)
{
    struct ebjr_stages_node *leaf = &search->tree[at];
    leaf->best =
        gain_better(search, leaf->sum, (struct ebjr_gain){0}) ? leaf->sum : (struct ebjr_gain){0};
}

/* All the samples that reach `stage` at the last counted cuts, by their ranks there. */
static void tree_plant(struct ebjr_search *search, size_t stage)
{
    const struct ebjr_axis *axis = &search->axis[stage];
    for (search->leaves = 1; search->leaves < axis->count;)
        search->leaves *= 2;
    memset(search->tree, 0, 2 * search->leaves * sizeof *search->tree);
    for (size_t i = 0; i < search->stages->n; i++) {
        struct ebjr_gain *sum = &search->tree[search->leaves + axis->rank[i] - 1].sum;
        if (search->answers[i] > stage)
            *sum = gain_add(*sum, gain_of(search, i, search->answers[i], stage));
    }
    for (size_t leaf = search->leaves; leaf < 2 * search->leaves; leaf++)
        tree_leaf(search, leaf);
    for (size_t at = search->leaves - 1; at > 0; at--)
        tree_join(search, at);
}

static void tree_remove(struct ebjr_search *search, size_t rank, struct ebjr_gain gain)
{
    size_t at = search->leaves + rank - 1;
    search->tree[at].sum =
        gain_add(search->tree[at].sum, (struct ebjr_gain){-gain.correct, -gain.saved});
    tree_leaf(search, at);
    while (at /= 2)
        tree_join(search, at);
}

/*
 * Exact over two stages a < b. With both cuts at 0, sample i is answered by stage l_i. Handing to a
 * all with rank_a <= c, and to b those of the others that reach it with rank_b <= d, gains
 *
 *     G(c, d) = sum_{rank_a <= c} gain_i(l_i -> a)
 *             + sum_{rank_a > c, l_i > b, rank_b <= d} gain_i(l_i -> b).
 *
 * The second sum at the best d is the greatest sum of a beginning of the samples in the order of b.
 * A tree over the ranks of b keeps it in O(log n) while c grows and samples leave. Once c is known,
 * a sweep finds d.
 */
static void sweep_pair(struct ebjr_search *search, struct ebjr_cuts *best, size_t a, size_t b)
{
    const struct ebjr_axis *axis = &search->axis[a];
    struct ebjr_cuts at = *best;
    at.cut[a] = at.cut[b] = 0;
    ebjr_search_count(search, &at);
    tree_plant(search, b);
    struct ebjr_gain handed = {0}, greatest = search->tree[1].best;
    for (size_t place = 0; place < search->stages->n; place++) {
        size_t i = axis->order[place], later = search->answers[i];
        if (later > a)
            handed = gain_add(handed, gain_of(search, i, later, a));
        if (later > b)
            tree_remove(search, search->axis[b].rank[i], gain_of(search, i, later, b));
        bool last = place + 1 == search->stages->n;
        if (last || axis->rank[axis->order[place + 1]] != axis->rank[i]) {
            struct ebjr_gain gain = gain_add(handed, search->tree[1].best);
            if (gain_better(search, gain, greatest)) {
                greatest = gain;
                at.cut[a] = axis->rank[i];
            }
        }
    }
    ebjr_search_sweep(search, best, at.cut, b);
}

/* One round is all there is to do for k <= 3. Each further one must better the point, so that they
 * end. */
void ebjr_search_ascend(struct ebjr_search *search, struct ebjr_cuts *choice)
{
    size_t k = search->stages->k;
    struct ebjr_cuts before;
    ebjr_search_count(search, choice);
    do {
        before = *choice;
        if (k == 2)
            ebjr_search_sweep(search, choice, before.cut, 0);
        for (size_t b = 1; b + 1 < k; b++)
            for (size_t a = 0; a < b; a++)
                sweep_pair(search, choice, a, b);
    } while (k > 3 && ebjr_search_better(search, &choice->point, &before.point));
}

/* Starts: one stage answers all, for each stage; a quarter, a half, three quarters of the scores of
 * all stages are kept. */
void ebjr_search_optimise(struct ebjr_search *search, struct ebjr_cuts *best)
{
    size_t k = search->stages->k;
    *best = (struct ebjr_cuts){0};
    ebjr_search_ascend(search, best);
    for (size_t start = 0; k > 3 && start < k + 2; start++) {
        struct ebjr_cuts choice = {0};
        for (size_t j = 0; j + 1 < k; j++)
            choice.cut[j] = start < k - 1
                                ? (j == start) * search->axis[j].count
                                : (uint32_t)((start - k + 2) * (uint64_t)search->axis[j].count / 4);
        ebjr_search_ascend(search, &choice);
        if (ebjr_search_better(search, &choice.point, &best->point))
            *best = choice;
    }
}

int ebjr_stages_optimise(struct ebjr_stages_point *out, const struct ebjr_stages *stages,
                         double lambda)
{
    struct ebjr_search search;
    struct ebjr_cuts best;
    *out = (struct ebjr_stages_point){0};
    if (!(lambda >= 0) || isinf(lambda))
        return ebjr_error_set(EBJR_EINVAL, "a unit of cost is worth %g right answers", lambda);
    int status = ebjr_search_make(&search, stages);
    if (status)
        return status;
    search.lambda = lambda;
    ebjr_search_optimise(&search, &best);
    *out = best.point;
    ebjr_search_free(&search);
    return 0;
}
