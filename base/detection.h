/* Objects in images, and what a detector says of them. */
#ifndef EBJR_BASE_DETECTION_H
#define EBJR_BASE_DETECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_box {
    double x, y, width, height; /* pixels; x, y: the corner of the smallest */
};

struct ebjr_object {
    uint32_t image;    /* 0 .. images-1, the order of the data set */
    uint32_t category; /* 0 .. categories-1; COCO's category_id, of which some are never used */
    struct ebjr_box box;
    double area; /* of its mask, square pixels; it need not be that of the box */
    bool crowd;
};

struct ebjr_detection {
    uint32_t image, category;
    struct ebjr_box box;
    double score; /* finite */
};

/* Of one model on all images, or on some. */
struct ebjr_detections {
    const struct ebjr_detection *items; /* [count] */
    size_t count;
    const float *logits; /* [count, classes], of each detection; NULL: it has none */
    size_t classes;
};

struct ebjr_truth {
    size_t images, categories;
    const struct ebjr_object *objects; /* [count] */
    size_t count;
};

#ifdef __cplusplus
}
#endif
#endif
