/* Verify: does the store still hold what was written into it? */
#ifndef EBJR_DB_VERIFY_H
#define EBJR_DB_VERIFY_H

#include "db/output.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_verify {
    void *context;
    /* A sentence for each thing found wrong. */
    void (*found)(void *context, const char *what);
    /* Recomputes prediction, correct, top5_correct and both energies of a row of `run` from its
     * logits and its label: the arithmetic lives where the models run, not here. */
    int (*derive)(struct ebjr_output *row, const struct ebjr_stored_run *run);
};

struct ebjr_verify_totals {
    int64_t models, datasets, runs, rows, measurements, trials, faults;
};

/*
 * Checks SQLite's own integrity, every seal, that no record is missing, the SHA-256 of every chunk
 * and measurement, of images and objects and of class names, that chunks cover each run without
 * gaps, that searches of plans are whole, and derived columns (energies to 1e-12). Returns 0 when
 * it could look at everything: *totals then says how many faults there were. Errors: EBJR_ESTORE,
 * EBJR_EIO it could not.
 */
int ebjr_verify_store(struct ebjr_verify_totals *totals, ebjr_store *store,
                      const struct ebjr_verify *verify);

#ifdef __cplusplus
}
#endif
#endif
