#include "bench/replay.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_ASKED = -1, BLOCK = 64 };

static int allocate(struct ebjr_replay *replay)
{
    size_t places = (size_t)replay->samples + replay->batch;
    replay->answers = calloc(places, sizeof *replay->answers);
    replay->labels = calloc((size_t)replay->samples, sizeof *replay->labels);
    if (places <= SIZE_MAX / sizeof(float) / replay->size)
        replay->inputs = malloc(places * replay->size * sizeof *replay->inputs);
    return replay->inputs && replay->answers && replay->labels ? 0 : ebjr_error_memory();
}

static int read_all(struct ebjr_replay *replay, ebjr_dataset *dataset,
                    const struct ebjr_preprocessing *preprocessing)
{
    int status = 0;
    void *pixels = malloc(BLOCK * replay->size * sizeof(float));
    if (!pixels)
        return ebjr_error_memory();
    for (int64_t first = 0; !status && first < replay->samples; first += BLOCK) {
        int64_t left = replay->samples - first;
        size_t count = left < BLOCK ? (size_t)left : BLOCK;
        status = ebjr_dataset_read(dataset, first, count, pixels, replay->labels + first);
        if (!status)
            ebjr_preprocessing_apply(replay->inputs + (size_t)first * replay->size, pixels, count,
                                     ebjr_dataset_describe(dataset), preprocessing);
    }
    free(pixels);
    for (size_t i = 0; !status && i < replay->batch; i++)
        memcpy(replay->inputs + ((size_t)replay->samples + i) * replay->size,
               replay->inputs + i % (size_t)replay->samples * replay->size,
               replay->size * sizeof(float));
    return status;
}

int ebjr_replay_open(struct ebjr_replay *out, ebjr_dataset *dataset,
                     const struct ebjr_preprocessing *preprocessing, size_t batch,
                     size_t most_bytes)
{
    const struct ebjr_dataset_info *info = ebjr_dataset_describe(dataset);
    size_t size = info->shape.channels * info->shape.height * info->shape.width;
    size_t fit = most_bytes / (size * sizeof(float));
    *out = (struct ebjr_replay){.samples = info->samples, .batch = batch, .size = size};
    if (batch == 0)
        return ebjr_error_set(EBJR_EINVAL, "a replay needs batches of at least one sample");
    if ((uint64_t)info->samples > fit)
        out->samples = fit > 0 ? (int64_t)fit : 1;
    int status = allocate(out);
    if (!status)
        status = read_all(out, dataset, preprocessing);
    if (status)
        ebjr_replay_free(out);
    return status;
}

void ebjr_replay_free(struct ebjr_replay *replay)
{
    free(replay->inputs);
    free(replay->answers);
    free(replay->labels);
    *replay = (struct ebjr_replay){0};
}

static size_t place_of(const struct ebjr_replay *replay, int64_t request)
{
    return (size_t)(request % replay->samples);
}

static int answer(void *context, uint8_t *deferred, int64_t first, size_t count)
{
    struct ebjr_replay *replay = context;
    size_t place = place_of(replay, first);
    struct ebjr_answer *answers = replay->answers + place;
    int status =
        ebjr_cascade_answer(replay->cascade, answers, replay->inputs + place * replay->size, count);
    for (size_t i = 0; i < count; i++)
        deferred[i] = answers[i].stage > 0;
    return status;
}

/* What waits for the teacher still has the student's answer, which says so. */
static bool is_deferred(const struct ebjr_replay *replay, const struct ebjr_answer *answer)
{
    return replay->routes &&
           (answer->stage > 0 || answer->prediction < 0 || !(answer->score >= replay->threshold));
}

static int feed(void *context, uint8_t *deferred, int64_t first, size_t count)
{
    struct ebjr_replay *replay = context;
    size_t place = place_of(replay, first);
    struct ebjr_answer *answers = replay->answers + place;
    int status =
        ebjr_cascade_feed(replay->cascade, answers, replay->inputs + place * replay->size, count);
    for (size_t i = 0; i < count; i++)
        deferred[i] = is_deferred(replay, &answers[i]);
    return status;
}

static int flush(void *context)
{
    struct ebjr_replay *replay = context;
    return ebjr_cascade_flush(replay->cascade);
}

struct ebjr_service ebjr_replay_service(struct ebjr_replay *replay, ebjr_cascade *cascade,
                                        const struct ebjr_policy *policy)
{
    replay->cascade = cascade;
    replay->threshold = policy->stages[0].threshold;
    replay->routes = policy->stage_count > 1;
    for (size_t i = 0; i < (size_t)replay->samples + replay->batch; i++)
        replay->answers[i].stage = NOT_ASKED;
    return (struct ebjr_service){replay, answer, feed, flush};
}

double ebjr_replay_accuracy(const struct ebjr_replay *replay)
{
    int64_t labelled = 0, right = 0;
    for (size_t i = 0; i < (size_t)replay->samples; i++) {
        const struct ebjr_answer *given = &replay->answers[i];
        if (given->stage == NOT_ASKED || replay->labels[i] < 0)
            continue;
        labelled++;
        right += given->prediction == replay->labels[i];
    }
    return (double)right / (double)labelled;
}
