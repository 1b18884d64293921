/* The cost that a trade-off is drawn against: "flops" (NULL), "latency" or "teacher-rate". */
#ifndef EBJR_CLI_PLOT_COST_H
#define EBJR_CLI_PLOT_COST_H

#include "cli/cascade.h"
#include "plots/tradeoff.h"

bool plot_cost_is(const char *cost, const char *name);

/* Is it known? Errors: EBJR_ENOTFOUND no latencies, EBJR_EINVAL no FLOPs. */
int plot_cost_check(const struct cascade *cascade, const char *cost);

/* The ends of the axis, and what stands below it. Errors: EBJR_ENOMEM. */
int plot_cost_price(struct ebjr_tradeoff *plot, char label[128], const struct cascade *cascade,
                    const char *cost);

#endif
