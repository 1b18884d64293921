/* Progress on stderr, and the signals that ask a long command to stop. */
#ifndef EBJR_CLI_PROGRESS_H
#define EBJR_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *name;    /* of what is going on */
    const char *unit;    /* "samples", unless it is changed after `begin` */
    int64_t first;       /* where it started */
    int64_t done, total; /* as of the last step */
    double started, shown;
    bool terminal;
};

/* From now on SIGINT and SIGTERM set a flag; a second one kills as usual. */
void progress_catch_signals(void);
bool progress_interrupted(void);

void progress_begin(struct progress *progress, const char *name, int64_t first);

/* The callback of ebjr_run_options: a line with rate and ETA, redrawn on a terminal, else one every
 * ten seconds; with --progress json an object at the first step, every second, and at the end.
 * Returns non-zero when a signal came. */
int progress_step(void *progress, int64_t done, int64_t total);

/* Ends the line. Returns the seconds since begin. */
double progress_end(struct progress *progress);

#endif
