#include "calib/coco_sweep.h"

#include "base/error.h"

#include <gsl/gsl_sort.h>
#include <stdlib.h>

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
    for (size_t i = 0; i < n; i++)
        ebjr_coco_move(coco, i, false);
    free(ascending);
    return 0;
}
