/* ebjr plan: by which plan is a model the fastest here? */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/live.h"
#include "cli/progress.h"
#include "cli/table.h"

#include <math.h>
#include <stdlib.h>

struct request {
    const char *db, *format;
    struct live_request live;
    struct option_list models;
};

static const struct column columns[] = {
    {"model", COLUMN_TEXT, 14, false, NULL},
    {"plan", COLUMN_TEXT, 13, false, NULL},
    {"dtype", COLUMN_TEXT, 0, true, NULL},
    {"batch", COLUMN_INTEGER, 5, false, NULL},
    {"threads", COLUMN_INTEGER, 7, false, NULL},
    {"ns", COLUMN_REAL, 10, false, "ns a sample"},
    {"speedup", COLUMN_REAL, 8, false, NULL},
    {"gflops", COLUMN_REAL, 8, false, NULL},
    {"max_difference", COLUMN_REAL, 14, false, NULL},
    {"changed", COLUMN_INTEGER, 7, false, NULL},
    {"compared", COLUMN_INTEGER, 0, true, NULL},
    {"chosen", COLUMN_FLAG, 6, false, NULL},
    {"note", COLUMN_TEXT, 4, false, NULL},
};

/* The first plan tried that is the model as loaded: what the others are compared with. */
static double reference(const struct ebjr_candidate *candidates, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (candidates[i].plan.mode == EBJR_PLAN_AS_LOADED && !isnan(candidates[i].ns))
            return candidates[i].ns;
    return NAN;
}

static void print(struct table *table, const struct ebjr_stored_model *stored,
                  const struct ebjr_model_info *info, const struct ebjr_candidate *candidates,
                  size_t count)
{
    double as_loaded = reference(candidates, count);
    bool is_known = info->is_counted && !*info->flops.uncounted_mac2;
    double flops = is_known ? (double)info->flops.mac2 : NAN;
    for (size_t i = 0; i < count; i++) {
        const struct ebjr_candidate *candidate = &candidates[i];
        struct value values[] = {
            text_value(stored->name),
            text_value(ebjr_plan_mode_name(candidate->plan.mode)),
            text_value(ebjr_dtype_name(candidate->plan.dtype)),
            integer_value((int64_t)candidate->plan.batch),
            integer_value((int64_t)candidate->plan.threads),
            real_value(candidate->ns),
            real_value(as_loaded / candidate->ns),
            real_value(flops / candidate->ns),
            real_value(candidate->max_difference),
            integer_value(isnan(candidate->max_difference) ? EBJR_UNKNOWN : candidate->changed),
            integer_value(candidate->samples),
            integer_value(candidate->chosen),
            text_value(candidate->note),
        };
        table_row(table, values);
    }
}

static int plan_model(struct table *table, struct live *live, ebjr_store *store, const char *text)
{
    struct ebjr_stored_model stored;
    struct ebjr_candidate *candidates;
    ebjr_model *model = NULL;
    size_t count;
    int status = live_identify(&stored, text);
    if (!status)
        status = live_model_open(&model, live, &stored);
    if (!status && store)
        status = ebjr_stored_model_put(store, &stored);
    if (!status)
        status = live_model_search(&candidates, &count, model, live, store, &stored, live->batch);
    if (!status) {
        print(table, &stored, ebjr_model_describe(model), candidates, count);
        free(candidates);
    }
    ebjr_model_close(model);
    return status;
}

static int plan_all(struct table *table, const struct request *request)
{
    struct live live;
    ebjr_store *store = NULL;
    int status = output_parse(&table->output, request->format);
    if (!status)
        status = live_open(&live, &request->live);
    else
        return status;
    if (!status && request->db)
        status = ebjr_store_open(&store, request->db, EBJR_STORE_CREATE);
    if (!status) {
        progress_catch_signals();
        table_begin(table);
        for (size_t i = 0; !status && i < request->models.count; i++)
            status = plan_model(table, &live, store, request->models.items[i]);
        int ended = table_end(table);
        status = status ? status : ended;
    }
    if (!status && !live.device.cuda)
        say("matrix products reach %.0f GFLOP/s here", ebjr_backend_gemm_rate() / 1e9);
    live_close(&live);
    ebjr_store_close(store);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.live = LIVE_REQUEST};
    const struct option_row rows[] = {
        {"model", OPTION_LIST, &request.models, "[NAME=]FILE",
         "a TorchScript file, or an AOTInductor package (.pt2); any number of times", true},
        LIVE_DATASET_ROWS(request.live, true),
        {"db", OPTION_TEXT, &request.db, "FILE", "the store that keeps the choice", false},
        LIVE_PLAN_ROWS(request.live),
        FORMAT_ROW(&request.format),
    };
    struct table table = {
        {.format = FORMAT_TABLE, .file = stdout}, columns, ROWS(columns), 0, false};
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = plan_all(&table, &request);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_plan = {
    "plan", "find the fastest way to execute a model here",
    "A plan must not change answers: its logits on the data set's first samples are compared with\n"
    "those of the model as loaded, and a plan that differs is dropped, with the reason. The "
    "others\n"
    "take turns at being timed. With --db the choice is kept, and run, infer and bench start with\n"
    "it at once. Without --batch every batch may win, which is what a run wants; --batch 1 asks\n"
    "for the lowest latency. On a GPU a batch is tried as a CUDA graph too, where this ebjr was\n"
    "built with a libtorch that has CUDA; `direct` is for the CPU.\n\n"
    "  ns              a sample, the median of its rounds\n"
    "  speedup         over the model as loaded, on as many threads as that was tried first with\n"
    "  gflops          10^9 FLOPs (mac2) a second\n"
    "  max_difference  the largest |logit - as loaded|\n\n"
    "Example:\n"
    "  ebjr plan --db cifar10.db --dataset cifar10:cifar-10-batches-bin --batch 1 \\\n"
    "            --mean 0.4914,0.4822,0.4465 --std 0.2023,0.1994,0.2010 --model student.pt\n",
    run};
