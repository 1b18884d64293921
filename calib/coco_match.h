/* Matching detections with objects, one image and category at a time. */
#ifndef EBJR_CALIB_COCO_MATCH_H
#define EBJR_CALIB_COCO_MATCH_H

#include "calib/coco.h"

enum {
    EBJR_COCO_OVERLAPS = 10, /* t */
    EBJR_COCO_AREAS = 4,     /* all, small, medium, large */
    EBJR_COCO_MOST = 100     /* detections of an image and category */
};

/* Bit t: at the t-th overlap the detection is right, and is counted at all (right or wrong). */
struct ebjr_coco_match {
    uint16_t right[EBJR_COCO_AREAS], counted[EBJR_COCO_AREAS];
};

/* Memory to match in, grown as it is needed; zero it first, then free it. */
struct ebjr_coco_room {
    double *overlap;
    size_t *order;
    uint8_t *flags;
    size_t overlaps, objects;
};
void ebjr_coco_room_free(struct ebjr_coco_room *room);

/* Whether an object counts in an area range: it is no crowd, and not outside. */
bool ebjr_coco_is_wanted(const struct ebjr_object *object, int area);

/* out[detections] of detections by descending score, of the image and category of the objects.
 * Errors: EBJR_ENOMEM. */
int ebjr_coco_match(struct ebjr_coco_match *out, const struct ebjr_detection *const *detections,
                    size_t detection_count, const struct ebjr_object *const *objects,
                    size_t object_count, struct ebjr_coco_room *room);

#endif
