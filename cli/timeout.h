/* Gives up on what does not come back: a model that never answers cannot be called off, so the
 * program ends. What was committed to the store is kept. */
#ifndef EBJR_CLI_TIMEOUT_H
#define EBJR_CLI_TIMEOUT_H

#include <stdint.h>

/* From now on the program says so and ends with EXIT_FAILED when nothing was fed for so long.
 * Errors: EBJR_EINVAL no time above 0; EBJR_ENOMEM no thread can be had. */
int timeout_start(const char *command, const char *time);

/* Something came through: `done` units of `name`, both of which outlive the next call. Does nothing
 * where none was started. */
void timeout_feed(const char *name, int64_t done, const char *unit);

#endif
