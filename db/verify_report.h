/* Verify: what the files that look through a store share: where its faults go. */
#ifndef EBJR_DB_VERIFY_REPORT_H
#define EBJR_DB_VERIFY_REPORT_H

#include "db/verify.h"

struct ebjr_verify_report {
    const struct ebjr_verify *verify;
    struct ebjr_verify_totals *totals;
    const char *noun; /* of the record that is looked at */
};

void ebjr_verify_fault(struct ebjr_verify_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The rows of one run, of outputs or detections: chunks cover them without gaps, each as it was
 * written. */
int ebjr_verify_run(ebjr_store *store, struct ebjr_verify_report *report,
                    const struct ebjr_stored_run *run);

#endif
