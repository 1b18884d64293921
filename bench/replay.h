/* The live cascade as a service: a data set's samples, preprocessed and held in memory, that are
 * asked for over and over. */
#ifndef EBJR_BENCH_REPLAY_H
#define EBJR_BENCH_REPLAY_H

#include "bench/service.h"
#include "runtime/cascade.h"
#include "runtime/preprocess.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_replay {
    int64_t samples; /* held: request i is sample i % samples */
    size_t batch;    /* the largest */
    size_t size;     /* floats of an input */
    float *inputs;   /* [samples + batch][size]; behind the last come the first again, */
    struct ebjr_answer *answers; /* and behind the last answer the answers to those */
    int32_t *labels;             /* [samples]; negative: none */
    double threshold;            /* of the student */
    bool routes;                 /* there is a teacher */
    ebjr_cascade *cascade;
};

/*
 * Reads the data set's first samples: all of them, or as many as fit in most_bytes (at least one).
 * The caller frees *out. Errors: EBJR_EINVAL batch 0; EBJR_ENOMEM; those of the data set.
 */
int ebjr_replay_open(struct ebjr_replay *out, ebjr_dataset *dataset,
                     const struct ebjr_preprocessing *preprocessing, size_t batch,
                     size_t most_bytes);
void ebjr_replay_free(struct ebjr_replay *replay);

/* Answers from now on by `cascade`, which is borrowed and follows `policy`. The service borrows the
 * replay; it feeds and flushes as the cascade does. */
struct ebjr_service ebjr_replay_service(struct ebjr_replay *replay, ebjr_cascade *cascade,
                                        const struct ebjr_policy *policy);

/* The share of right answers among the labelled samples answered since then; NaN: none were. */
double ebjr_replay_accuracy(const struct ebjr_replay *replay);

#ifdef __cplusplus
}
#endif
#endif
