/* ebjr infer: answer a data set's samples by a live cascade. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/live_cascade.h"
#include "cli/progress.h"
#include "cli/table.h"

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

/* A block of samples on its way: read, preprocessed, answered. */
struct block {
    size_t capacity, count;
    int64_t first;
    void *pixels;
    float *inputs;
    int32_t *labels;
    struct ebjr_answer *answers;
};

struct totals {
    int64_t samples, deferred, labelled, correct;
};

static int block_new(struct block *block, size_t capacity, const struct ebjr_dataset_info *info)
{
    size_t size = info->shape.channels * info->shape.height * info->shape.width;
    *block = (struct block){.capacity = capacity};
    block->pixels = calloc(capacity * size, info->is_float ? sizeof(float) : 1);
    block->inputs = calloc(capacity * size, sizeof(float));
    block->labels = calloc(capacity, sizeof *block->labels);
    block->answers = calloc(capacity, sizeof *block->answers);
    return block->pixels && block->inputs && block->labels && block->answers ? 0
                                                                             : ebjr_error_memory();
}

static void block_free(struct block *block)
{
    free(block->pixels);
    free(block->inputs);
    free(block->labels);
    free(block->answers);
}

static int read_block(struct block *block, const struct live *live)
{
    const struct ebjr_dataset_info *info = ebjr_dataset_describe(live->dataset);
    int64_t left = info->samples - block->first;
    block->count = left < (int64_t)block->capacity ? (size_t)left : block->capacity;
    int status =
        ebjr_dataset_read(live->dataset, block->first, block->count, block->pixels, block->labels);
    if (!status)
        ebjr_preprocessing_apply(block->inputs, block->pixels, block->count, info,
                                 &live->preprocessing);
    return status;
}

static void print_block(struct table *table, struct totals *totals, const struct block *block,
                        const struct live_cascade *cascade)
{
    for (size_t i = 0; i < block->count; i++) {
        const struct ebjr_answer *answer = &block->answers[i];
        bool labelled = block->labels[i] >= 0;
        bool correct = answer->prediction == block->labels[i];
        struct value values[] = {
            integer_value(block->first + (int64_t)i),
            integer_value(answer->prediction),
            integer_value(answer->stage),
            text_value(cascade->stored[answer->stage].name),
            real_value(answer->score),
            integer_value(labelled ? block->labels[i] : EBJR_UNKNOWN),
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

static int answer_all(struct table *table, const struct live *live, struct live_cascade *cascade)
{
    const struct ebjr_dataset_info *info = ebjr_dataset_describe(live->dataset);
    struct totals totals = {0};
    struct progress progress;
    struct block block;
    int status = block_new(&block, ebjr_model_plan(cascade->models[0])->batch, info);
    progress_catch_signals();
    progress_begin(&progress, "infer", 0);
    table_begin(table);
    while (!status && block.first < info->samples) {
        status = read_block(&block, live);
        if (!status)
            status =
                ebjr_cascade_answer(cascade->cascade, block.answers, block.inputs, block.count);
        if (status) {
            ebjr_error_context(status, "samples %lld to %lld", (long long)block.first,
                               (long long)block.first + (long long)block.count - 1);
            break;
        }
        print_block(table, &totals, &block, cascade);
        block.first += (int64_t)block.count;
        if (progress_step(&progress, block.first, info->samples) != 0 &&
            block.first < info->samples)
            status = ebjr_error_set(EBJR_EINTERRUPTED, "interrupted after %lld samples",
                                    (long long)block.first);
    }
    double seconds = progress_end(&progress);
    int ended = table_end(table);
    if (totals.samples > 0)
        say_totals(&totals, seconds);
    block_free(&block);
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
    "is not the policy's is refused. Labels are optional for npy: images.\n\n"
    "Examples:\n"
    "  ebjr infer --db cifar10.db --policy policy.json --dataset npy:new.npy --layout nchw\n"
    "  ebjr infer --policy policy.json --model student.pt --model teacher.pt \\\n"
    "             --dataset cifar10:cifar-10-batches-bin --format csv\n",
    run};
