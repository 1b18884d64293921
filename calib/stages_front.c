#include "calib/stages.h"

#include "base/error.h"
#include "calib/stages_search.h"
#include "calib/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ebjr_front_offer(struct ebjr_front *front, const struct ebjr_stages_point *point)
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

/* With g values of each cut on the grid, how many samples are counted in all. */
static double grid_work(const struct ebjr_search *search, uint32_t g)
{
    double work = (double)search->stages->n;
    for (size_t j = 0; j + 2 < search->stages->k; j++)
        work *= fmin(search->axis[j].count + 1.0, g);
    return work;
}

static uint32_t grid_cut(const struct ebjr_axis *axis, uint32_t g, uint32_t step)
{
    return g > axis->count ? step : (uint32_t)((uint64_t)step * axis->count / (g - 1));
}

/* Offers every combination of the first k - 2 cuts on the grid, with a sweep of the next stage. */
static void grid(struct ebjr_search *search, uint32_t g)
{
    size_t k = search->stages->k, j;
    uint32_t step[EBJR_STAGES] = {0};
    struct ebjr_cuts best = {0};
    do {
        uint32_t cut[EBJR_STAGES] = {0};
        for (j = 0; j + 2 < k; j++)
            cut[j] = grid_cut(&search->axis[j], g, step[j]);
        ebjr_search_sweep(search, &best, cut, k - 2);
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
static void chords(struct ebjr_search *search, const struct ebjr_cuts *left,
                   const struct ebjr_cuts *right, int depth)
{
    size_t k = search->stages->k;
    const struct ebjr_cuts *starts[] = {left, right};
    double rise = (double)(right->point.correct - left->point.correct);
    search->lambda = rise / (right->point.cost - left->point.cost) / (double)search->stages->n;
    if (depth == 0 || !(rise > 0) || !(search->lambda > 0) || isinf(search->lambda))
        return;
    struct ebjr_cuts top = *left;
    for (size_t start = 0; start < (k > 3 ? 2 : 1); start++) {
        struct ebjr_cuts choice = *starts[start];
        ebjr_search_ascend(search, &choice);
        if (ebjr_search_better(search, &choice.point, &top.point))
            top = choice;
    }
    struct ebjr_cuts around = top;
    for (size_t j = 0; j + 1 < k; j++)
        ebjr_search_sweep(search, &around, top.cut, j);
    if (top.point.correct <= left->point.correct || top.point.correct >= right->point.correct)
        return; /* the chord is an edge */
    chords(search, left, &top, depth - 1);
    chords(search, &top, right, depth - 1);
}

enum { BUDGET = 1 << 27, DEPTH = 5 };

static void explore(struct ebjr_search *search)
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
    struct ebjr_cuts first = {.cut = {search->axis[0].count}}, last;
    ebjr_search_count(search, &first);
    search->lambda = 0;
    ebjr_search_optimise(search, &last);
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
static int front_make(struct ebjr_front *front, const struct ebjr_stages *stages)
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
    *front = (struct ebjr_front){.low = low, .stages = stages, .count = (size_t)(high - low) + 1};
    front->cheapest = malloc(front->count * sizeof *front->cheapest);
    if (!front->cheapest)
        return ebjr_error_memory();
    for (size_t c = 0; c < front->count; c++)
        front->cheapest[c] = (struct ebjr_stages_point){.cost = INFINITY};
    return 0;
}

/* Keeps, in place, what is cheaper than all with more right. Returns how many. */
static size_t front_prune(struct ebjr_front *front)
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
    struct ebjr_search search;
    struct ebjr_front front;
    *out = NULL;
    *count = 0;
    int status = ebjr_search_make(&search, stages);
    if (status)
        return status;
    status = front_make(&front, stages);
    if (!status) {
        struct ebjr_cuts only = {0};
        search.front = &front;
        ebjr_search_count(&search, &only);
        ebjr_front_offer(&front, &only.point);
        if (stages->k > 1)
            explore(&search);
        *count = front_prune(&front);
        *out = front.cheapest;
    }
    ebjr_search_free(&search);
    return status;
}
