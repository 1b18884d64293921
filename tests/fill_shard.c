/* Fills a store with a block of a data set that anyone can compute again: the logits and labels of
 * a sample follow from its index, the model's name and a seed. fill_shard STORE key=value...
 * MODEL... Keys: samples (of the data set), first, count, done (of count), classes, chunk (rows),
 * seed (of logits), labels (seed), plan, dataset, extras (0, or the seed of measurements and
 * trials), detections (an image at most; 0: outputs, not detections). */
#include "base/error.h"
#include "db/detection.h"
#include "db/latency.h"
#include "db/output.h"
#include "db/trial.h"
#include "db/truth.h"
#include "runtime/derive.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LATENCIES = 5, TRIALS = 3 };

struct wish {
    const char *store, *plan, *dataset;
    int64_t samples, first, count, done, classes, chunk, seed, labels, extras, detections;
};

/* Steele, Lea and Flood, SplitMix64 */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t seed_of(const char *name, int64_t seed)
{
    uint64_t state = (uint64_t)seed;
    while (*name)
        state = mix(state ^ (unsigned char)*name++);
    return state;
}

static int32_t label_of(const struct wish *wish, int64_t index)
{
    return (int32_t)(mix(mix((uint64_t)wish->labels) + (uint64_t)index) % (uint64_t)wish->classes);
}

/* Quarters, so that there are ties. */
static void logits_of(float *out, const struct wish *wish, uint64_t seed, int64_t index)
{
    for (int64_t k = 0; k < wish->classes; k++)
        out[k] = (float)(mix(seed + (uint64_t)(index * wish->classes + k)) % 64) / 4 - 8;
    out[label_of(wish, index)] += (float)(mix(seed ^ (uint64_t)index) % 40) / 4;
}

static int append(ebjr_store *store, struct ebjr_stored_run *run, const struct wish *wish,
                  const char *model)
{
    size_t classes = (size_t)wish->classes, rows = (size_t)wish->chunk;
    struct ebjr_output *outputs = calloc(rows, sizeof *outputs);
    float *logits = calloc(rows * classes, sizeof *logits);
    int status = outputs && logits ? 0 : ebjr_error_memory();
    while (!status && run->done < wish->done) {
        size_t count = rows;
        if (wish->done - run->done < wish->chunk)
            count = (size_t)(wish->done - run->done);
        for (size_t i = 0; !status && i < count; i++) {
            struct ebjr_output *row = &outputs[i];
            row->index = run->first + run->done + (int64_t)i;
            row->label = label_of(wish, row->index);
            row->logits = logits + i * classes;
            logits_of(logits + i * classes, wish, seed_of(model, wish->seed), row->index);
            status = ebjr_output_derive(row, run);
        }
        if (!status)
            status = ebjr_output_append(store, run, outputs, count);
    }
    free(outputs);
    free(logits);
    return status;
}

static struct ebjr_box box_of(uint64_t random)
{
    return (struct ebjr_box){(double)(random % 512), (double)(random >> 9 & 511),
                             (double)(random >> 18 & 511) / 4, (double)(random >> 27 & 511) / 4};
}

/* Every third image has none, the others one or more. */
static size_t detect(struct ebjr_detection *items, float *logits, const struct wish *wish,
                     uint64_t seed, int64_t index)
{
    size_t classes = (size_t)wish->classes, count = 0;
    if (index % 3 == 1)
        return 0;
    count = 1 + mix(seed + (uint64_t)index) % (size_t)wish->detections;
    for (size_t i = 0; i < count; i++) {
        uint64_t random = mix(mix(seed ^ (uint64_t)index) + i);
        logits_of(logits + i * classes, wish, random, index);
        items[i] = (struct ebjr_detection){.image = (uint32_t)index,
                                           .category = (uint32_t)(random % (uint64_t)classes),
                                           .box = box_of(random),
                                           .score = (double)(random >> 40 & 255) / 256};
    }
    return count;
}

static int append_detections(ebjr_store *store, struct ebjr_stored_run *run,
                             const struct wish *wish, const char *model)
{
    size_t classes = (size_t)wish->classes, most = (size_t)(wish->chunk * wish->detections);
    struct ebjr_detection *items = calloc(most, sizeof *items);
    float *logits = calloc(most * classes, sizeof *logits);
    int status = items && logits ? 0 : ebjr_error_memory();
    while (!status && run->done < wish->done) {
        struct ebjr_detections chunk = {.items = items, .logits = logits, .classes = classes};
        int64_t images =
            wish->done - run->done < wish->chunk ? wish->done - run->done : wish->chunk;
        for (int64_t i = 0; i < images; i++)
            chunk.count += detect(items + chunk.count, logits + chunk.count * classes, wish,
                                  seed_of(model, wish->seed), run->first + run->done + i);
        status = ebjr_detection_append(store, run, &chunk, images);
    }
    free(items);
    free(logits);
    return status;
}

/* Images with an object or two. */
static int put_truth(ebjr_store *store, const struct wish *wish,
                     struct ebjr_stored_dataset *dataset)
{
    size_t images = (size_t)wish->samples;
    struct ebjr_stored_truth truth = {.images = calloc(images, sizeof *truth.images),
                                      .objects = calloc(2 * images, sizeof *truth.objects)};
    int status = truth.images && truth.objects ? 0 : ebjr_error_memory();
    truth.truth = (struct ebjr_truth){.images = images, .objects = truth.objects};
    for (size_t i = 0; !status && i < images; i++) {
        uint64_t random = mix(mix((uint64_t)wish->labels) + i);
        truth.images[i] = (struct ebjr_image){
            .number = (int64_t)i + 1, .width = 640, .height = i % 2 ? 480 : EBJR_UNKNOWN};
        snprintf(truth.images[i].file, sizeof truth.images[i].file, "%zu.jpg", i);
        for (size_t k = 0; k <= random % 2; k++, random = mix(random))
            truth.objects[truth.truth.count++] =
                (struct ebjr_object){.image = (uint32_t)i,
                                     .category = (uint32_t)(random % (uint64_t)wish->classes),
                                     .box = box_of(random),
                                     .area = (double)(random >> 50),
                                     .crowd = random >> 60 == 0};
    }
    if (!status)
        status = ebjr_truth_put(store, dataset, &truth);
    ebjr_stored_truth_free(&truth);
    return status;
}

static void hexadecimal(char out[EBJR_HASH_TEXT], const char *name)
{
    uint64_t state = seed_of(name, 1);
    for (int i = 0; i < 4; i++, state = mix(state))
        snprintf(out + 16 * i, 17, "%016llx", (unsigned long long)state);
}

static int put_extras(ebjr_store *store, const struct wish *wish, const struct ebjr_stored_run *run)
{
    struct ebjr_stored_measurement measurement = {.model_id = run->model_id,
                                                  .dataset_id = run->dataset_id,
                                                  .scenario = "single",
                                                  .device = "cpu",
                                                  .batch = 1,
                                                  .threads = 1,
                                                  .qps = NAN,
                                                  .teacher_rate = NAN,
                                                  .samples = LATENCIES};
    struct ebjr_trial_key key = {.model_id = run->model_id, .shape = "1x1x1", .device = "cpu"};
    struct ebjr_trial trials[TRIALS] = {{0}};
    int64_t ns[LATENCIES];
    for (int i = 0; i < LATENCIES; i++)
        ns[i] = (int64_t)(mix((uint64_t)(wish->extras + i)) % 1000000);
    for (int i = 0; i < TRIALS; i++)
        trials[i] = (struct ebjr_trial){.batch = i + 1,
                                        .ns = wish->extras,
                                        .max_difference = NAN,
                                        .changed = EBJR_UNKNOWN,
                                        .chosen = i == 1};
    snprintf(key.host, sizeof key.host, "host %lld", (long long)wish->extras);
    snprintf(measurement.host, sizeof measurement.host, "%s", key.host);
    int status = ebjr_latency_put(store, &measurement, NULL, ns);
    return status ? status : ebjr_trial_put(store, &key, trials, TRIALS);
}

static int put_model(ebjr_store *store, const struct wish *wish, const char *name)
{
    struct ebjr_stored_model model = {.kind = "torchscript", .bytes = 1, .parameters = 1};
    struct ebjr_stored_dataset dataset = {.kind = "npy", .samples = wish->samples};
    struct ebjr_stored_run run = {.dtype = "float32",
                                  .classes = wish->classes,
                                  .first = wish->first,
                                  .samples = wish->count,
                                  .flops = (int64_t)strlen(name) * 100,
                                  .flops_mac2 = 90,
                                  .depth = 1,
                                  .flops_source = "counted",
                                  .device = "cpu"};
    snprintf(model.name, sizeof model.name, "%s", name);
    snprintf(dataset.name, sizeof dataset.name, "%s", wish->dataset);
    snprintf(run.plan, sizeof run.plan, "%s", wish->plan);
    hexadecimal(model.sha256, name);
    hexadecimal(dataset.sha256, wish->dataset);
    int status = wish->detections ? put_truth(store, wish, &dataset)
                                  : ebjr_stored_dataset_put(store, &dataset);
    if (!status)
        status = ebjr_stored_model_put(store, &model);
    run.model_id = model.id;
    run.dataset_id = dataset.id;
    if (!status)
        status = ebjr_stored_run_put(store, &run);
    if (!status)
        status = wish->detections ? append_detections(store, &run, wish, name)
                                  : append(store, &run, wish, name);
    return status || !wish->extras ? status : put_extras(store, wish, &run);
}

static bool take(struct wish *wish, const char *argument)
{
    const struct {
        const char *name;
        int64_t *number;
        const char **text;
    } keys[] = {
        {"samples=", &wish->samples, NULL}, {"first=", &wish->first, NULL},
        {"count=", &wish->count, NULL},     {"done=", &wish->done, NULL},
        {"classes=", &wish->classes, NULL}, {"chunk=", &wish->chunk, NULL},
        {"seed=", &wish->seed, NULL},       {"labels=", &wish->labels, NULL},
        {"extras=", &wish->extras, NULL},   {"plan=", NULL, &wish->plan},
        {"dataset=", NULL, &wish->dataset}, {"detections=", &wish->detections, NULL},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t length = strlen(keys[i].name);
        if (strncmp(argument, keys[i].name, length) != 0)
            continue;
        if (keys[i].number)
            *keys[i].number = atoll(argument + length);
        else
            *keys[i].text = argument + length;
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct wish wish = {.plan = "frozen, float32, batch 64, 1 thread",
                        .dataset = "digits",
                        .samples = 100,
                        .count = -1,
                        .done = -1,
                        .classes = 4,
                        .chunk = 16};
    ebjr_store *store = NULL;
    if (argc < 3)
        return 2;
    int status = ebjr_store_open(&store, argv[1], EBJR_STORE_CREATE);
    for (int i = 2; !status && i < argc; i++) {
        if (take(&wish, argv[i]))
            continue;
        struct wish own = wish;
        if (own.count < 0)
            own.count = own.samples - own.first;
        if (own.done < 0)
            own.done = own.count;
        status = put_model(store, &own, argv[i]);
    }
    ebjr_store_close(store);
    if (status)
        fprintf(stderr, "fill_shard: %s\n", ebjr_error_last());
    return status ? 1 : 0;
}
