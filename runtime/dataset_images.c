/*
 * Pictures as a data set. The fingerprint is the SHA-256 of a text with a line for each picture in
 * order: its label, a blank, the SHA-256 of its file. Once it is made, a file is only decoded while
 * it is still the one that was hashed.
 */
#include "base/error.h"
#include "base/parallel.h"
#include "runtime/dataset_reader.h"
#include "runtime/picture_file.h"
#include "runtime/picture_list.h"
#include "runtime/workers.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct images {
    struct ebjr_picture_list list;
    char (*sha256)[EBJR_HASH_TEXT]; /* of each file; NULL: not hashed yet */
    int64_t bytes;                  /* of all files, with it */
    size_t workers;
};

/* A pass over all files, by all workers. */
struct survey {
    struct images *images;
    bool decodes;        /* to find what cannot be, else to hash only */
    _Atomic size_t next; /* picture that nobody has begun */
    _Atomic int64_t bytes;
    char **why;  /* [count] a message where a picture is bad; NULL: it is fine */
    bool *fatal; /* [count] for want of memory, which is no fault of the picture's */
};

static int look_at(struct survey *survey, size_t i)
{
    int64_t bytes;
    int status =
        ebjr_picture_file_hash(survey->images->sha256[i], &bytes,
                               ebjr_picture_list_path(&survey->images->list, i), survey->decodes);
    if (!status)
        atomic_fetch_add(&survey->bytes, bytes);
    return status;
}

static void look_on(void *context, size_t worker)
{
    struct survey *survey = context;
    size_t count = survey->images->list.count, i;
    (void)worker;
    while ((i = atomic_fetch_add(&survey->next, 1)) < count) {
        int status = look_at(survey, i);
        if (!status)
            continue;
        survey->fatal[i] = status == EBJR_ENOMEM || !survey->decodes;
        survey->why[i] = strdup(ebjr_error_last());
        if (!survey->why[i])
            survey->fatal[i] = true;
        if (survey->fatal[i])
            atomic_store(&survey->next, count);
    }
}

/* Leaves the bad pictures out, naming each. */
static int leave_out(ebjr_dataset *dataset, const struct survey *survey,
                     const struct ebjr_dataset_options *options)
{
    struct images *images = dataset->state;
    struct ebjr_picture_list *list = &images->list;
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (survey->fatal[i])
            return survey->why[i] ? ebjr_error_set(EBJR_EIO, "%s", survey->why[i])
                                  : ebjr_error_memory();
        if (survey->why[i]) {
            dataset->info.skipped++;
            if (options && options->skipped)
                options->skipped(options->context, survey->why[i]);
            continue;
        }
        list->entries[kept] = list->entries[i];
        memmove(images->sha256[kept++], images->sha256[i], sizeof *images->sha256);
    }
    list->count = kept;
    return 0;
}

static int run_survey(struct survey *survey)
{
    size_t count = survey->images->list.count;
    size_t hands = survey->images->workers < count ? survey->images->workers : count;
    ebjr_workers *workers = NULL;
    survey->why = calloc(count, sizeof *survey->why);
    survey->fatal = calloc(count, sizeof *survey->fatal);
    survey->images->sha256 = calloc(count, sizeof *survey->images->sha256);
    int status = survey->why && survey->fatal && survey->images->sha256 ? 0 : ebjr_error_memory();
    if (!status)
        status = ebjr_workers_start(&workers, hands);
    if (!status)
        ebjr_workers_run(workers, hands, look_on, survey);
    ebjr_workers_stop(workers);
    return status;
}

static int survey_all(ebjr_dataset *dataset, bool decodes,
                      const struct ebjr_dataset_options *options)
{
    struct images *images = dataset->state;
    struct survey survey = {.images = images, .decodes = decodes};
    const size_t count = images->list.count;
    int status = run_survey(&survey);
    if (!status)
        status = leave_out(dataset, &survey, options);
    images->bytes = survey.bytes;
    for (size_t i = 0; survey.why && i < count; i++)
        free(survey.why[i]);
    free(survey.why);
    free(survey.fatal);
    if (status) {
        free(images->sha256);
        images->sha256 = NULL;
    }
    return status;
}

static int hash_images(char out[EBJR_HASH_TEXT], int64_t *bytes, ebjr_dataset *dataset)
{
    struct images *images = dataset->state;
    ebjr_hash *hash;
    int status = images->sha256 ? 0 : survey_all(dataset, false, NULL);
    if (!status)
        status = ebjr_hash_new(&hash);
    if (status)
        return status;
    for (size_t i = 0; !status && i < images->list.count; i++) {
        char line[EBJR_HASH_TEXT + 16];
        int length = snprintf(line, sizeof line, "%d %s\n", images->list.entries[i].label,
                              images->sha256[i]);
        status = ebjr_hash_update(hash, line, (size_t)length);
    }
    if (!status)
        status = ebjr_hash_finish(hash, out);
    ebjr_hash_free(hash);
    *bytes = images->bytes;
    return status;
}

/* The picture `index`, decoded, as long as its file is the one that was hashed. */
static int open_picture(struct ebjr_picture *out, const struct images *images, size_t index)
{
    return ebjr_picture_file_read(out, ebjr_picture_list_path(&images->list, index),
                                  images->sha256 ? images->sha256[index] : NULL);
}

static int read_picture(const ebjr_dataset *dataset, size_t index, uint8_t *planes)
{
    const struct images *images = dataset->state;
    const struct ebjr_shape *shape = &dataset->info.shape;
    struct ebjr_picture picture;
    int status = open_picture(&picture, images, index);
    if (status)
        return status;
    size_t width = picture.width, height = picture.height;
    ebjr_fit_size(&width, &height, &dataset->info.fit);
    if (width != shape->width || height != shape->height)
        status = ebjr_error_set(EBJR_EFORMAT,
                                "%s comes out at %zu x %zu, the first picture at %zu x %zu: "
                                "--crop N makes all of them N x N",
                                ebjr_picture_list_path(&images->list, index), width, height,
                                shape->width, shape->height);
    else
        status = ebjr_fit_apply(planes, &picture, &dataset->info.fit);
    ebjr_picture_free(&picture);
    return status;
}

static int read_images(ebjr_dataset *dataset, int64_t first, size_t count, void *pixels,
                       int32_t *labels)
{
    const struct images *images = dataset->state;
    const struct ebjr_shape *shape = &dataset->info.shape;
    size_t size = shape->channels * shape->height * shape->width;
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        size_t index = (size_t)first + i;
        labels[i] = images->list.entries[index].label;
        status = read_picture(dataset, index, (uint8_t *)pixels + i * size);
    }
    return status;
}

/* Without a crop the first picture says how large all are. */
static int fit_images(ebjr_dataset *dataset)
{
    const struct images *images = dataset->state;
    struct ebjr_picture picture;
    size_t width = 1, height = 1;
    if (!dataset->info.fit.crop) {
        int status = open_picture(&picture, images, 0);
        if (status)
            return status;
        width = picture.width;
        height = picture.height;
        ebjr_picture_free(&picture);
    }
    ebjr_fit_size(&width, &height, &dataset->info.fit);
    if (width > EBJR_PICTURE_PIXELS / height)
        return ebjr_error_set(EBJR_EFORMAT, "%s comes out at %zu x %zu, which is too large",
                              ebjr_picture_list_path(&images->list, 0), width, height);
    dataset->info.shape = (struct ebjr_shape){3, height, width};
    return 0;
}

static int open_images(ebjr_dataset *dataset, const char *path,
                       const struct ebjr_dataset_options *options)
{
    struct images *images = dataset->state = calloc(1, sizeof *images);
    if (!images)
        return ebjr_error_memory();
    images->workers = options->workers ? options->workers : ebjr_processors();
    ebjr_path_stem(dataset->info.name, sizeof dataset->info.name, path);
    int status =
        ebjr_picture_list_read(&images->list, path, dataset->classes, options->may_lack_labels);
    if (!status && options->skip_bad)
        status = survey_all(dataset, true, options);
    if (!status && images->list.count == 0)
        status = ebjr_error_set(EBJR_EFORMAT, "%s: every picture is bad", path);
    dataset->info.samples = (int64_t)images->list.count;
    dataset->info.is_labelled = images->list.is_labelled;
    return status ? status : fit_images(dataset);
}

static const struct ebjr_class_names *images_names(const ebjr_dataset *dataset)
{
    const struct images *images = dataset->state;
    return &images->list.names;
}

static void close_images(ebjr_dataset *dataset)
{
    struct images *images = dataset->state;
    ebjr_picture_list_free(&images->list);
    free(images->sha256);
    free(images);
}

const struct ebjr_dataset_reader ebjr_images_reader = {
    .kind = "images",
    .open = open_images,
    .read = read_images,
    .close = close_images,
    .fit = fit_images,
    .hash = hash_images,
    .names = images_names,
    .is_parallel = true,
};
