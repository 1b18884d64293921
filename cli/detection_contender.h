/* Detectors in a comparison: accuracy is AP, "mAP" in tables of published results. */
#ifndef EBJR_CLI_DETECTION_CONTENDER_H
#define EBJR_CLI_DETECTION_CONTENDER_H

#include "cli/contender.h"
#include "cli/detection.h"

/* Of a cascade that cascade_find found. score: NULL or "auto" is the one of the largest area on
 * these images; threshold: NaN, or the operating point. Freed by contender_free, also after an
 * error. Errors: EBJR_EINVAL FLOPs are unknown; those of the store, of the bootstrap. */
int contender_of_detectors(struct contender *out, struct cascade *cascade, const char *score,
                           double threshold, const struct ebjr_bootstrap *options);

/* Of one detector alone, which was found as a cascade of itself. */
int contender_of_detector(struct contender *out, struct cascade *cascade,
                          const struct ebjr_bootstrap *options);

#endif
