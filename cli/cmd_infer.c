/* ebjr infer: answer a data set's samples by a live cascade. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/live_cascade.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "runtime/feed.h"

#include <math.h>
#include <stdlib.h>

struct request {
    const char *db, *format;
    struct live_request live;
    struct live_cascade_request cascade;
};

static const struct column columns[] = {
    {"sample", COLUMN_INTEGER, 9, false, NULL}, {"prediction", COLUMN_INTEGER, 0, false, NULL},
    {"stage", COLUMN_INTEGER, 0, false, NULL},  {"model", COLUMN_TEXT, 20, false, NULL},
    {"score", COLUMN_REAL, 12, false, NULL},    {"label", COLUMN_INTEGER, 0, false, NULL},
    {"correct", COLUMN_FLAG, 0, false, NULL},
};

struct totals {
    int64_t samples, deferred, labelled, correct;
};

static void print_batch(struct table *table, struct totals *totals,
                        const struct ebjr_feed_batch *batch, const struct ebjr_answer *answers,
                        const struct live_cascade *cascade)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct ebjr_answer *answer = &answers[i];
        bool labelled = batch->labels[i] >= 0;
        bool correct = answer->prediction == batch->labels[i];
        struct value values[] = {
            integer_value(batch->first + (int64_t)i),
            integer_value(answer->prediction),
            integer_value(answer->stage),
            text_value(cascade->stored[answer->stage].name),
            real_value(answer->score),
            integer_value(labelled ? batch->labels[i] : EBJR_UNKNOWN),
            integer_value(labelled ? correct : EBJR_UNKNOWN),
        };
        table_row(table, values);
        totals->samples++;
        totals->deferred += answer->stage > 0;
        totals->labelled += labelled;
        totals->correct += labelled && correct;
    }
}

static void say_totals(const struct totals *totals, double seconds)
{
    char accuracy[64] = "";
    if (totals->labelled > 0)
        snprintf(accuracy, sizeof accuracy, ", accuracy %.2f %%",
                 100.0 * (double)totals->correct / (double)totals->labelled);
    say("%lld samples, teacher rate %.2f %%%s, %.0f samples/s", (long long)totals->samples,
        100.0 * (double)totals->deferred / (double)totals->samples, accuracy,
        (double)totals->samples / seconds);
}

/* The samples of one batch, answered and printed. */
static int answer_batch(struct table *table, struct totals *totals, struct ebjr_answer *answers,
                        const struct ebjr_feed_batch *batch, struct live_cascade *cascade)
{
    int status = ebjr_cascade_answer(cascade->cascade, answers, batch->inputs, batch->count);
    if (status)
        return ebjr_error_context(status, "samples %lld to %lld", (long long)batch->first,
                                  (long long)batch->first + (long long)batch->count - 1);
    print_batch(table, totals, batch, answers, cascade);
    return 0;
}

static int answer_batches(struct table *table, struct totals *totals, struct progress *progress,
                          ebjr_feed *feed, struct live_cascade *cascade, int64_t samples)
{
    struct ebjr_feed_batch batch;
    int more = 0, status = 0;
    struct ebjr_answer *answers =
        calloc(ebjr_model_plan(cascade->models[0])->batch, sizeof *answers);
    if (!answers)
        return ebjr_error_memory();
    while (!status && (more = ebjr_feed_next(feed, &batch)) > 0) {
        int64_t done = batch.first + (int64_t)batch.count;
        status = answer_batch(table, totals, answers, &batch, cascade);
        if (!status && progress_step(progress, done, samples) != 0 && done < samples)
            status = ebjr_error_set(EBJR_EINTERRUPTED, "interrupted after %lld samples",
                                    (long long)done);
    }
    free(answers);
    return status ? status : more;
}

static int answer_all(struct table *table, const struct live *live, struct live_cascade *cascade)
{
    const int64_t samples = ebjr_dataset_describe(live->dataset)->samples;
    const struct ebjr_feed_request request = {.end = samples,
                                              .batch = ebjr_model_plan(cascade->models[0])->batch,
                                              .workers = live->workers};
    struct totals totals = {0};
    struct progress progress;
    ebjr_feed *feed = NULL;
    int status = ebjr_feed_open(&feed, live->dataset, &live->preprocessing, &request);
    if (status)
        return status;
    progress_catch_signals();
    progress_begin(&progress, "infer", 0);
    table_begin(table);
    status = answer_batches(table, &totals, &progress, feed, cascade, samples);
    double seconds = progress_end(&progress);
    int ended = table_end(table);
    if (totals.samples > 0)
        say_totals(&totals, seconds);
    ebjr_feed_close(feed);
    return status ? status : ended;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.live = LIVE_REQUEST, .cascade = LIVE_CASCADE_REQUEST};
    const struct option_row rows[] = {
        {"db", OPTION_TEXT, &request.db, "FILE",
         "the store: where models are, and what plans are the fastest here", false},
        LIVE_CASCADE_ROWS(request.cascade),
        LIVE_DATASET_ROWS(request.live, true),
        LIVE_PLAN_ROWS(request.live),
        FORMAT_ROW(&request.format),
    };
    struct table table = {
        {.format = FORMAT_TABLE, .file = stdout}, columns, ROWS(columns), 0, false};
    struct live live = {0};
    struct live_cascade cascade = {0};
    ebjr_store *store = NULL;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    request.live.dataset_options.may_lack_labels = true;
    status = output_parse(&table.output, request.format);
    if (!status)
        status = live_open(&live, &request.live);
    if (!status && request.db)
        status = ebjr_store_open(&store, request.db, EBJR_STORE_CREATE);
    if (!status)
        status = live_cascade_open(&cascade, &live, store, &request.live, &request.cascade);
    if (!status)
        status = live_cascade_ready(&cascade, &live, store, live.batch);
    if (!status)
        status = answer_all(&table, &live, &cascade);
    live_cascade_close(&cascade);
    live_close(&live);
    ebjr_store_close(store);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_infer = {
    "infer", "answer samples by a live cascade",
    "The student sees every sample; those that its score is below the threshold for go through\n"
    "the teacher, batch by batch. The preprocessing is the policy's. A model file whose SHA-256\n"
    "is not the policy's is refused. Labels are optional for npy: and images:.\n\n"
    "Examples:\n"
    "  ebjr infer --db cifar10.db --policy policy.json --dataset npy:new.npy --layout nchw\n"
    "  ebjr infer --policy policy.json --model student.pt --model teacher.pt \\\n"
    "             --dataset cifar10:cifar-10-batches-bin --format csv\n",
    run};
