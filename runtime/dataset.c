#include "runtime/dataset.h"

#include "base/error.h"
#include "base/text.h"
#include "runtime/dataset_reader.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct ebjr_dataset_reader *const readers[] = {&ebjr_cifar10_reader,
                                                            &ebjr_cifar100_reader, &ebjr_idx_reader,
                                                            &ebjr_npy_reader, &ebjr_images_reader};
enum { READER_COUNT = sizeof readers / sizeof *readers };

bool ebjr_path_is_directory(const char *path)
{
    struct stat entry;
    return stat(path, &entry) == 0 && S_ISDIR(entry.st_mode);
}

bool ebjr_path_exists(const char *path)
{
    struct stat entry;
    return stat(path, &entry) == 0;
}

void ebjr_path_stem(char *out, size_t size, const char *path)
{
    char absolute[PATH_MAX];
    if (!realpath(path, absolute))
        snprintf(absolute, sizeof absolute, "%s", path);
    const char *slash = strrchr(absolute, '/');
    const char *last = slash && slash[1] ? slash + 1 : absolute;
    const char *dot = strrchr(last, '.');
    size_t length = dot && dot != last ? (size_t)(dot - last) : strlen(last);
    snprintf(out, size, "%.*s", (int)(length < size ? length : size - 1), last);
}

int ebjr_dataset_add_file(ebjr_dataset *dataset, const char *directory, const char *name)
{
    char path[PATH_MAX];
    int length = directory ? snprintf(path, sizeof path, "%s/%s", directory, name)
                           : snprintf(path, sizeof path, "%s", name);
    if (length >= (int)sizeof path || dataset->file_count == EBJR_DATASET_FILES)
        return ebjr_error_set(EBJR_EINVAL, "the path %.64s... is too long", name);
    char *copy = strdup(path);
    if (!copy)
        return ebjr_error_memory();
    dataset->files[dataset->file_count++] = copy;
    return 0;
}

/* The path of a spec, or that before "#ARRAY". */
static bool names_a_file(const char *path)
{
    char file[PATH_MAX];
    const char *hash = strrchr(path, '#');
    snprintf(file, sizeof file, "%.*s", hash ? (int)(hash - path) : 0, path);
    return ebjr_path_exists(path) || (hash && ebjr_path_exists(file));
}

static int find_reader(const struct ebjr_dataset_reader **out, const char *kind)
{
    const char *kinds[READER_COUNT];
    for (size_t i = 0; i < READER_COUNT; i++) {
        kinds[i] = readers[i]->kind;
        if (strcmp(kinds[i], kind) == 0) {
            *out = readers[i];
            return 0;
        }
    }
    const char *nearest = ebjr_name_nearest(kind, kinds, READER_COUNT);
    return ebjr_error_set(EBJR_EINVAL,
                          "there is no kind of data set '%s'%s%s%s; it is one of cifar10, "
                          "cifar100, idx, npy, images",
                          kind, nearest ? " (did you mean '" : "", nearest ? nearest : "",
                          nearest ? "'?)" : "");
}

static int check_options(const struct ebjr_dataset *dataset,
                         const struct ebjr_dataset_options *options)
{
    bool is_npy = dataset->reader == &ebjr_npy_reader;
    bool is_images = dataset->reader == &ebjr_images_reader;
    if (options->split && strcmp(options->split, "test") != 0 &&
        strcmp(options->split, "train") != 0)
        return ebjr_error_set(EBJR_EINVAL, "--split is test or train, not '%s'", options->split);
    if (!is_npy && (options->labels || options->layout))
        return ebjr_error_set(EBJR_EINVAL,
                              "--labels and --layout belong to npy: data sets; %s: "
                              "files hold their own labels",
                              dataset->reader->kind);
    if ((is_npy || is_images) && options->split)
        return ebjr_error_set(EBJR_EINVAL, "%s: names its samples; there is nothing to --split",
                              dataset->reader->kind);
    if (!is_images && (options->fit.resize || options->fit.crop || options->skip_bad))
        return ebjr_error_set(EBJR_EINVAL,
                              "--resize, --crop and --skip-bad belong to images: data sets");
    return 0;
}

static int read_classes(ebjr_dataset *dataset, const char *path)
{
    dataset->classes = calloc(1, sizeof *dataset->classes);
    return dataset->classes ? ebjr_class_file_read(dataset->classes, path) : ebjr_error_memory();
}

int ebjr_dataset_open(ebjr_dataset **out, const char *spec,
                      const struct ebjr_dataset_options *options)
{
    static const struct ebjr_dataset_options none;
    char kind[32];
    const char *colon = strchr(spec, ':');
    if (!colon || colon == spec || !colon[1] || (size_t)(colon - spec) >= sizeof kind)
        return ebjr_error_set(EBJR_EINVAL,
                              "'%s' does not name a data set: write KIND:PATH, for example "
                              "cifar10:cifar-10-batches-bin",
                              spec);
    snprintf(kind, sizeof kind, "%.*s", (int)(colon - spec), spec);
    const char *path = colon + 1;

    ebjr_dataset *dataset = calloc(1, sizeof *dataset);
    if (!dataset)
        return ebjr_error_memory();
    int status = find_reader(&dataset->reader, kind);
    if (!status)
        status = check_options(dataset, options ? options : &none);
    if (!status && options && options->class_names)
        status = read_classes(dataset, options->class_names);
    if (!status && !names_a_file(path))
        status = ebjr_error_set(EBJR_ENOTFOUND, "%s: no such file or directory", path);
    if (!status) {
        snprintf(dataset->info.kind, sizeof dataset->info.kind, "%s", kind);
        char absolute[PATH_MAX];
        snprintf(dataset->info.path, sizeof dataset->info.path, "%s",
                 realpath(path, absolute) ? absolute : path);
        dataset->info.is_labelled = true;
        if (options)
            dataset->info.fit = options->fit;
        status = dataset->reader->open(dataset, path, options ? options : &none);
    }
    const struct ebjr_shape *shape = &dataset->info.shape;
    if (!status &&
        (dataset->info.samples == 0 || shape->channels * shape->height * shape->width == 0))
        status = ebjr_error_set(EBJR_EFORMAT, "%s holds no images", path);
    if (status) {
        ebjr_dataset_close(dataset);
        return status;
    }
    *out = dataset;
    return 0;
}

void ebjr_dataset_close(ebjr_dataset *dataset)
{
    if (!dataset)
        return;
    if (dataset->reader && dataset->state)
        dataset->reader->close(dataset);
    for (size_t i = 0; i < dataset->file_count; i++)
        free(dataset->files[i]);
    if (dataset->classes)
        ebjr_class_file_free(dataset->classes);
    free(dataset->classes);
    free(dataset);
}

const struct ebjr_dataset_info *ebjr_dataset_describe(const ebjr_dataset *dataset)
{
    return &dataset->info;
}

int ebjr_dataset_read(ebjr_dataset *dataset, int64_t first, size_t count, void *pixels,
                      int32_t *labels)
{
    if (first < 0 || (int64_t)count > dataset->info.samples - first)
        return ebjr_error_set(EBJR_EINVAL, "%s has no samples %lld to %lld", dataset->info.path,
                              (long long)first, (long long)first + (long long)count - 1);
    return dataset->reader->read(dataset, first, count, pixels, labels);
}

int ebjr_dataset_fit(ebjr_dataset *dataset, const struct ebjr_fit *fit)
{
    if (ebjr_fit_same(fit, &dataset->info.fit))
        return 0;
    if (!dataset->reader->fit)
        return ebjr_error_set(EBJR_EINVAL, "%s: images are not resized or cropped, only images:",
                              dataset->reader->kind);
    dataset->info.fit = *fit;
    return dataset->reader->fit(dataset);
}

bool ebjr_dataset_is_parallel(const ebjr_dataset *dataset)
{
    return dataset->reader->is_parallel;
}

const struct ebjr_class_names *ebjr_dataset_class_names(const ebjr_dataset *dataset)
{
    static const struct ebjr_class_names none;
    if (dataset->classes)
        return &dataset->classes->names;
    return dataset->reader->names ? dataset->reader->names(dataset) : &none;
}

int ebjr_dataset_hash(char out[EBJR_HASH_TEXT], int64_t *bytes, ebjr_dataset *dataset)
{
    ebjr_hash *hash;
    if (dataset->reader->hash)
        return dataset->reader->hash(out, bytes, dataset);
    int status = ebjr_hash_new(&hash);
    if (status)
        return status;
    *bytes = 0;
    for (size_t i = 0; !status && i < dataset->file_count; i++)
        status = ebjr_hash_update_file(hash, dataset->files[i], bytes);
    if (!status)
        status = ebjr_hash_update(hash, dataset->layout, strlen(dataset->layout));
    if (!status)
        status = ebjr_hash_finish(hash, out);
    ebjr_hash_free(hash);
    return status;
}
