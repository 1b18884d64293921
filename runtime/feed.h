/*
 * A feed: the samples of a data set, or of any other source, as inputs of a model, batch by batch
 * in order, read, decoded and preprocessed ahead by threads of its own, so that a model waits only
 * where they are slower than it is. Ahead are at most so many batches as fit in EBJR_FEED_BYTES,
 * two at the least.
 */
#ifndef EBJR_RUNTIME_FEED_H
#define EBJR_RUNTIME_FEED_H

#include "runtime/preprocess.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_FEED_BYTES = 256 << 20, EBJR_FEED_BATCHES = 16 };

struct ebjr_feed_request {
    int64_t first, end; /* samples first .. end-1 */
    size_t batch;       /* samples of each, but the last */
    size_t workers;     /* threads; 0: one a processor. One where only one may read */
};

struct ebjr_feed_batch {
    int64_t first;
    size_t count;
    const void *inputs;    /* [count]: of a data set, float [count, c, h, w]; else the source's */
    const int32_t *labels; /* [count] */
};

/* Where samples come from. */
struct ebjr_feed_source {
    void *context;
    size_t size;      /* bytes of an input, which are 0 at first */
    size_t elsewhere; /* bytes that an input may hold outside of them */
    size_t scratch;   /* bytes, a sample, that `read` may work in */
    bool is_parallel; /* several threads may read at once */
    /* Makes inputs and labels of samples first .. first+count-1, where there may be others. */
    int (*read)(void *context, void *inputs, int32_t *labels, void *scratch, int64_t first,
                size_t count);
    void (*release)(void *input); /* what an input holds elsewhere; NULL: nothing */
};

typedef struct ebjr_feed ebjr_feed;

/* Borrows the data set, which nobody else may read, and the preprocessing. The caller owns *out.
 * Errors: EBJR_EINVAL batch 0; EBJR_ENOMEM. */
int ebjr_feed_open(ebjr_feed **out, ebjr_dataset *dataset,
                   const struct ebjr_preprocessing *preprocessing,
                   const struct ebjr_feed_request *request);

/* The same of another source; its context is borrowed. */
int ebjr_feed_open_source(ebjr_feed **out, const struct ebjr_feed_source *source,
                          const struct ebjr_feed_request *request);
void ebjr_feed_close(ebjr_feed *feed);

/* 1: *out is the next batch, valid until the next call; 0: there are no more. Errors: those of
 * reading, of the batch's first sample that cannot be read. */
int ebjr_feed_next(ebjr_feed *feed, struct ebjr_feed_batch *out);

/* How long `next` has waited so far, in nanoseconds, and how many threads read. */
int64_t ebjr_feed_waited(const ebjr_feed *feed);
size_t ebjr_feed_workers(const ebjr_feed *feed);

#ifdef __cplusplus
}
#endif
#endif
