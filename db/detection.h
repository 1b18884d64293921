/*
 * Detections: what a run of a detector stores in the place of outputs, any number of rows an image.
 * They are appended in the order of images, a chunk a transaction; run->classes is the number of
 * logits that each has, 0 for none.
 *
 * A chunk's SHA-256 is over its rows, each laid out in little-endian order as
 *   image i64, category i64, x f64, y f64, width f64, height f64, score f64, logits f32[classes];
 * a coordinate or score of -0 is 0.
 */
#ifndef EBJR_DB_DETECTION_H
#define EBJR_DB_DETECTION_H

#include "base/detection.h"
#include "db/stored.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Appends the detections of images run->first+run->done .. of the data set, as many as `images`, in
 * one durable transaction, and moves run->done. Detections are in the order of images, and of those
 * images only. Errors: EBJR_EINVAL they are not, or their logits are not as many as run->classes,
 * or a number is not finite, or a category is from EBJR_CLASS_NAMES on, or the run is not of a
 * detector; EBJR_EBUSY another process has moved the run on; EBJR_EIO.
 */
int ebjr_detection_append(ebjr_store *store, struct ebjr_stored_run *run,
                          const struct ebjr_detections *detections, int64_t images);

struct ebjr_stored_detections {
    struct ebjr_detection *items;
    float *logits;
    struct ebjr_detections detections; /* of both */
};
void ebjr_stored_detections_free(struct ebjr_stored_detections *detections);

/* All of a run, in the order of images, then as they came; logits only where `logits` says so and
 * the run has any. The caller frees *out. Errors: EBJR_EINVAL the run is not of a detector;
 * EBJR_ESTORE a row that is missing between others, is not one of ours, or has the wrong number
 * of logits; ebjr_verify_store finds all that was changed. */
int ebjr_detection_read(struct ebjr_stored_detections *out, ebjr_store *store,
                        const struct ebjr_stored_run *run, bool logits);

#ifdef __cplusplus
}
#endif
#endif
