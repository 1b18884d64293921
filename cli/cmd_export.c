/* ebjr export: a policy and its models as one TorchScript file that routes by itself. */
#include "runtime/export.h"

#include "base/error.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/live_cascade.h"
#include "cli/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const char *db, *policy, *out, *shape, *input, *format;
    struct option_list models;
};

struct cascade_models {
    struct ebjr_policy policy;
    char *policy_text;
    struct ebjr_shape shape;
    struct ebjr_preprocessing preprocessing;
    struct ebjr_stored_model stored[EBJR_POLICY_STAGES];
    ebjr_model *models[EBJR_POLICY_STAGES];
};

static const struct column columns[] = {
    {"file", COLUMN_TEXT, 20, false, NULL},      {"sha256", COLUMN_TEXT, 0, true, NULL},
    {"bytes", COLUMN_INTEGER, 10, false, NULL},  {"stages", COLUMN_INTEGER, 0, false, NULL},
    {"classes", COLUMN_INTEGER, 0, false, NULL}, {"shape", COLUMN_TEXT, 9, false, NULL},
    {"input", COLUMN_TEXT, 12, false, NULL},
};

static int parse_shape(struct ebjr_shape *out, const char *text)
{
    enum { MOST = 65536 };
    size_t *const sides[] = {&out->channels, &out->height, &out->width};
    const char *at = text;
    bool is_shape = true;
    for (size_t i = 0; is_shape && i < ROWS(sides); i++) {
        char *end = NULL;
        unsigned long side = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : 0;
        is_shape = side >= 1 && side <= MOST && *end == (i + 1 < ROWS(sides) ? 'x' : 0);
        *sides[i] = side;
        at = is_shape ? end + 1 : at;
    }
    if (!is_shape)
        return ebjr_error_set(
            EBJR_EINVAL,
            "--shape: '%s' is no shape of an image; say channels x height x width (3x32x32)", text);
    return 0;
}

/* Of the data set that the policy was made on, unless it is given. */
static int find_shape(struct cascade_models *self, ebjr_store *store, const struct request *request)
{
    struct ebjr_stored_dataset dataset;
    if (request->shape)
        return parse_shape(&self->shape, request->shape);
    if (store && *self->policy.dataset_sha256 &&
        ebjr_stored_dataset_find(&dataset, store, self->policy.dataset_sha256) == 0 &&
        *dataset.shape)
        return parse_shape(&self->shape, dataset.shape);
    return ebjr_error_set(
        EBJR_EINVAL, "the models' inputs are not known%s: say --shape CxHxW (3x32x32)%s",
        store ? " to the store" : "", store ? "" : ", or the store by --db or EBJR_DB");
}

static int open_models(struct cascade_models *self, ebjr_store *store,
                       const struct request *request)
{
    struct ebjr_device cpu = {0};
    int status = 0;
    for (size_t i = 0; !status && i < self->policy.stage_count; i++) {
        const struct ebjr_policy_stage *stage = &self->policy.stages[i];
        struct ebjr_stored_model *stored = &self->stored[i];
        if (!store || ebjr_stored_model_find(stored, store, stage->sha256) != 0) {
            *stored = (struct ebjr_stored_model){0};
            snprintf(stored->name, sizeof stored->name, "%s", stage->model);
            snprintf(stored->sha256, sizeof stored->sha256, "%s", stage->sha256);
        }
        status = live_find_file(stored, &request->models);
        if (!status)
            status = ebjr_model_open(&self->models[i], stored->path, &cpu, &self->shape);
    }
    return status;
}

static int open_all(struct cascade_models *self, ebjr_store *store, const struct request *request)
{
    enum { LARGEST_POLICY = 64 << 20 };
    size_t size;
    int status = ebjr_policy_load(&self->policy, request->policy);
    if (!status)
        status = ebjr_file_read(&self->policy_text, &size, request->policy, LARGEST_POLICY);
    if (!status)
        status = find_shape(self, store, request);
    if (!status && *self->policy.preprocessing)
        status = ebjr_preprocessing_recall(&self->preprocessing, self->policy.preprocessing,
                                           self->shape.channels);
    return status ? status : open_models(self, store, request);
}

static void close_all(struct cascade_models *self)
{
    for (size_t i = 0; i < self->policy.stage_count; i++)
        ebjr_model_close(self->models[i]);
    ebjr_policy_clear(&self->policy);
    free(self->policy_text);
}

static int print(const struct cascade_models *self, const struct request *request,
                 struct output output)
{
    struct table table = {output, columns, ROWS(columns), 0, true};
    char sha256[EBJR_HASH_TEXT], shape[64];
    int64_t bytes = 0;
    int status = ebjr_hash_file(sha256, &bytes, request->out);
    if (status)
        return status;
    size_t last = self->policy.stage_count - 1;
    snprintf(shape, sizeof shape, "%zux%zux%zu", self->shape.channels, self->shape.height,
             self->shape.width);
    struct value values[] = {
        text_value(request->out),
        text_value(sha256),
        integer_value(bytes),
        integer_value((int64_t)self->policy.stage_count),
        integer_value((int64_t)ebjr_model_describe(self->models[last])->classes),
        text_value(shape),
        text_value(request->input),
    };
    table_begin(&table);
    table_row(&table, values);
    return table_end(&table);
}

static int export(const struct request *request, struct output output)
{
    struct cascade_models self = {0};
    ebjr_store *store = NULL;
    bool raw = strcmp(request->input, "raw") == 0;
    int status = 0;
    if (!raw && strcmp(request->input, "preprocessed") != 0)
        status =
            ebjr_error_set(EBJR_EINVAL, "--input is raw or preprocessed, not '%s'", request->input);
    if (!status && request->db)
        status = ebjr_store_open(&store, request->db, EBJR_STORE_READ);
    if (!status)
        status = open_all(&self, store, request);
    if (!status && raw && !*self.policy.preprocessing)
        status = ebjr_error_set(EBJR_EINVAL,
                                "%s does not say how pixels become inputs (its models' outputs "
                                "were imported): use --input preprocessed",
                                request->policy);
    if (!status) {
        struct ebjr_export what = {.path = request->out,
                                   .policy = &self.policy,
                                   .policy_text = self.policy_text,
                                   .preprocessing = raw ? &self.preprocessing : NULL};
        status = ebjr_cascade_export(&what, self.models);
    }
    if (!status)
        status = print(&self, request, output);
    close_all(&self);
    ebjr_store_close(store);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.input = "raw"};
    const struct option_row rows[] = {
        {"policy", OPTION_TEXT, &request.policy, "FILE", "what ebjr pick wrote", true},
        {"out", OPTION_TEXT, &request.out, "FILE", "the TorchScript file to write", true},
        {"db", OPTION_TEXT, &request.db, "FILE",
         "the store: where models are, and what images they take", false},
        {"model", OPTION_LIST, &request.models, "[NAME=]FILE",
         "where a model is, if not where it was when it was stored; any number of times", false},
        {"shape", OPTION_TEXT, &request.shape, "CxHxW",
         "of one image (default: of the data set that the policy was made on)", false},
        {"input", OPTION_TEXT, &request.input, "WHAT",
         "what the file takes: raw (default), pixels as the data set has them, 0 to 255 for\n"
         "bytes, with the policy's preprocessing built in; or preprocessed, what the models take",
         false},
        FORMAT_ROW(&request.format),
    };
    struct output output;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = output_parse(&output, request.format);
    if (!status)
        status = export(&request, output);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_export = {
    "export", "a policy and its models as one TorchScript file",
    "The file routes by itself, wherever TorchScript is served (Python, C++, Triton, TorchServe),\n"
    "without ebjr. forward takes a batch [n, channels, height, width] of any dtype and returns\n"
    "  logits [n, classes]  of who answered (-inf where that model does not know a class); of a\n"
    "                       joint answer, the logarithm of the averaged probabilities\n"
    "  stage [n]            who answered: 0 the student\n"
    "  score [n]            the student's\n"
    "The later stages see only the samples deferred to them. All that a policy may hold is in the\n"
    "file: every score, learned routers, temperature, offsets a class, joint answers, class maps "
    "of\n"
    "specialised students, more than two stages; the policy's text is its extra file policy.json.\n"
    "Scores are computed in double, as ebjr's are; models are executed as they were saved, so "
    "that\n"
    "a sample within rounding of the threshold may go the other way than by another plan. Where\n"
    "ebjr infer stops, at logits that are not finite, the next stage answers. A model file whose\n"
    "SHA-256 is not the policy's is refused.\n\n"
    "Example:\n"
    "  ebjr export --db cifar10.db --policy policy.json --out cascade.pt\n"
    "  python3 -c \"import torch; cascade = torch.jit.load('cascade.pt').eval()\n"
    "  logits, stage, score = cascade(torch.zeros(8, 3, 32, 32, dtype=torch.uint8))\"\n",
    run};
