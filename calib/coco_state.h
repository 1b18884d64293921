/* The detections of both models as counting needs them; made by coco_make.c. */
#ifndef EBJR_CALIB_COCO_STATE_H
#define EBJR_CALIB_COCO_STATE_H

#include "calib/coco_match.h"

/* What is counted at a time: objects of an area range, with so many detections an image. */
enum { EBJR_COCO_SETTINGS = 6, EBJR_COCO_ALL_STALE = (1 << EBJR_COCO_SETTINGS) - 1 };

/* A detection that is right at some overlap, or is counted at some and not at others. */
struct ebjr_coco_special {
    uint32_t at;   /* its place in the category, by descending score */
    uint16_t rank; /* within its image and category */
    uint16_t right, counted;
};

struct ebjr_coco_area {
    uint64_t *plain; /* bit: the detection there is counted at all overlaps and right at none */
    struct ebjr_coco_special *specials;
    size_t special_count;
    uint32_t wanted; /* objects */
};

struct ebjr_coco_counts {
    double precision[EBJR_COCO_OVERLAPS]; /* average */
    double recall[EBJR_COCO_OVERLAPS];
};

/* Detections of both models, by descending score, then in the order of images. */
struct ebjr_coco_category {
    uint64_t *active; /* bit: of the model that answers its image */
    struct ebjr_coco_area areas[EBJR_COCO_AREAS];
    unsigned stale; /* bit: of a setting whose counts are not today's */
    struct ebjr_coco_counts counts[EBJR_COCO_SETTINGS];
};

struct ebjr_coco_place {
    uint32_t category, at;
};

struct ebjr_coco {
    size_t images, category_count;
    struct ebjr_coco_category *categories;
    bool *student;                   /* [images] does the student answer it? */
    struct ebjr_coco_place *places;  /* of an image's detections by either model: those from */
    size_t *place_first, *place_end; /* [images] place_first[i] on, before place_end[i] */
    uint64_t *bits;                  /* what active and plain point into */
    struct ebjr_coco_special *specials;
    size_t word_count, special_count; /* of both, in use */
    double *precision;                /* room of [overlaps][most_wanted] */
    size_t most_wanted;
};

#endif
