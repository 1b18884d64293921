/* The latencies of a cascade's models, as the store has them. */
#ifndef EBJR_CLI_CASCADE_LATENCY_H
#define EBJR_CLI_CASCADE_LATENCY_H

#include "calib/measured.h"
#include "cli/cascade.h"

/* is_timed, and which measurements they are. Errors: EBJR_ESTORE. */
int cascade_find_latencies(struct cascade *out, ebjr_store *store);

/* Fills student_latency and teacher_latency where both are stored. Errors: EBJR_ESTORE. */
int cascade_read_latencies(struct cascade *out, ebjr_store *store);

/* Says where samples share latencies, and where the two models were not measured alike. */
void cascade_note_latencies(const struct cascade *cascade, const struct note_target *target);
void cascade_warn_of_latencies(const struct cascade *cascade);

/* latency[n] of the cascade at a threshold: S_i where the student answers, else S_i + T_i. Wants
 * stored latencies. */
void cascade_latencies(double *latency, const struct cascade *cascade, const double *scores,
                       double threshold);

/* All latencies of a measurement; the caller frees *ns and, unless it is NULL, *sample. */
int measurement_read(int64_t **ns, int64_t **sample, ebjr_store *store,
                     const struct ebjr_stored_measurement *measurement);

/* Whether a cascade of these two was measured: its subject begins with "student > teacher". */
bool measurement_is_of(const struct ebjr_stored_measurement *measurement, const char *student,
                       const char *teacher);

/* Of all latencies of a measurement; all NaN where it has none. */
int measurement_summarise(struct ebjr_measured_summary *out, ebjr_store *store,
                          const struct ebjr_stored_measurement *measurement);

#endif
