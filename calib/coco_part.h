/* Some of the images, with all that is in them. */
#ifndef EBJR_CALIB_COCO_PART_H
#define EBJR_CALIB_COCO_PART_H

#include "calib/coco.h"

struct ebjr_coco_images {
    struct ebjr_truth truth;
    struct ebjr_detections student, teacher;
    const double *score; /* [truth.images] */
};

/* Copies the images with part[i] = which, numbered anew in their order. Free it after a failure
 * too. Errors: EBJR_ENOMEM. */
int ebjr_coco_part(struct ebjr_coco_images *out, const struct ebjr_coco_images *all,
                   const int8_t *part, int8_t which);
void ebjr_coco_part_free(struct ebjr_coco_images *part);

#endif
