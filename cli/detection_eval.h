/* What ebjr eval prints of a cascade of detectors. */
#ifndef EBJR_CLI_DETECTION_EVAL_H
#define EBJR_CLI_DETECTION_EVAL_H

#include "cli/detection.h"

/* COCO's twelve figures at one threshold, AP and its drop with 95 % intervals. */
int detection_eval_print(struct cascade *cascade, const char *score, double threshold,
                         struct output output);

/* The same figures of both models alone, a row each. */
int detection_print_models(const struct detection *detection, struct output output);

#endif
