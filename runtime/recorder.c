#include "runtime/recorder.h"

#include "base/error.h"
#include "base/monotonic.h"
#include "runtime/derive.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 4 << 20, CHUNK_ROWS = 16384, COMMIT_SECONDS = 1 };

struct ebjr_recorder {
    ebjr_store *store;
    struct ebjr_stored_run *run;
    struct ebjr_output *rows;
    float *logits;
    size_t used, capacity;
    int64_t committed; /* when, in seconds */
};

static int64_t seconds(void)
{
    return ebjr_monotonic_ns() / 1000000000;
}

int ebjr_recorder_new(ebjr_recorder **out, ebjr_store *store, struct ebjr_stored_run *run)
{
    size_t classes = (size_t)run->classes;
    ebjr_recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder)
        return ebjr_error_memory();
    recorder->store = store;
    recorder->run = run;
    recorder->committed = seconds();
    recorder->capacity = CHUNK_BYTES / (classes * sizeof(float)) + 1;
    if (recorder->capacity > CHUNK_ROWS)
        recorder->capacity = CHUNK_ROWS;
    recorder->rows = calloc(recorder->capacity, sizeof *recorder->rows);
    recorder->logits = calloc(recorder->capacity * classes, sizeof *recorder->logits);
    if (!recorder->rows || !recorder->logits) {
        ebjr_recorder_free(recorder);
        return ebjr_error_memory();
    }
    *out = recorder;
    return 0;
}

void ebjr_recorder_free(ebjr_recorder *recorder)
{
    if (!recorder)
        return;
    free(recorder->rows);
    free(recorder->logits);
    free(recorder);
}

int ebjr_recorder_commit(ebjr_recorder *recorder)
{
    recorder->committed = seconds();
    if (recorder->used == 0)
        return 0;
    int status = ebjr_output_append(recorder->store, recorder->run, recorder->rows, recorder->used);
    if (!status)
        recorder->used = 0;
    return status;
}

static int add_row(ebjr_recorder *recorder, const float *logits, int32_t label)
{
    size_t classes = (size_t)recorder->run->classes;
    struct ebjr_output *row = &recorder->rows[recorder->used];
    float *kept = recorder->logits + recorder->used * classes;
    memcpy(kept, logits, classes * sizeof *kept);
    row->index = recorder->run->first + recorder->run->done + (int64_t)recorder->used;
    row->label = label;
    row->logits = kept;
    int status = ebjr_output_derive(row, recorder->run);
    if (!status)
        recorder->used++;
    return status;
}

int ebjr_recorder_add(ebjr_recorder *recorder, const float *logits, const int32_t *labels,
                      size_t count)
{
    size_t classes = (size_t)recorder->run->classes;
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        status = add_row(recorder, logits + i * classes, labels[i]);
        if (!status && recorder->used == recorder->capacity)
            status = ebjr_recorder_commit(recorder);
    }
    if (!status && seconds() - recorder->committed >= COMMIT_SECONDS)
        status = ebjr_recorder_commit(recorder);
    return status;
}
