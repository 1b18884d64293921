/*
 * The truth of a detection data set: its images and the objects in them, stored before any run over
 * it. Such a data set has the kind "coco"; its labels are none, and the names of its categories are
 * class names (class_name.h).
 *
 * Its SHA-256 is over, in little-endian order:
 *   images i64, objects i64;
 *   of each image: number i64, width i64, height i64 (EBJR_UNKNOWN where it is), length of the name
 *   of its file i64, the name's bytes;
 *   of each object, in the order of images, then as they came: image i64, category i64, x f64, y
 * f64, width f64, height f64, area f64, crowd u8. A coordinate of -0 is 0.
 */
#ifndef EBJR_DB_TRUTH_H
#define EBJR_DB_TRUTH_H

#include "base/detection.h"
#include "db/stored.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EBJR_COCO_KIND "coco"

struct ebjr_image {
    int64_t number;        /* COCO's image id */
    int64_t width, height; /* pixels; EBJR_UNKNOWN */
    char file[256];        /* "": unknown */
};

struct ebjr_stored_truth {
    struct ebjr_image *images; /* [truth.images] */
    struct ebjr_object *objects;
    struct ebjr_truth truth; /* of `objects`, in the order of images; categories: the largest
                                category of an object or of a name, and one */
};
void ebjr_stored_truth_free(struct ebjr_stored_truth *truth);

/* Errors: EBJR_EFORMAT objects that are not in the order of images, of an image that there is not,
 * of a category from EBJR_CLASS_NAMES on, or with a number that is not finite. */
int ebjr_truth_hash(char out[EBJR_HASH_TEXT], const struct ebjr_stored_truth *truth);

/*
 * ebjr_stored_dataset_put, and where the data set is new, its images and objects in the same
 * transaction. Sets dataset->kind, sha256 and samples (images). Errors: those of
 * ebjr_stored_dataset_put and ebjr_truth_hash.
 */
int ebjr_truth_put(ebjr_store *store, struct ebjr_stored_dataset *dataset,
                   const struct ebjr_stored_truth *truth);

/* The caller frees *out. Errors: EBJR_EINVAL the data set is not of detection; EBJR_ESTORE the
 * images, objects or class names are not those that were put. */
int ebjr_truth_read(struct ebjr_stored_truth *out, ebjr_store *store,
                    const struct ebjr_stored_dataset *dataset);

#ifdef __cplusplus
}
#endif
#endif
