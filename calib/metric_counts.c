#include "calib/metric_counts.h"

#include "base/error.h"

#include <stdlib.h>

static void add(struct ebjr_class_counts *counts, const struct ebjr_answers *answers, size_t sample,
                int64_t one)
{
    int32_t answer = answers->prediction[sample];
    if (answer < 0)
        return;
    counts->predicted[answer] += one;
    counts->right[answer] += answer == counts->samples->label[sample] ? one : 0;
}

int ebjr_metric_counts_open(void **state, const struct ebjr_metric *self,
                            const struct ebjr_labelled *samples)
{
    (void)self;
    struct ebjr_class_counts *counts = malloc(sizeof *counts);
    int64_t *room = calloc(samples->classes, 3 * sizeof *room);
    if (!counts || !room) {
        free(counts);
        free(room);
        return ebjr_error_memory();
    }
    *counts = (struct ebjr_class_counts){samples, room, room + samples->classes,
                                         room + 2 * samples->classes};
    for (size_t i = 0; i < samples->n; i++) {
        counts->support[samples->label[i]]++;
        add(counts, &samples->teacher, i, 1);
    }
    *state = counts;
    return 0;
}

void ebjr_metric_counts_move(void *state, size_t sample)
{
    struct ebjr_class_counts *counts = state;
    add(counts, &counts->samples->teacher, sample, -1);
    add(counts, &counts->samples->student, sample, 1);
}

void ebjr_metric_counts_close(void *state)
{
    struct ebjr_class_counts *counts = state;
    free(counts->support);
    free(counts);
}
