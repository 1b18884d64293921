/* Counts what answering single samples allocates once everything is open: count_allocations POLICY
 * STUDENT TEACHER DATASET, as examples/embed.c. */
#include "base/error.h"
#include "runtime/cascade.h"
#include "runtime/preprocess.h"

#include <stdio.h>
#include <stdlib.h>

static long allocations;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    allocations++;
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    allocations++;
    return __libc_memalign(alignment, size);
}

static void must(int status)
{
    if (status == 0)
        return;
    fprintf(stderr, "count_allocations: %s\n", ebjr_error_last());
    exit(1);
}

int main(int argc, char **argv)
{
    struct ebjr_policy policy;
    struct ebjr_preprocessing preprocessing;
    struct ebjr_dataset_options options = {.may_lack_labels = true, .layout = "nchw"};
    struct ebjr_device cpu = {0};
    struct ebjr_plan plan = {.mode = EBJR_PLAN_DIRECT, .batch = 1, .threads = 1};
    ebjr_dataset *images;
    ebjr_model *models[2];
    ebjr_cascade *cascade;
    if (argc != 5)
        return 2;
    must(ebjr_policy_load(&policy, argv[1]));
    must(ebjr_dataset_open(&images, argv[4], &options));
    const struct ebjr_dataset_info *info = ebjr_dataset_describe(images);
    must(ebjr_preprocessing_recall(&preprocessing, policy.preprocessing, info->shape.channels));
    for (int i = 0; i < 2; i++) {
        must(ebjr_model_open(&models[i], argv[2 + i], &cpu, &info->shape));
        must(ebjr_model_prepare(models[i], &plan));
    }
    must(ebjr_cascade_new(&cascade, &policy, models));

    size_t size = info->shape.channels * info->shape.height * info->shape.width;
    size_t n = (size_t)info->samples;
    float *pixels = calloc(n * size, sizeof *pixels), *inputs = calloc(n * size, sizeof *inputs);
    int32_t *labels = calloc(n, sizeof *labels);
    if (!pixels || !inputs || !labels)
        return 1;
    must(ebjr_dataset_read(images, 0, n, pixels, labels));
    ebjr_preprocessing_apply(inputs, pixels, n, info, &preprocessing);

    long before = allocations, deferred = 0;
    for (size_t i = 0; i < n; i++) {
        struct ebjr_answer answer;
        must(ebjr_cascade_answer(cascade, &answer, inputs + i * size, 1));
        deferred += answer.stage > 0;
    }
    printf("{\"answered\": %zu, \"deferred\": %ld, \"before\": %ld, \"allocations\": %ld}\n", n,
           deferred, before, allocations - before);
    return 0;
}
