#include "runtime/coco_pictures.h"

#include "base/error.h"
#include "base/parallel.h"
#include "runtime/picture_file.h"
#include "runtime/workers.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ebjr_coco_pictures {
    const struct ebjr_stored_truth *truth;
    const char *directory;
    char (*files)[EBJR_HASH_TEXT]; /* SHA-256 of each */
    char sha256[EBJR_HASH_TEXT];
};

int ebjr_coco_picture_blame(int code, const ebjr_coco_pictures *pictures, int64_t image)
{
    const struct ebjr_image *record = &pictures->truth->images[image];
    return ebjr_error_context(code, "image %lld (%s)", (long long)record->number,
                              *record->file ? record->file : "of no name");
}

static int find_path(char path[PATH_MAX], const ebjr_coco_pictures *pictures, int64_t image)
{
    const char *file = pictures->truth->images[image].file;
    if (!*file)
        return ebjr_error_set(EBJR_EFORMAT, "it has no file_name");
    if (snprintf(path, PATH_MAX, "%s/%s", pictures->directory, file) >= PATH_MAX)
        return ebjr_error_set(EBJR_EFORMAT, "its path is too long");
    return 0;
}

/* A pass over all files, by all workers. Pictures are begun in order, so that the first bad one of
 * all is among those that were looked at. */
struct survey {
    ebjr_coco_pictures *pictures;
    _Atomic size_t next; /* picture that nobody has begun */
    pthread_mutex_t lock;
    size_t failed; /* the first so far */
    int status;
    char message[2048];
};

static void keep_failure(struct survey *survey, size_t image, int status)
{
    pthread_mutex_lock(&survey->lock);
    if (!survey->status || image < survey->failed) {
        survey->failed = image;
        survey->status = status;
        snprintf(survey->message, sizeof survey->message, "%s", ebjr_error_last());
    }
    pthread_mutex_unlock(&survey->lock);
}

static void look_on(void *context, size_t worker)
{
    struct survey *survey = context;
    ebjr_coco_pictures *pictures = survey->pictures;
    const size_t count = pictures->truth->truth.images;
    size_t image;
    (void)worker;
    while ((image = atomic_fetch_add(&survey->next, 1)) < count) {
        char path[PATH_MAX];
        int64_t bytes;
        int status = find_path(path, pictures, (int64_t)image);
        if (!status)
            status = ebjr_picture_file_hash(pictures->files[image], &bytes, path, false);
        if (!status)
            continue;
        ebjr_coco_picture_blame(status, pictures, (int64_t)image);
        keep_failure(survey, image, status);
        atomic_store(&survey->next, count);
    }
}

static int hash_files(ebjr_coco_pictures *pictures, size_t hands)
{
    struct survey survey = {.pictures = pictures, .lock = PTHREAD_MUTEX_INITIALIZER};
    ebjr_workers *workers;
    int status = ebjr_workers_start(&workers, hands);
    if (status)
        return status;
    ebjr_workers_run(workers, hands, look_on, &survey);
    ebjr_workers_stop(workers);
    return survey.status ? ebjr_error_set(survey.status, "%s", survey.message) : 0;
}

static int hash_all(ebjr_coco_pictures *pictures)
{
    ebjr_hash *hash;
    int status = ebjr_hash_new(&hash);
    for (size_t i = 0; !status && i < pictures->truth->truth.images; i++) {
        status = ebjr_hash_update(hash, pictures->files[i], EBJR_HASH_TEXT - 1);
        if (!status)
            status = ebjr_hash_update(hash, "\n", 1);
    }
    if (!status)
        status = ebjr_hash_finish(hash, pictures->sha256);
    ebjr_hash_free(hash);
    return status;
}

int ebjr_coco_pictures_open(ebjr_coco_pictures **out, const struct ebjr_stored_truth *truth,
                            const char *directory, size_t workers)
{
    const size_t count = truth->truth.images;
    size_t hands = workers ? workers : ebjr_processors();
    ebjr_coco_pictures *pictures = calloc(1, sizeof *pictures);
    if (!pictures)
        return ebjr_error_memory();
    pictures->truth = truth;
    pictures->directory = directory;
    pictures->files = calloc(count + 1, sizeof *pictures->files);
    if (hands > count)
        hands = count ? count : 1;
    int status = pictures->files ? hash_files(pictures, hands) : ebjr_error_memory();
    if (!status)
        status = hash_all(pictures);
    if (status) {
        ebjr_coco_pictures_close(pictures);
        return status;
    }
    *out = pictures;
    return 0;
}

void ebjr_coco_pictures_close(ebjr_coco_pictures *pictures)
{
    if (!pictures)
        return;
    free(pictures->files);
    free(pictures);
}

const char *ebjr_coco_pictures_sha256(const ebjr_coco_pictures *pictures)
{
    return pictures->sha256;
}

static int check_size(const struct ebjr_picture *picture, const struct ebjr_image *image)
{
    bool fits = (image->width == EBJR_UNKNOWN || (size_t)image->width == picture->width) &&
                (image->height == EBJR_UNKNOWN || (size_t)image->height == picture->height);
    if (fits)
        return 0;
    return ebjr_error_set(EBJR_EFORMAT,
                          "it has %zu x %zu pixels, but the truth says %lld x %lld: its boxes are "
                          "of another picture",
                          picture->width, picture->height, (long long)image->width,
                          (long long)image->height);
}

int ebjr_coco_picture_read(struct ebjr_picture *out, const ebjr_coco_pictures *pictures,
                           int64_t image)
{
    char path[PATH_MAX];
    *out = (struct ebjr_picture){0};
    int status = find_path(path, pictures, image);
    if (!status)
        status = ebjr_picture_file_read(out, path, pictures->files[image]);
    if (!status)
        status = check_size(out, &pictures->truth->images[image]);
    if (!status)
        return 0;
    ebjr_picture_free(out);
    return ebjr_coco_picture_blame(status, pictures, image);
}

static void release_picture(void *input)
{
    ebjr_picture_free(input);
}

static int read_pictures(void *context, void *inputs, int32_t *labels, void *scratch, int64_t first,
                         size_t count)
{
    struct ebjr_picture *out = inputs;
    int status = 0;
    (void)labels;
    (void)scratch;
    for (size_t i = 0; !status && i < count; i++) {
        ebjr_picture_free(&out[i]);
        status = ebjr_coco_picture_read(&out[i], context, first + (int64_t)i);
    }
    return status;
}

/* Bytes of the largest picture that the truth knows of; else of a large one. */
static size_t largest_picture(const struct ebjr_stored_truth *truth)
{
    static const int64_t unknown = 16 << 20, most = (int64_t)EBJR_PICTURE_PIXELS;
    int64_t pixels = 0;
    for (size_t i = 0; i < truth->truth.images; i++) {
        const int64_t width = truth->images[i].width, height = truth->images[i].height;
        bool fits = width > 0 && height > 0 && width <= most / height;
        int64_t here = fits ? width * height : unknown;
        pixels = here > pixels ? here : pixels;
    }
    return 3 * (size_t)pixels;
}

struct ebjr_feed_source ebjr_coco_pictures_source(ebjr_coco_pictures *pictures)
{
    return (struct ebjr_feed_source){.context = pictures,
                                     .size = sizeof(struct ebjr_picture),
                                     .elsewhere = largest_picture(pictures->truth),
                                     .is_parallel = true,
                                     .read = read_pictures,
                                     .release = release_picture};
}
