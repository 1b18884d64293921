#include "calib/sweep.h"

#include "base/error.h"
#include "calib/order.h"
#include "calib/sweep_part.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

struct parts {
    uint64_t *memory;
    uint64_t *keys[PARTS]; /* [count], then AFTER_ALL, which ends each part */
    size_t count[PARTS];
};

static int part(struct parts *parts, const double *score, const uint8_t *student_correct,
                const uint8_t *teacher_correct, size_t n)
{
    uint64_t *next[PARTS];
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(score[i]))
            return ebjr_error_set(EBJR_EINVAL, "sample %zu: its score is %g", i, score[i]);
        parts->count[part_of(student_correct[i], teacher_correct[i])]++;
    }
    uint64_t *room = parts->memory = malloc((n + PARTS) * sizeof *room);
    if (!room)
        return ebjr_error_memory();
    for (int p = 0; p < PARTS; p++) {
        next[p] = parts->keys[p] = room;
        room += parts->count[p] + 1;
    }
    for (size_t i = 0; i < n; i++)
        *next[part_of(student_correct[i], teacher_correct[i])]++ = ebjr_key_of(score[i]);
    for (int p = 0; p < PARTS; p++)
        *next[p] = AFTER_ALL;
    return 0;
}

/*
 * A point for every distinct key, in order, after one for none. Returns their number. A step takes
 * from each part one sample of the smallest key; the point of a group of ties is written anew until
 * all of it is taken.
 */
static size_t merge(struct ebjr_point *points, const struct parts *parts)
{
    const uint64_t *at[PARTS] = {parts->keys[NEUTRAL], parts->keys[HARM], parts->keys[HELP]};
    uint64_t last = AFTER_ALL;
    size_t count = 1;
    points[0] = (struct ebjr_point){.threshold = INFINITY};
    while (true) {
        uint64_t key = *at[NEUTRAL];
        key = *at[HARM] < key ? *at[HARM] : key;
        key = *at[HELP] < key ? *at[HELP] : key;
        if (key == AFTER_ALL)
            return count;
        for (int p = 0; p < PARTS; p++)
            at[p] += *at[p] == key;
        count += key != last;
        last = key;
        int64_t harm = at[HARM] - parts->keys[HARM], help = at[HELP] - parts->keys[HELP];
        points[count - 1] =
            (struct ebjr_point){.threshold = ebjr_key_score(key),
                                .student = at[NEUTRAL] - parts->keys[NEUTRAL] + harm + help,
                                .harm = harm,
                                .help = help};
    }
}

/* Before the points are written, their room serves the sort. */
static void fill(struct ebjr_curve *curve, struct parts *parts)
{
    for (int p = 0; p < PARTS; p++)
        ebjr_key_sort(parts->keys[p], (uint64_t *)curve->points, parts->count[p]);
    curve->count = merge(curve->points, parts);
    struct ebjr_point *fitted = realloc(curve->points, curve->count * sizeof *fitted);
    curve->points = fitted ? fitted : curve->points;
}

int ebjr_sweep(struct ebjr_curve *out, const double *score, const uint8_t *student_correct,
               const uint8_t *teacher_correct, size_t n)
{
    struct parts parts = {0};
    *out = (struct ebjr_curve){.n = (int64_t)n};
    if (n == 0)
        return ebjr_error_set(EBJR_EINVAL, "there are no samples to sweep over");
    int status = part(&parts, score, student_correct, teacher_correct, n);
    if (!status && !(out->points = malloc((n + 1) * sizeof *out->points)))
        status = ebjr_error_memory();
    if (!status) {
        fill(out, &parts);
        for (size_t i = 0; i < n; i++)
            out->student_correct += student_correct[i] != 0;
        out->teacher_correct =
            out->student_correct + (int64_t)parts.count[HARM] - (int64_t)parts.count[HELP];
    }
    free(parts.memory);
    return status;
}

void ebjr_curve_free(struct ebjr_curve *curve)
{
    free(curve->points);
    curve->points = NULL;
    curve->count = 0;
}

void ebjr_sweep_at(struct ebjr_point *out, double threshold, const double *score,
                   const uint8_t *student_correct, const uint8_t *teacher_correct, size_t n)
{
    *out = (struct ebjr_point){.threshold = threshold};
    for (size_t i = 0; i < n; i++) {
        if (!(score[i] >= threshold))
            continue;
        int p = part_of(student_correct[i], teacher_correct[i]);
        out->student++;
        out->harm += p == HARM;
        out->help += p == HELP;
    }
}

double ebjr_point_share(const struct ebjr_curve *curve, const struct ebjr_point *point)
{
    return (double)point->student / (double)curve->n;
}

double ebjr_point_accuracy(const struct ebjr_curve *curve, const struct ebjr_point *point)
{
    return (double)(curve->teacher_correct + point->help - point->harm) / (double)curve->n;
}

double ebjr_point_cost(const struct ebjr_curve *curve, const struct ebjr_point *point,
                       double student_cost, double teacher_cost)
{
    return student_cost + (double)(curve->n - point->student) / (double)curve->n * teacher_cost;
}
