/*
 * The sweep of samples that memory does not hold: the same points as ebjr_sweep's, to the bit, one
 * after another instead of in an array.
 *
 * Samples are taken one by one. As many as fit are a run: their keys (order.h) are sorted and
 * written to a temporary file. Then the runs are merged: of each as much is read as fits, all that
 * comes before the first key that may still be missing is gathered and sorted, and points are
 * counted off it. Where all samples fit there is no file.
 *
 * In m bytes of memory a run has m / 17 samples; 8 bytes a sample go to the file, once. The memory
 * must hold 5 keys of each part of each run, in three places, so that m bytes sort
 * m^2 / (17 * 360) samples: 1 MiB 10^8, 64 MiB 7 * 10^11.
 */
#ifndef EBJR_CALIB_SORTER_H
#define EBJR_CALIB_SORTER_H

#include "calib/sweep.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ebjr_sorter ebjr_sorter;

/* For up to `most` samples in about `memory` bytes; the file is made in a directory as ebjr_spill's
 * (base/spill.h), NULL: TMPDIR. The caller owns *out. Errors: EBJR_EINVAL memory in which so many
 * cannot be sorted; EBJR_ENOMEM. */
int ebjr_sorter_new(ebjr_sorter **out, size_t most, size_t memory, const char *directory);
void ebjr_sorter_free(ebjr_sorter *sorter);

/* Before the first ebjr_sorter_begin. Errors: EBJR_EINVAL a score that is not finite, or more
 * samples than were told; EBJR_EIO the file, a full disk among it. */
int ebjr_sorter_add(ebjr_sorter *sorter, double score, uint8_t student_correct,
                    uint8_t teacher_correct);

/* All counts of the samples taken, without points. */
void ebjr_sorter_totals(struct ebjr_curve *out, const ebjr_sorter *sorter);

/* The next point is the first one, that of +inf; may be called again and again. Errors: EBJR_EINVAL
 * there are no samples; EBJR_EIO, EBJR_ENOMEM. */
int ebjr_sorter_begin(ebjr_sorter *sorter);

/* 1: *out is the next point; 0: there are no more. Errors: EBJR_EIO. */
int ebjr_sorter_next(struct ebjr_point *out, ebjr_sorter *sorter);

/* What ebjr_sweep_at counts. Begins anew. */
int ebjr_sorter_at(struct ebjr_point *out, double threshold, ebjr_sorter *sorter);

/* What ebjr_deferral_area (summary.h) finds of the samples. All sums are whole halves: the same
 * bits up to 6 * 10^7 samples, and beyond without the rounding of the sums. Begins anew. */
int ebjr_sorter_deferral_area(double *out, ebjr_sorter *sorter);

#ifdef __cplusplus
}
#endif
#endif
