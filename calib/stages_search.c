#include "calib/stages_search.h"

#include "base/error.h"
#include "calib/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double ebjr_stages_cost(const struct ebjr_stages *stages, const int64_t *answered)
{
    double cost = 0;
    int64_t reach = (int64_t)stages->n;
    for (size_t j = 0; j < stages->k; j++) {
        cost += (double)reach / (double)stages->n * stages->cost[j];
        reach -= answered[j];
    }
    return cost;
}

void ebjr_search_count(struct ebjr_search *search, struct ebjr_cuts *choice)
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
        point->correct += ebjr_search_right(search, j, i);
    }
    point->cost = ebjr_stages_cost(stages, point->answered);
}

static void consider(const struct ebjr_search *search, struct ebjr_cuts *best,
                     const struct ebjr_cuts *choice)
{
    if (search->front)
        ebjr_front_offer(search->front, &choice->point);
    if (ebjr_search_better(search, &choice->point, &best->point))
        *best = *choice;
}

/*
 * Exact over one stage: from cut 0 on, samples that reach the stage are handed to it in the order
 * of their scores, each from the stage that would answer it later. O(n) after counting.
 */
void ebjr_search_sweep(struct ebjr_search *search, struct ebjr_cuts *best, const uint32_t *cut,
                       size_t stage)
{
    const struct ebjr_axis *axis = &search->axis[stage];
    struct ebjr_cuts at = {0};
    memcpy(at.cut, cut, sizeof at.cut);
    at.cut[stage] = 0;
    ebjr_search_count(search, &at);
    consider(search, best, &at);
    bool moved = false;
    for (size_t place = 0; place < search->stages->n; place++) {
        size_t i = axis->order[place], later = search->answers[i];
        if (later > stage) {
            at.point.answered[later]--;
            at.point.answered[stage]++;
            at.point.correct +=
                ebjr_search_right(search, stage, i) - ebjr_search_right(search, later, i);
            moved = true;
        }
        bool last = place + 1 == search->stages->n;
        if (moved && (last || axis->rank[axis->order[place + 1]] != axis->rank[i])) {
            at.cut[stage] = axis->rank[i];
            at.point.threshold[stage] = axis->threshold[axis->rank[i]];
            at.point.cost = ebjr_stages_cost(search->stages, at.point.answered);
            consider(search, best, &at);
            moved = false;
        }
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
static int axis_make(struct ebjr_axis *axis, uint64_t *keys, const double *score, size_t n)
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

void ebjr_search_free(struct ebjr_search *search)
{
    for (size_t j = 0; j < EBJR_STAGES; j++) {
        free(search->axis[j].threshold);
        free(search->axis[j].rank);
        free(search->axis[j].order);
    }
    free(search->answers);
    free(search->tree);
}

int ebjr_search_make(struct ebjr_search *search, const struct ebjr_stages *stages)
{
    *search = (struct ebjr_search){.stages = stages};
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
        ebjr_search_free(search);
    return status;
}
