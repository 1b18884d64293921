#include "calib/sweep.h"

#include "base/error.h"
#include "calib/order.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * Only harm and help move the count of right answers; where both models are right or both wrong, a
 * sample is neutral. So the keys are parted into three arrays, each is sorted without anything
 * attached to it, and a merge counts how many of each come before a threshold.
 */
enum { NEUTRAL, HARM, HELP, PARTS };

struct parts {
    uint64_t *keys[PARTS];
    size_t count[PARTS];
    uint64_t *memory; /* [n] keys, then [n] scratch */
};

static int part_of(uint8_t student_correct, uint8_t teacher_correct)
{
    if (!student_correct == !teacher_correct)
        return NEUTRAL;
    return student_correct ? HELP : HARM;
}

static int part(struct parts *parts, const double *score, const uint8_t *student_correct,
                const uint8_t *teacher_correct, size_t n)
{
    size_t used[PARTS] = {0};
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(score[i]))
            return ebjr_error_set(EBJR_EINVAL, "sample %zu: its score is %g", i, score[i]);
        parts->count[part_of(student_correct[i], teacher_correct[i])]++;
    }
    uint64_t *next = parts->memory;
    for (int p = 0; p < PARTS; p++) {
        parts->keys[p] = next;
        next += parts->count[p];
    }
    for (size_t i = 0; i < n; i++) {
        int p = part_of(student_correct[i], teacher_correct[i]);
        parts->keys[p][used[p]++] = ebjr_key_of(score[i]);
    }
    for (int p = 0; p < PARTS; p++)
        ebjr_key_sort(parts->keys[p], parts->memory + n, parts->count[p]);
    return 0;
}

/* Calls for every distinct key, in order, with how many keys of each part are at or before it.
 * points = NULL only counts. Returns the number of points. */
static size_t merge(struct ebjr_point *points, const struct parts *parts)
{
    size_t taken[PARTS] = {0}, count = 0;
    if (points)
        points[0] = (struct ebjr_point){.threshold = INFINITY};
    count++;
    while (true) {
        uint64_t key = UINT64_MAX;
        bool found = false;
        for (int p = 0; p < PARTS; p++) {
            if (taken[p] < parts->count[p] && parts->keys[p][taken[p]] <= key) {
                key = parts->keys[p][taken[p]];
                found = true;
            }
        }
        if (!found)
            return count;
        for (int p = 0; p < PARTS; p++)
            while (taken[p] < parts->count[p] && parts->keys[p][taken[p]] == key)
                taken[p]++;
        if (points)
            points[count] = (struct ebjr_point){
                .threshold = ebjr_key_score(key),
                .student = (int64_t)(taken[NEUTRAL] + taken[HARM] + taken[HELP]),
                .harm = (int64_t)taken[HARM],
                .help = (int64_t)taken[HELP]};
        count++;
    }
}

int ebjr_sweep(struct ebjr_curve *out, const double *score, const uint8_t *student_correct,
               const uint8_t *teacher_correct, size_t n)
{
    struct parts parts = {0};
    *out = (struct ebjr_curve){.n = (int64_t)n};
    if (n == 0)
        return ebjr_error_set(EBJR_EINVAL, "there are no samples to sweep over");
    parts.memory = malloc(2 * n * sizeof *parts.memory);
    if (!parts.memory)
        return ebjr_error_memory();
    int status = part(&parts, score, student_correct, teacher_correct, n);
    if (!status) {
        out->count = merge(NULL, &parts);
        out->points = malloc(out->count * sizeof *out->points);
        if (!out->points)
            status = ebjr_error_memory();
        else
            merge(out->points, &parts);
    }
    free(parts.memory);
    for (size_t i = 0; !status && i < n; i++) {
        out->student_correct += student_correct[i] != 0;
        out->teacher_correct += teacher_correct[i] != 0;
    }
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
