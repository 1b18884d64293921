/* The run of a detector over a COCO data set, from where the store stands to the end. */
#ifndef EBJR_RUNTIME_DETECT_H
#define EBJR_RUNTIME_DETECT_H

#include "runtime/coco_pictures.h"
#include "runtime/detector.h"
#include "runtime/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many logits the detector returns with each detection, 0 for none, as the first picture shows.
 * Errors: those of the picture and the detector, with the image. */
int ebjr_detect_classes(int64_t *out, ebjr_detector *detector, const ebjr_coco_pictures *pictures);

/*
 * ebjr_run_fill, of a detector: executes the images that the run still lacks and appends what it
 * finds, in its order. options->batch does not matter. Errors: those of pictures and detector, with
 * the image; EBJR_EMODEL another number of logits than run->classes; those of the store;
 * EBJR_EINTERRUPTED. On every error, what was found before it is committed.
 */
int ebjr_detect_fill(ebjr_store *store, struct ebjr_stored_run *run, ebjr_detector *detector,
                     ebjr_coco_pictures *pictures, const struct ebjr_run_options *options,
                     struct ebjr_run_times *times);

#ifdef __cplusplus
}
#endif
#endif
