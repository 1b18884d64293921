/* What ebjr run has in the place of a data set of labelled samples, where models are detectors: the
 * truth of COCO's JSON, and its pictures. */
#ifndef EBJR_CLI_RUN_DETECTION_H
#define EBJR_CLI_RUN_DETECTION_H

#include "cli/live.h"
#include "db/truth.h"
#include "runtime/coco_pictures.h"

struct run_detection {
    struct ebjr_stored_truth truth;
    struct ebjr_class_names names;
    ebjr_coco_pictures *pictures;
};

/* Is it a data set of this kind? */
bool run_detection_is_asked(const struct live_request *request);

/* live_open, with the truth for a data set and the pictures in the directory `images`. The caller
 * closes both, also after a failure. Errors: EBJR_EINVAL options that detectors do not have; those
 * of the file and the pictures. */
int run_detection_open(struct run_detection *out, struct live *live,
                       const struct live_request *request, const char *images);
void run_detection_close(struct run_detection *detection);

/* Puts the truth into a store, and the names of categories where it has none. */
int run_detection_put_dataset(const struct run_detection *detection, struct live *live,
                              ebjr_store *store);

/* How a detector is executed where its run has not begun: as asked, else as loaded. */
struct ebjr_plan run_detection_plan(const struct live *live);

#endif
