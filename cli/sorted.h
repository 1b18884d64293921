/* Cascades of more samples than memory holds: their scores are sorted by way of a temporary file as
 * they come from the store (calib/sorter.h). */
#ifndef EBJR_CLI_SORTED_H
#define EBJR_CLI_SORTED_H

#include "calib/sorter.h"
#include "cli/cascade.h"

#define SORT_ROWS(memory, untimed) \
    {"sort-memory", \
     OPTION_TEXT, \
     &(memory), \
     "SIZE", \
     "that samples may take (default: what is free); more are sorted by way of a\n" \
     "temporary file in TMPDIR, 8 bytes a sample", \
     false}, \
    { \
        "no-latency", OPTION_FLAG, &(untimed), NULL, "as if no latencies were stored", false \
    }

/* How much memory samples may take, and how much of it a sort does. */
struct sort_memory {
    double most, sort; /* bytes */
};

/* asked: "2G"; NULL: what is free. Errors: EBJR_EINVAL no such size. */
int sort_memory_parse(struct sort_memory *out, const char *asked);

/* EBJR_ENOMEM: something cannot be done without `needed` bytes; `what` begins the message. */
int sort_memory_refuse(const struct sort_memory *memory, double needed, const char *what);

/* Some of the samples by one of the scores. */
struct sort_target {
    size_t score;        /* which */
    const uint8_t *mask; /* [n] 1: it is among them; NULL: all are */
    ebjr_sorter *sorter; /* the caller frees it, also after an error */
};

/* Fills the targets in one pass over the store. Errors: EBJR_EINVAL too little memory, a score that
 * is not finite; EBJR_EINTERRUPTED; EBJR_EIO; those of the store. */
int sort_rows(struct sort_target *targets, size_t target_count, const struct cascade *cascade,
              const struct ebjr_score *scores, size_t count, const struct sort_memory *memory);

#endif
