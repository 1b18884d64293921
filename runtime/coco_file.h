/*
 * COCO's JSON: an `instances` file (images, annotations, categories) and a results file (a list of
 * detections: image_id, category_id, bbox [x, y, width, height], score), each read an element at a
 * time, so that memory holds what is kept and no tree of the file. Keys that are not needed are
 * passed over. A detection may have "logits", a list as long in all of them: the class logits that
 * its score comes from.
 *
 * Source: cocodataset.org/#format-data and #format-results.
 */
#ifndef EBJR_RUNTIME_COCO_FILE_H
#define EBJR_RUNTIME_COCO_FILE_H

#include "db/class_name.h"
#include "db/detection.h"
#include "db/truth.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Images by number; objects in their order. The caller frees both. Errors: EBJR_ENOTFOUND,
 * EBJR_EIO; EBJR_EFORMAT no such file, with the place in it and what is wrong: an image that comes
 * twice, an annotation of an image or category that is not there, a box that is none, a number out
 * of range.
 */
int ebjr_coco_truth_read(struct ebjr_stored_truth *out, struct ebjr_class_names *names,
                         const char *path);

/* In the order of images, then as they stand in the file. The caller frees. Errors: the same;
 * EBJR_EFORMAT an image that the truth does not have. */
int ebjr_coco_detections_read(struct ebjr_stored_detections *out, const char *path,
                              const struct ebjr_stored_truth *truth);

#ifdef __cplusplus
}
#endif
#endif
