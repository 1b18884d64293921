/* What a store holds of latencies: measurements, and the plans that were tried. */
#ifndef EBJR_CLI_LS_LATENCY_H
#define EBJR_CLI_LS_LATENCY_H

#include "cli/cascade.h"
#include "cli/table.h"

/* Of a cascade and its two models on its data set; NULL: all that are stored. */
int ls_print_measurements(ebjr_store *store, const struct cascade *cascade, struct output output);
int ls_print_plans(ebjr_store *store, struct output output);

#endif
