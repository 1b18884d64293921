/* A recorder: takes logits and labels in batches, derives the columns, and appends rows to a run in
 * transactions of a useful size. Runs and imports write through it, and so write the same. */
#ifndef EBJR_RUNTIME_RECORDER_H
#define EBJR_RUNTIME_RECORDER_H

#include "db/output.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ebjr_recorder ebjr_recorder;

/* Records from sample run->first+run->done on; `run` moves with every commit and must outlive the
 * recorder. The caller owns *out. Errors: EBJR_ENOMEM. */
int ebjr_recorder_new(ebjr_recorder **out, ebjr_store *store, struct ebjr_stored_run *run);

/* Drops what was not committed. */
void ebjr_recorder_free(ebjr_recorder *recorder);

/* The next `count` samples: logits [count, classes], labels [count]. Errors: EBJR_EFORMAT a label
 * or logit that cannot be (the rows before it are kept for the next commit); those of the store. */
int ebjr_recorder_add(ebjr_recorder *recorder, const float *logits, const int32_t *labels,
                      size_t count);

/* Commits what was added. */
int ebjr_recorder_commit(ebjr_recorder *recorder);

#ifdef __cplusplus
}
#endif
#endif
