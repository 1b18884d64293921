/* What a sample is to a sweep; sweep.c and sorter.c share it. */
#ifndef EBJR_CALIB_SWEEP_PART_H
#define EBJR_CALIB_SWEEP_PART_H

#include <stdint.h>

/*
 * Only harm and help move the count of right answers; where both models are right or both wrong, a
 * sample is neutral. So keys are parted into three arrays, each is sorted without anything
 * attached to it, and a merge counts how many of each come before a threshold. Branches on what a
 * sample is cannot be predicted and cost more than all else in a sweep, so there are none.
 */
enum { NEUTRAL, HARM, HELP, PARTS };

/* No score has this key: it is a NaN's. */
static const uint64_t AFTER_ALL = UINT64_MAX;

static inline int part_of(uint8_t student_correct, uint8_t teacher_correct)
{
    int s = student_correct != 0, t = teacher_correct != 0;
    return (t & ~s) * HARM + (s & ~t) * HELP;
}

#endif
