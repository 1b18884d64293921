/*
 * CIFAR's binary format: records of label bytes (CIFAR-10: one; CIFAR-100: coarse, then fine) and
 * 3,072 pixels, channel by channel, row by row. https://www.cs.toronto.edu/~kriz/cifar.html
 */
#include "base/error.h"
#include "runtime/dataset_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PIXELS = 3 * 32 * 32 };

struct cifar {
    size_t label_bytes, classes;
    FILE *streams[EBJR_DATASET_FILES];
    int64_t samples[EBJR_DATASET_FILES];
};

static const char *const cifar10_test[] = {"test_batch.bin", NULL};
static const char *const cifar10_train[] = {"data_batch_1.bin", "data_batch_2.bin",
                                            "data_batch_3.bin", "data_batch_4.bin",
                                            "data_batch_5.bin", NULL};
static const char *const cifar100_test[] = {"test.bin", NULL};
static const char *const cifar100_train[] = {"train.bin", NULL};

static int open_file(ebjr_dataset *dataset, size_t index)
{
    struct cifar *cifar = dataset->state;
    const char *path = dataset->files[index];
    struct stat file;
    cifar->streams[index] = fopen(path, "rb");
    if (!cifar->streams[index] || fstat(fileno(cifar->streams[index]), &file) != 0)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO, "cannot open %s: %s",
                              path, strerror(errno));
    int64_t record = (int64_t)cifar->label_bytes + PIXELS;
    if (file.st_size % record != 0)
        return ebjr_error_set(EBJR_EFORMAT,
                              "%s: its size, %lld bytes, is not a multiple of a %s record (%lld "
                              "bytes): truncated, or not in the binary format",
                              path, (long long)file.st_size, dataset->info.kind, (long long)record);
    cifar->samples[index] = file.st_size / record;
    dataset->info.samples += cifar->samples[index];
    return 0;
}

static int open_cifar(ebjr_dataset *dataset, const char *path, const char *split,
                      const char *const *names, size_t label_bytes, size_t classes)
{
    struct cifar *cifar = dataset->state = calloc(1, sizeof *cifar);
    if (!cifar)
        return ebjr_error_memory();
    cifar->label_bytes = label_bytes;
    cifar->classes = classes;
    dataset->info.shape = (struct ebjr_shape){3, 32, 32};

    int status = 0;
    if (ebjr_path_is_directory(path)) {
        snprintf(dataset->info.name, sizeof dataset->info.name, "%s-%s", dataset->info.kind, split);
        for (size_t i = 0; !status && names[i]; i++)
            status = ebjr_dataset_add_file(dataset, path, names[i]);
    } else {
        char stem[128];
        ebjr_path_stem(stem, sizeof stem, path);
        snprintf(dataset->info.name, sizeof dataset->info.name, "%s-%s", dataset->info.kind, stem);
        status = ebjr_dataset_add_file(dataset, NULL, path);
    }
    for (size_t i = 0; !status && i < dataset->file_count; i++)
        status = open_file(dataset, i);
    return status;
}

static int open_cifar10(ebjr_dataset *dataset, const char *path,
                        const struct ebjr_dataset_options *options)
{
    bool train = options->split && strcmp(options->split, "train") == 0;
    return open_cifar(dataset, path, train ? "train" : "test", train ? cifar10_train : cifar10_test,
                      1, 10);
}

static int open_cifar100(ebjr_dataset *dataset, const char *path,
                         const struct ebjr_dataset_options *options)
{
    bool train = options->split && strcmp(options->split, "train") == 0;
    return open_cifar(dataset, path, train ? "train" : "test",
                      train ? cifar100_train : cifar100_test, 2, 100);
}

static int read_record(ebjr_dataset *dataset, size_t file, int64_t index, unsigned char *pixels,
                       int32_t *label)
{
    struct cifar *cifar = dataset->state;
    unsigned char labels[2];
    if (fread(labels, 1, cifar->label_bytes, cifar->streams[file]) != cifar->label_bytes ||
        fread(pixels, 1, PIXELS, cifar->streams[file]) != PIXELS)
        return ebjr_error_set(EBJR_EIO, "%s: cannot read record %lld: %s", dataset->files[file],
                              (long long)index,
                              ferror(cifar->streams[file]) ? strerror(errno) : "the file shrank");
    *label = labels[cifar->label_bytes - 1];
    if ((size_t)*label >= cifar->classes)
        return ebjr_error_set(EBJR_EFORMAT,
                              "%s: record %lld has the label %d, but %s has %zu classes; is it in "
                              "another format?",
                              dataset->files[file], (long long)index, *label, dataset->info.kind,
                              cifar->classes);
    return 0;
}

static int read_cifar(ebjr_dataset *dataset, int64_t first, size_t count, void *pixels,
                      int32_t *labels)
{
    struct cifar *cifar = dataset->state;
    int64_t record = (int64_t)cifar->label_bytes + PIXELS;
    size_t done = 0;
    for (size_t file = 0; file < dataset->file_count && done < count; file++) {
        int64_t index = first + (int64_t)done;
        if (index >= cifar->samples[file]) {
            first -= cifar->samples[file];
            continue;
        }
        if (fseeko(cifar->streams[file], index * record, SEEK_SET) != 0)
            return ebjr_error_set(EBJR_EIO, "%s: %s", dataset->files[file], strerror(errno));
        for (; index < cifar->samples[file] && done < count; index++, done++) {
            int status = read_record(dataset, file, index, (unsigned char *)pixels + done * PIXELS,
                                     &labels[done]);
            if (status)
                return status;
        }
        first -= cifar->samples[file];
    }
    return 0;
}

static void close_cifar(ebjr_dataset *dataset)
{
    struct cifar *cifar = dataset->state;
    for (size_t i = 0; i < EBJR_DATASET_FILES; i++)
        if (cifar->streams[i])
            fclose(cifar->streams[i]);
    free(cifar);
}

const struct ebjr_dataset_reader ebjr_cifar10_reader = {
    .kind = "cifar10", .open = open_cifar10, .read = read_cifar, .close = close_cifar};
const struct ebjr_dataset_reader ebjr_cifar100_reader = {
    .kind = "cifar100", .open = open_cifar100, .read = read_cifar, .close = close_cifar};
