/* What a store holds of latencies: measurements, and the plans that were tried. */
#ifndef EBJR_CLI_LS_LATENCY_H
#define EBJR_CLI_LS_LATENCY_H

#include "cli/table.h"
#include "db/store.h"

int ls_print_measurements(ebjr_store *store, struct output output);
int ls_print_plans(ebjr_store *store, struct output output);

#endif
