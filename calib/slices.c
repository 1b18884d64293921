#include "calib/slices.h"

#include "base/error.h"
#include "calib/binomial.h"
#include "calib/order.h"

#include <stdlib.h>

/* A sample as a number: its group, above what happened to it. Sorted, each group is one run. */
enum { TEACHER_RIGHT = 1, STUDENT_RIGHT = 2, KEPT = 4, OUTCOMES = 8 };

static uint64_t key_of(int32_t group, uint8_t keep, uint8_t student, uint8_t teacher)
{
    return (uint64_t)group * OUTCOMES + (keep ? KEPT : 0) + (student ? STUDENT_RIGHT : 0) +
           (teacher ? TEACHER_RIGHT : 0);
}

static int32_t group_of(uint64_t key)
{
    return (int32_t)(key / OUTCOMES);
}

/* alpha: that an interval may miss, half of it on either side. */
static struct ebjr_interval proportion(int64_t k, int64_t n, double alpha)
{
    return (struct ebjr_interval){.estimate = (double)k / (double)n,
                                  .low = ebjr_binomial_lower(k, n, alpha / 2),
                                  .high = ebjr_binomial_upper(k, n, alpha / 2)};
}

static struct ebjr_slice slice_of(int32_t group, const int64_t *seen, double alpha)
{
    int64_t n = 0, kept = 0;
    for (int outcome = 0; outcome < OUTCOMES; outcome++) {
        n += seen[outcome];
        kept += outcome & KEPT ? seen[outcome] : 0;
    }
    int64_t harm = seen[KEPT | TEACHER_RIGHT], help = seen[KEPT | STUDENT_RIGHT];
    int64_t both = seen[KEPT | STUDENT_RIGHT | TEACHER_RIGHT];
    int64_t teacher = seen[TEACHER_RIGHT] + seen[STUDENT_RIGHT | TEACHER_RIGHT];
    return (struct ebjr_slice){.group = group,
                               .n = n,
                               .student_count = kept,
                               .accuracy = proportion(help + both + teacher, n, alpha),
                               .harm = proportion(harm, n, alpha),
                               .help = proportion(help, n, alpha),
                               .teacher_rate = proportion(n - kept, n, alpha)};
}

int ebjr_slices(struct ebjr_slice **out, size_t *count, const int32_t *group, const uint8_t *keep,
                const uint8_t *student_correct, const uint8_t *teacher_correct, size_t n,
                double delta)
{
    *out = NULL;
    *count = 0;
    if (n == 0)
        return ebjr_error_set(EBJR_EINVAL, "there are no samples to slice");
    if (!(delta > 0 && delta < 1))
        return ebjr_error_set(EBJR_EINVAL, "a delta of %g, where 0 < delta < 1 is expected", delta);
    uint64_t *keys = malloc(2 * n * sizeof *keys);
    if (!keys)
        return ebjr_error_memory();
    for (size_t i = 0; i < n; i++) {
        if (group[i] < 0) {
            free(keys);
            return ebjr_error_set(EBJR_EINVAL, "sample %zu: its group is %ld", i, (long)group[i]);
        }
        keys[i] = key_of(group[i], keep[i], student_correct[i], teacher_correct[i]);
    }
    ebjr_key_sort(keys, keys + n, n);
    size_t slices = 1;
    for (size_t i = 1; i < n; i++)
        slices += group_of(keys[i]) != group_of(keys[i - 1]);
    *out = malloc(slices * sizeof **out);
    if (!*out) {
        free(keys);
        return ebjr_error_memory();
    }
    for (size_t i = 0; i < n;) {
        int32_t here = group_of(keys[i]);
        int64_t seen[OUTCOMES] = {0};
        for (; i < n && group_of(keys[i]) == here; i++)
            seen[keys[i] % OUTCOMES]++;
        (*out)[(*count)++] = slice_of(here, seen, delta / (4 * (double)slices));
    }
    free(keys);
    return 0;
}
