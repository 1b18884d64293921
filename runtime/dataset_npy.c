/* Images and labels as NumPy saved them. */
#include "base/error.h"
#include "runtime/dataset_reader.h"
#include "runtime/npy.h"
#include "runtime/npz.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arrays {
    ebjr_npy *images, *labels;
    char *labels_path;
    bool channels_last;
};

static int check_images(ebjr_dataset *dataset, const char *path, const char *layout)
{
    struct arrays *arrays = dataset->state;
    const struct ebjr_npy_shape *images = ebjr_npy_describe(arrays->images);
    struct ebjr_shape *shape = &dataset->info.shape;
    const int64_t *size = images->size;
    if (images->type != EBJR_NPY_U8 && images->type != EBJR_NPY_F32)
        return ebjr_error_set(EBJR_EFORMAT, "%s: images are uint8 or float32", path);
    dataset->info.is_float = images->type == EBJR_NPY_F32;
    dataset->info.samples = size[0];
    if (images->rank == 3) {
        *shape = (struct ebjr_shape){1, (size_t)size[1], (size_t)size[2]};
        return 0;
    }
    if (images->rank != 4)
        return ebjr_error_set(EBJR_EFORMAT,
                              "%s: images have 3 or 4 dimensions ([n, h, w], or with channels), "
                              "not %zu",
                              path, images->rank);
    if (!layout)
        return ebjr_error_set(EBJR_EINVAL,
                              "%s has four dimensions: say --layout nchw or --layout nhwc", path);
    arrays->channels_last = strcmp(layout, "nhwc") == 0;
    if (!arrays->channels_last && strcmp(layout, "nchw") != 0)
        return ebjr_error_set(EBJR_EINVAL, "--layout is nchw or nhwc, not '%s'", layout);
    snprintf(dataset->layout, sizeof dataset->layout, "%s", layout);
    *shape = arrays->channels_last
                 ? (struct ebjr_shape){(size_t)size[3], (size_t)size[1], (size_t)size[2]}
                 : (struct ebjr_shape){(size_t)size[1], (size_t)size[2], (size_t)size[3]};
    return 0;
}

/* FILE.npz#ARRAY of a path that names no array: one called so. */
static int complete(char **out, const char *path, const char *const *names, bool single)
{
    struct ebjr_npz_path npz;
    char text[PATH_MAX + EBJR_NPZ_ARRAY + 1];
    snprintf(text, sizeof text, "%s", path);
    if (ebjr_npz_parse(&npz, path) && !*npz.array) {
        int status = ebjr_npz_choose(&npz, names, single);
        if (status)
            return status;
        snprintf(text, sizeof text, "%s#%s", npz.file, npz.array);
    }
    *out = strdup(text);
    return *out ? 0 : ebjr_error_memory();
}

static const char *const image_names[] = {"images", "x", NULL}, *const label_names[] = {"labels",
                                                                                        "y", NULL};

/* Where labels are: as said, else in the .npz of the images. *out is NULL: nowhere. */
static int find_labels(char **out, const char *path, const struct ebjr_dataset_options *options)
{
    struct ebjr_npz_path npz;
    if (options->labels)
        return complete(out, options->labels, label_names, true);
    if (!ebjr_npz_parse(&npz, path))
        return options->may_lack_labels
                   ? 0
                   : ebjr_error_set(EBJR_EINVAL,
                                    "npy: images need their labels: --labels FILE.npy");
    int status = complete(out, npz.file, label_names, false);
    return status == EBJR_ENOTFOUND && options->may_lack_labels ? 0 : status;
}

/* The file belongs to the fingerprint, and the array's name where it is one of several. */
static int cover(ebjr_dataset *dataset, const char *path)
{
    struct ebjr_npz_path npz;
    if (!ebjr_npz_parse(&npz, path))
        return ebjr_dataset_add_file(dataset, NULL, path);
    size_t used = strlen(dataset->layout);
    snprintf(dataset->layout + used, sizeof dataset->layout - used, "#%s", npz.array);
    for (size_t i = 0; i < dataset->file_count; i++)
        if (strcmp(dataset->files[i], npz.file) == 0)
            return 0;
    return ebjr_dataset_add_file(dataset, NULL, npz.file);
}

static int open_images(ebjr_dataset *dataset, const char *path, const char *layout)
{
    struct arrays *arrays = dataset->state;
    char *images = NULL;
    int status = complete(&images, path, image_names, true);
    if (!status)
        status = ebjr_npy_open(&arrays->images, images);
    if (!status)
        status = check_images(dataset, images, layout);
    if (!status)
        status = cover(dataset, images);
    free(images);
    return status;
}

static int open_labels(ebjr_dataset *dataset, const char *path)
{
    struct arrays *arrays = dataset->state;
    int status = cover(dataset, arrays->labels_path);
    if (!status)
        status = ebjr_npy_open(&arrays->labels, arrays->labels_path);
    if (status)
        return status;
    const struct ebjr_npy_shape *labels = ebjr_npy_describe(arrays->labels);
    if (labels->row != 1 || labels->size[0] != dataset->info.samples)
        return ebjr_error_set(EBJR_EFORMAT,
                              "%s holds %lld images, but %s %lld labels of %lld "
                              "numbers each",
                              path, (long long)dataset->info.samples, arrays->labels_path,
                              (long long)labels->size[0], (long long)labels->row);
    return 0;
}

static int open_arrays(ebjr_dataset *dataset, const char *path,
                       const struct ebjr_dataset_options *options)
{
    struct arrays *arrays = dataset->state = calloc(1, sizeof *arrays);
    if (!arrays)
        return ebjr_error_memory();
    ebjr_path_stem(dataset->info.name, sizeof dataset->info.name, path);
    int status = find_labels(&arrays->labels_path, path, options);
    if (!status)
        status = open_images(dataset, path, options->layout);
    dataset->info.is_labelled = arrays->labels_path != NULL;
    return status || !arrays->labels_path ? status : open_labels(dataset, path);
}

/* [h, w, c] to [c, h, w], of elements of `size` bytes. */
static void to_channels_first(char *out, const char *in, const struct ebjr_shape *shape,
                              size_t size)
{
    size_t plane = shape->height * shape->width;
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < shape->channels; c++)
            memcpy(out + (c * plane + i) * size, in + (i * shape->channels + c) * size, size);
}

static int read_images(ebjr_dataset *dataset, int64_t first, size_t count, char *pixels)
{
    struct arrays *arrays = dataset->state;
    if (!arrays->channels_last)
        return ebjr_npy_read(arrays->images, first, count, pixels);
    size_t size = dataset->info.is_float ? sizeof(float) : 1;
    size_t image = (size_t)ebjr_npy_describe(arrays->images)->row * size;
    char *interleaved = malloc(image);
    if (!interleaved)
        return ebjr_error_memory();
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        status = ebjr_npy_read(arrays->images, first + (int64_t)i, 1, interleaved);
        if (!status)
            to_channels_first(pixels + i * image, interleaved, &dataset->info.shape, size);
    }
    free(interleaved);
    return status;
}

static int read_labels(ebjr_dataset *dataset, int64_t first, size_t count, int32_t *labels)
{
    struct arrays *arrays = dataset->state;
    int64_t *wide = malloc(count * sizeof *wide);
    if (!wide)
        return ebjr_error_memory();
    int status = ebjr_npy_read_integer(arrays->labels, first, count, wide);
    for (size_t i = 0; !status && i < count; i++) {
        if (wide[i] < 0 || wide[i] > INT32_MAX)
            status = ebjr_error_set(EBJR_EFORMAT, "%s: sample %lld has the label %lld",
                                    arrays->labels_path, (long long)first + (long long)i,
                                    (long long)wide[i]);
        labels[i] = (int32_t)wide[i];
    }
    free(wide);
    return status;
}

static int read_arrays(ebjr_dataset *dataset, int64_t first, size_t count, void *pixels,
                       int32_t *labels)
{
    int status = read_images(dataset, first, count, pixels);
    if (status || dataset->info.is_labelled)
        return status ? status : read_labels(dataset, first, count, labels);
    for (size_t i = 0; i < count; i++)
        labels[i] = -1;
    return 0;
}

static void close_arrays(ebjr_dataset *dataset)
{
    struct arrays *arrays = dataset->state;
    ebjr_npy_close(arrays->images);
    ebjr_npy_close(arrays->labels);
    free(arrays->labels_path);
    free(arrays);
}

const struct ebjr_dataset_reader ebjr_npy_reader = {
    .kind = "npy", .open = open_arrays, .read = read_arrays, .close = close_arrays};
