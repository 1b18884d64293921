/* The parts of a data set: tuning samples fit, calibration samples choose a threshold, test samples
 * only check. */
#ifndef EBJR_CLI_PARTS_H
#define EBJR_CLI_PARTS_H

#include "calib/pick.h"
#include "cli/cascade.h"
#include "cli/class_mix.h"

enum { TUNING, CALIBRATION, TEST, PARTS };

/* The samples of one part, copied together. */
struct part {
    struct ebjr_samples samples; /* points into what follows */
    double *score, *student_latency, *teacher_latency;
    uint8_t *student, *teacher, *alone;
};

struct parts {
    double fraction[PARTS];
    int64_t seed;
    const struct class_mix *mix; /* NULL: the samples as they are */
    uint8_t *mask[PARTS];        /* [n] 1 where a sample belongs to the part */
    struct part part[PARTS];
};

/* Fills the masks from fraction and seed, stratified by label. Errors: EBJR_EINVAL, EBJR_ENOMEM. */
int parts_split(struct parts *parts, const struct cascade *cascade);

/* Copies the samples of each part. deferred[n]: is the answer to a deferred sample right? joint: it
 * is not the teacher's alone. */
int parts_fill(struct parts *parts, const struct cascade *cascade, const double *score,
               const uint8_t *deferred, bool joint);

/* All samples of a cascade as one part: of another data set, for a test. */
int part_fill(struct part *part, const struct cascade *cascade, const double *score,
              const uint8_t *deferred, bool joint);
void part_free(struct part *part);

void parts_free(struct parts *parts);

#endif
