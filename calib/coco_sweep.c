#include "calib/coco_sweep.h"

#include "base/error.h"
#include "calib/coco_state.h"

#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>

int ebjr_coco_points(struct ebjr_curve *out, const double *score, size_t images)
{
    uint8_t *wrong = calloc(images + 1, 1);
    int status = wrong ? ebjr_sweep(out, score, wrong, wrong, images) : ebjr_error_memory();
    free(wrong);
    return status;
}

void ebjr_coco_move_to(ebjr_coco *coco, const double *score, double threshold)
{
    for (size_t i = 0; i < coco->images; i++)
        ebjr_coco_move(coco, i, score[i] >= threshold);
}

int ebjr_coco_sweep(double *values, ebjr_coco *coco, const enum ebjr_coco_figure *figures,
                    size_t count, const struct ebjr_curve *curve, const double *score)
{
    size_t n = (size_t)curve->n, left = n, *ascending = malloc(n * sizeof *ascending);
    if (!ascending)
        return ebjr_error_memory();
    gsl_sort_index(ascending, score, 1, n);
    for (size_t k = 0; k < curve->count; k++) {
        while (left > 0 && score[ascending[left - 1]] >= curve->points[k].threshold)
            ebjr_coco_move(coco, ascending[--left], true);
        for (size_t f = 0; f < count; f++)
            values[f * curve->count + k] = ebjr_coco_figure(coco, figures[f]);
    }
    ebjr_coco_move_to(coco, score, INFINITY);
    free(ascending);
    return 0;
}
