#include "calib/stages.h"

#include "base/error.h"
#include "calib/order.h"
#include "calib/sweep.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Scores are replaced by ranks: the greatest score of a stage has rank 1, equal scores have equal
 * ranks. A threshold becomes a cut: the stage answers where rank <= cut, and cut 0 is +inf.
 */
struct axis {
    uint32_t count;    /* distinct scores */
    double *threshold; /* [count + 1] of a cut */
    uint32_t *rank;    /* [n] of a sample */
    uint32_t *order;   /* [n] samples by ascending rank */
};

/* What moving samples from a later stage to an earlier one gains. */
struct gain {
    int64_t correct;
    double saved; /* cost */
};

/* A node of the tree over the ranks of a stage: of its range, all, and the best beginning. */
struct node {
    struct gain sum, best;
};

struct choice {
    uint32_t cut[EBJR_STAGES];
    struct ebjr_stages_point point;
};

/* The cheapest point for each number of right answers from `low` on; unused ones cost INFINITY. */
struct front {
    int64_t low;
    const struct ebjr_stages *stages;
    size_t count;
    struct ebjr_stages_point *cheapest;
};

struct search {
    const struct ebjr_stages *stages;
    struct axis axis[EBJR_STAGES];
    double spent[EBJR_STAGES]; /* on a sample that this stage answers */
    uint8_t *answers;          /* [n] the stage that answers at the last counted cuts */
    struct node *tree;         /* [2 * leaves]; root at 1, the leaf of rank r at leaves + r - 1 */
    size_t leaves;
    double lambda;
    struct front *front; /* NULL: only the optimum is wanted */
};

/* (reach / n) * cost summed over the stages: for k = 2 bit for bit ebjr_point_cost. */
static double mean_cost(const struct ebjr_stages *stages, const int64_t *answered)
{
    double cost = 0;
    int64_t reach = (int64_t)stages->n;
    for (size_t j = 0; j < stages->k; j++) {
        cost += (double)reach / (double)stages->n * stages->cost[j];
        reach -= answered[j];
    }
    return cost;
}

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
    out->cost = mean_cost(stages, out->answered);
}

static bool right(const struct search *search, size_t stage, size_t i)
{
    return search->stages->correct[stage][i] != 0;
}

static void choice_count(struct search *search, struct choice *choice)
{
    const struct ebjr_stages *stages = search->stages;
    struct ebjr_stages_point *point = &choice->point;
    *point = (struct ebjr_stages_point){0};
    for (size_t j = 0; j + 1 < stages->k; j++)
        point->threshold[j] = search->axis[j].threshold[choice->cut[j]];
    for (size_t i = 0; i < stages->n; i++) {
        size_t j = 0;
        while (j + 1 < stages->k && search->axis[j].rank[i] > choice->cut[j])
            j++;
        search->answers[i] = (uint8_t)j;
        point->answered[j]++;
        point->correct += right(search, j, i);
    }
    point->cost = mean_cost(stages, point->answered);
}

/* lambda * cost first: n * lambda may overflow, and 0 times that would be NaN. */
static double point_value(const struct search *search, const struct ebjr_stages_point *point)
{
    return (double)point->correct - search->lambda * point->cost * (double)search->stages->n;
}

static bool point_better(const struct search *search, const struct ebjr_stages_point *a,
                         const struct ebjr_stages_point *b)
{
    double value_a = point_value(search, a), value_b = point_value(search, b);
    return value_a > value_b || (value_a == value_b && a->cost < b->cost);
}

static void front_offer(struct front *front, const struct ebjr_stages_point *point)
{
    const struct ebjr_stages *stages = front->stages;
    size_t last = stages->k - 1;
    if (point->correct < front->low ||
        (int64_t)stages->n - point->answered[last] < stages->least_before)
        return;
    for (size_t j = 0; j < last; j++)
        if (point->threshold[j] == EBJR_NEVER)
            return;
    struct ebjr_stages_point *kept = &front->cheapest[point->correct - front->low];
    if (point->cost < kept->cost)
        *kept = *point;
}

static void consider(const struct search *search, struct choice *best, const struct choice *choice)
{
    if (search->front)
        front_offer(search->front, &choice->point);
    if (point_better(search, &choice->point, &best->point))
        *best = *choice;
}

/*
 * Exact over one stage: from cut 0 on, samples that reach the stage are handed to it in the order
 * of their scores, each from the stage that would answer it later. O(n) after counting.
 */
static void sweep(struct search *search, struct choice *best, const uint32_t *cut, size_t stage)
{
    const struct axis *axis = &search->axis[stage];
    struct choice at = {0};
    memcpy(at.cut, cut, sizeof at.cut);
    at.cut[stage] = 0;
    choice_count(search, &at);
    consider(search, best, &at);
    bool moved = false;
    for (size_t place = 0; place < search->stages->n; place++) {
        size_t i = axis->order[place], later = search->answers[i];
        if (later > stage) {
            at.point.answered[later]--;
            at.point.answered[stage]++;
            at.point.correct += right(search, stage, i) - right(search, later, i);
            moved = true;
        }
        bool last = place + 1 == search->stages->n;
        if (moved && (last || axis->rank[axis->order[place + 1]] != axis->rank[i])) {
            at.cut[stage] = axis->rank[i];
            at.point.threshold[stage] = axis->threshold[axis->rank[i]];
            at.point.cost = mean_cost(search->stages, at.point.answered);
            consider(search, best, &at);
            moved = false;
        }
    }
}

static struct gain gain_of(const struct search *search, size_t i, size_t from, size_t to)
{
    return (struct gain){right(search, to, i) - right(search, from, i),
                         search->spent[from] - search->spent[to]};
}

static struct gain gain_add(struct gain a, struct gain b)
{
    return (struct gain){a.correct + b.correct, a.saved + b.saved};
}

static bool gain_better(const struct search *search, struct gain a, struct gain b)
{
    double value_a = (double)a.correct + search->lambda * a.saved;
    double value_b = (double)b.correct + search->lambda * b.saved;
    return value_a > value_b || (value_a == value_b && a.saved > b.saved);
}

/* The best beginning of a range ends in its left half, or is all of that and one of its right. */
static void tree_join(struct search *search, size_t at)
{
    const struct node *left = &search->tree[2 * at], *right = left + 1;
    struct gain through = gain_add(left->sum, right->best);
    search->tree[at].sum = gain_add(left->sum, right->sum);
    search->tree[at].best = gain_better(search, through, left->best) ? through : left->best;
}

static void tree_leaf(struct search *search, size_t at)
{
    struct node *leaf = &search->tree[at];
    leaf->best = gain_better(search, leaf->sum, (struct gain){0}) ? leaf->sum : (struct gain){0};
}

/* All the samples that reach `stage` at the last counted cuts, by their ranks there. */
static void tree_plant(struct search *search, size_t stage)
{
    const struct axis *axis = &search->axis[stage];
    for (search->leaves = 1; search->leaves < axis->count;)
        search->leaves *= 2;
    memset(search->tree, 0, 2 * search->leaves * sizeof *search->tree);
    for (size_t i = 0; i < search->stages->n; i++) {
        struct gain *sum = &search->tree[search->leaves + axis->rank[i] - 1].sum;
        if (search->answers[i] > stage)
            *sum = gain_add(*sum, gain_of(search, i, search->answers[i], stage));
    }
    for (size_t leaf = search->leaves; leaf < 2 * search->leaves; leaf++)
        tree_leaf(search, leaf);
    for (size_t at = search->leaves - 1; at > 0; at--)
        tree_join(search, at);
}

static void tree_remove(struct search *search, size_t rank, struct gain gain)
{
    size_t at = search->leaves + rank - 1;
    search->tree[at].sum =
        gain_add(search->tree[at].sum, (struct gain){-gain.correct, -gain.saved});
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
static void sweep_pair(struct search *search, struct choice *best, size_t a, size_t b)
{
    const struct axis *axis = &search->axis[a];
    struct choice at = *best;
    at.cut[a] = at.cut[b] = 0;
    choice_count(search, &at);
    tree_plant(search, b);
    struct gain handed = {0}, greatest = search->tree[1].best;
    for (size_t place = 0; place < search->stages->n; place++) {
        size_t i = axis->order[place], later = search->answers[i];
        if (later > a)
            handed = gain_add(handed, gain_of(search, i, later, a));
        if (later > b)
            tree_remove(search, search->axis[b].rank[i], gain_of(search, i, later, b));
        bool last = place + 1 == search->stages->n;
        if (last || axis->rank[axis->order[place + 1]] != axis->rank[i]) {
            struct gain gain = gain_add(handed, search->tree[1].best);
            if (gain_better(search, gain, greatest)) {
                greatest = gain;
                at.cut[a] = axis->rank[i];
            }
        }
    }
    sweep(search, best, at.cut, b);
}

/* One round is all there is to do for k <= 3. Each further one must better the point, so that they
 * end. */
static void ascend(struct search *search, struct choice *choice)
{
    size_t k = search->stages->k;
    struct choice before;
    choice_count(search, choice);
    do {
        before = *choice;
        if (k == 2)
            sweep(search, choice, before.cut, 0);
        for (size_t b = 1; b + 1 < k; b++)
            for (size_t a = 0; a < b; a++)
                sweep_pair(search, choice, a, b);
    } while (k > 3 && point_better(search, &choice->point, &before.point));
}

/* Starts: one stage answers all, for each stage; a quarter, a half, three quarters of the scores of
 * all stages are kept. */
static void optimise(struct search *search, struct choice *best)
{
    size_t k = search->stages->k;
    *best = (struct choice){0};
    ascend(search, best);
    for (size_t start = 0; k > 3 && start < k + 2; start++) {
        struct choice choice = {0};
        for (size_t j = 0; j + 1 < k; j++)
            choice.cut[j] = start < k - 1
                                ? (j == start) * search->axis[j].count
                                : (uint32_t)((start - k + 2) * (uint64_t)search->axis[j].count / 4);
        ascend(search, &choice);
        if (point_better(search, &choice.point, &best->point))
            *best = choice;
    }
}

static int check(const struct ebjr_stages *stages)
{
    double sum = 0;
    if (stages->k < 1 || stages->k > EBJR_STAGES)
        return ebjr_error_set(EBJR_EINVAL, "a cascade has 1 to %d stages, not %zu", EBJR_STAGES,
                              stages->k);
    if (stages->n < 1 || stages->n >= UINT32_MAX)
        return ebjr_error_set(EBJR_EINVAL, "%zu samples, where 1 to 2^32 - 2 are expected",
                              stages->n);
    for (size_t j = 0; j < stages->k; j++) {
        if (!(stages->cost[j] >= 0))
            return ebjr_error_set(EBJR_EINVAL, "stage %zu: its cost is %g", j, stages->cost[j]);
        sum += stages->cost[j];
        for (size_t i = 0; j + 1 < stages->k && i < stages->n; i++)
            if (!isfinite(stages->score[j][i]))
                return ebjr_error_set(EBJR_EINVAL, "stage %zu, sample %zu: its score is %g", j, i,
                                      stages->score[j][i]);
    }
    if (!isfinite(sum * (double)stages->n))
        return ebjr_error_set(EBJR_EINVAL, "the costs of the stages sum to %g a sample", sum);
    return 0;
}

static uint32_t rank_of(const uint64_t *distinct, uint32_t count, uint64_t key)
{
    uint32_t low = 0;
    while (count > 1) {
        uint32_t half = count / 2;
        low += distinct[low + half] <= key ? half : 0;
        count -= half;
    }
    return low + 1;
}

/* keys: [2 n] of scratch. */
static int axis_make(struct axis *axis, uint64_t *keys, const double *score, size_t n)
{
    for (size_t i = 0; i < n; i++)
        keys[i] = ebjr_key_of(score[i]);
    ebjr_key_sort(keys, keys + n, n);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || keys[i] != keys[axis->count - 1])
            keys[axis->count++] = keys[i];
    axis->threshold = malloc(((size_t)axis->count + 1) * sizeof *axis->threshold);
    axis->rank = malloc(n * sizeof *axis->rank);
    axis->order = malloc(n * sizeof *axis->order);
    uint32_t *next = calloc((size_t)axis->count + 2, sizeof *next);
    if (!axis->threshold || !axis->rank || !axis->order || !next) {
        free(next);
        return ebjr_error_memory();
    }
    axis->threshold[0] = INFINITY;
    for (uint32_t r = 0; r < axis->count; r++)
        axis->threshold[r + 1] = ebjr_key_score(keys[r]);
    for (size_t i = 0; i < n; i++) {
        axis->rank[i] = rank_of(keys, axis->count, ebjr_key_of(score[i]));
        next[axis->rank[i] + 1]++;
    }
    for (uint32_t r = 1; r <= axis->count; r++)
        next[r + 1] += next[r];
    for (size_t i = 0; i < n; i++)
        axis->order[next[axis->rank[i]]++] = (uint32_t)i;
    free(next);
    return 0;
}

static void search_free(struct search *search)
{
    for (size_t j = 0; j < EBJR_STAGES; j++) {
        free(search->axis[j].threshold);
        free(search->axis[j].rank);
        free(search->axis[j].order);
    }
    free(search->answers);
    free(search->tree);
}

static int search_make(struct search *search, const struct ebjr_stages *stages)
{
    *search = (struct search){.stages = stages};
    int status = check(stages);
    if (status)
        return status;
    uint64_t *keys = malloc(2 * stages->n * sizeof *keys);
    search->answers = malloc(stages->n);
    if (!keys || !search->answers)
        status = ebjr_error_memory();
    size_t leaves = 1;
    for (size_t j = 0; !status && j < stages->k; j++) {
        search->spent[j] = stages->cost[j] + (j ? search->spent[j - 1] : 0);
        if (j + 1 < stages->k)
            status = axis_make(&search->axis[j], keys, stages->score[j], stages->n);
        while (leaves < search->axis[j].count)
            leaves *= 2;
    }
    free(keys);
    if (!status && stages->k > 2 && !(search->tree = malloc(2 * leaves * sizeof *search->tree)))
        status = ebjr_error_memory();
    if (status)
        search_free(search);
    return status;
}

int ebjr_stages_optimise(struct ebjr_stages_point *out, const struct ebjr_stages *stages,
                         double lambda)
{
    struct search search;
    struct choice best;
    *out = (struct ebjr_stages_point){0};
    if (!(lambda >= 0) || isinf(lambda))
        return ebjr_error_set(EBJR_EINVAL, "a unit of cost is worth %g right answers", lambda);
    int status = search_make(&search, stages);
    if (status)
        return status;
    search.lambda = lambda;
    optimise(&search, &best);
    *out = best.point;
    search_free(&search);
    return 0;
}

/* With g values of each cut on the grid, how many samples are counted in all. */
static double grid_work(const struct search *search, uint32_t g)
{
    double work = (double)search->stages->n;
    for (size_t j = 0; j + 2 < search->stages->k; j++)
        work *= fmin(search->axis[j].count + 1.0, g);
    return work;
}

static uint32_t grid_cut(const struct axis *axis, uint32_t g, uint32_t step)
{
    return g > axis->count ? step : (uint32_t)((uint64_t)step * axis->count / (g - 1));
}

/* Offers every combination of the first k - 2 cuts on the grid, with a sweep of the next stage. */
static void grid(struct search *search, uint32_t g)
{
    size_t k = search->stages->k, j;
    uint32_t step[EBJR_STAGES] = {0};
    struct choice best = {0};
    do {
        uint32_t cut[EBJR_STAGES] = {0};
        for (j = 0; j + 2 < k; j++)
            cut[j] = grid_cut(&search->axis[j], g, step[j]);
        sweep(search, &best, cut, k - 2);
        for (j = 0; j + 2 < k; j++) {
            if (step[j] + 1 < fmin(search->axis[j].count + 1.0, g)) {
                step[j]++;
                break;
            }
            step[j] = 0;
        }
    } while (j + 2 < k);
}

/*
 * The optimum for the lambda at which two points of the front are worth the same lies farthest
 * above the chord between them; then the same on either side (Aneja & Nair 1979).
 */
static void chords(struct search *search, const struct choice *left, const struct choice *right,
                   int depth)
{
    size_t k = search->stages->k;
    const struct choice *starts[] = {left, right};
    double rise = (double)(right->point.correct - left->point.correct);
    search->lambda = rise / (right->point.cost - left->point.cost) / (double)search->stages->n;
    if (depth == 0 || !(rise > 0) || !(search->lambda > 0) || isinf(search->lambda))
        return;
    struct choice top = *left;
    for (size_t start = 0; start < (k > 3 ? 2 : 1); start++) {
        struct choice choice = *starts[start];
        ascend(search, &choice);
        if (point_better(search, &choice.point, &top.point))
            top = choice;
    }
    struct choice around = top;
    for (size_t j = 0; j + 1 < k; j++)
        sweep(search, &around, top.cut, j);
    if (top.point.correct <= left->point.correct || top.point.correct >= right->point.correct)
        return; /* the chord is an edge */
    chords(search, left, &top, depth - 1);
    chords(search, &top, right, depth - 1);
}

enum { BUDGET = 1 << 27, DEPTH = 5 };

static void explore(struct search *search)
{
    size_t k = search->stages->k;
    uint32_t all = 2, g;
    for (size_t j = 0; j + 2 < k; j++)
        if (all <= search->axis[j].count)
            all = search->axis[j].count + 1;
    for (g = all; g > 2 && grid_work(search, g) > BUDGET;)
        g -= (g + 7) / 8;
    g = g < 2 ? 2 : g;
    grid(search, g);
    if (g == all)
        return;
    struct choice first = {.cut = {search->axis[0].count}}, last;
    choice_count(search, &first);
    search->lambda = 0;
    optimise(search, &last);
    chords(search, &first, &last, DEPTH);
}

static bool may_answer_all(const struct ebjr_stages *stages)
{
    for (size_t i = 0; stages->k > 1 && i < stages->n; i++)
        if (stages->score[0][i] == EBJR_NEVER)
            return false;
    return true;
}

/* To answer all in stage 0, where it may, costs least: what has fewer right is dominated by it. */
static int front_make(struct front *front, const struct ebjr_stages *stages)
{
    int64_t low = 0, high = 0;
    for (size_t i = 0; i < stages->n; i++) {
        bool any = false;
        for (size_t j = 0; j < stages->k; j++)
            any |= stages->correct[j][i] != 0;
        low += stages->correct[0][i] != 0;
        high += any;
    }
    low = may_answer_all(stages) ? low : 0;
    *front = (struct front){.low = low, .stages = stages, .count = (size_t)(high - low) + 1};
    front->cheapest = malloc(front->count * sizeof *front->cheapest);
    if (!front->cheapest)
        return ebjr_error_memory();
    for (size_t c = 0; c < front->count; c++)
        front->cheapest[c] = (struct ebjr_stages_point){.cost = INFINITY};
    return 0;
}

/* Keeps, in place, what is cheaper than all with more right. Returns how many. */
static size_t front_prune(struct front *front)
{
    double cheapest = INFINITY;
    size_t kept = front->count;
    for (size_t c = front->count; c-- > 0;) {
        if (front->cheapest[c].cost < cheapest) {
            cheapest = front->cheapest[c].cost;
            front->cheapest[--kept] = front->cheapest[c];
        }
    }
    size_t count = front->count - kept;
    memmove(front->cheapest, front->cheapest + kept, count * sizeof *front->cheapest);
    return count;
}

int ebjr_stages_front(struct ebjr_stages_point **out, size_t *count,
                      const struct ebjr_stages *stages)
{
    struct search search;
    struct front front;
    *out = NULL;
    *count = 0;
    int status = search_make(&search, stages);
    if (status)
        return status;
    status = front_make(&front, stages);
    if (!status) {
        struct choice only = {0};
        search.front = &front;
        choice_count(&search, &only);
        front_offer(&front, &only.point);
        if (stages->k > 1)
            explore(&search);
        *count = front_prune(&front);
        *out = front.cheapest;
    }
    search_free(&search);
    return status;
}
