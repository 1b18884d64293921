/* A cascade inside a program of one's own: answers images by a policy that `ebjr pick` wrote.
 *
 *   cc embed.c $(pkg-config --cflags --libs ebjr) -o embed
 *   ./embed policy.json student.pt teacher.pt npy:images.npy
 */
#include <ebjr/base/error.h>
#include <ebjr/runtime/cascade.h>
#include <ebjr/runtime/preprocess.h>

#include <stdio.h>
#include <stdlib.h>

static void must(int status)
{
    if (status == 0)
        return;
    fprintf(stderr, "embed: %s\n", ebjr_error_last());
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
        return fprintf(stderr, "usage: embed POLICY STUDENT TEACHER npy:IMAGES\n"), 2;

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
    void *pixels = malloc(size * sizeof(float));
    float *input = malloc(size * sizeof *input);
    for (int64_t i = 0; i < info->samples; i++) {
        int32_t label;
        struct ebjr_answer answer;
        must(ebjr_dataset_read(images, i, 1, pixels, &label));
        ebjr_preprocessing_apply(input, pixels, 1, info, &preprocessing);
        must(ebjr_cascade_answer(cascade, &answer, input, 1));
        printf("%d by %s\n", answer.prediction, policy.stages[answer.stage].model);
    }
    free(pixels);
    free(input);
    return 0;
}
