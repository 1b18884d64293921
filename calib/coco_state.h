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

/* An object that is no crowd. */
struct ebjr_coco_object {
    uint32_t image;
    uint32_t areas; /* bit: it is wanted in that area range */
};

struct ebjr_coco_counts {
    int64_t wanted;                       /* objects; 0: the rest means nothing */
    double precision[EBJR_COCO_OVERLAPS]; /* average */
    double recall[EBJR_COCO_OVERLAPS];
};

/* Detections of both models, by descending score, then in the order of images. */
struct ebjr_coco_category {
    uint64_t *active;  /* bit: of the model that answers its image */
    uint64_t *teacher; /* bit: the teacher's */
    uint64_t *tied;    /* bit: of the image, model and score of the one before it */
    uint32_t *image;   /* of each */
    const struct ebjr_coco_object *objects;
    size_t object_count;
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
    /* What categories point into, and how much of it is in use: */
    uint64_t *bits;
    struct ebjr_coco_special *specials;
    uint32_t *image;
    struct ebjr_coco_object *objects;
    size_t word_count, special_count, detection_count, object_count;
};

/*
 * The counts of a setting at the overlaps whose bits are given, of the detections that are active,
 * with image i counted weight[i] times (NULL: once). Average precision means something only where
 * a setting takes all detections of an image.
 */
void ebjr_coco_count(struct ebjr_coco_counts *out, const struct ebjr_coco_category *category,
                     int setting, unsigned overlaps, const uint64_t *active,
                     const uint32_t *weight);

/* Errors: EBJR_EINVAL what cannot be matched (coco.h). */
int ebjr_coco_check(const struct ebjr_truth *truth, const struct ebjr_detections *student,
                    const struct ebjr_detections *teacher);

#endif
