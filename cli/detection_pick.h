/* ebjr pick of a cascade of detectors. */
#ifndef EBJR_CLI_DETECTION_PICK_H
#define EBJR_CLI_DETECTION_PICK_H

#include "cli/detection.h"
#include "cli/pick.h"

int detection_pick(bool *feasible, const struct pick_request *request);

#endif
