/*
 * IDX, the format of MNIST and its family: big-endian 32-bit magic and sizes, then bytes.
 * zlib reads .gz and plain files alike. http://yann.lecun.com/exdb/mnist/
 */
#include "base/error.h"
#include "runtime/dataset_reader.h"
#include "runtime/gz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LABELS_MAGIC = 0x801, /* unsigned bytes, one dimension */
    IMAGES_MAGIC = 0x803, /* unsigned bytes, three dimensions */
    LABELS_START = 8,
    IMAGES_START = 16,
    LARGEST_SIDE = 1 << 14
};

enum { IMAGES, LABELS };

struct idx {
    gzFile streams[2];
};

static int failure(const ebjr_dataset *dataset, int which, const char *what)
{
    struct idx *idx = dataset->state;
    int status = ebjr_gz_failure(idx->streams[which], what);
    return ebjr_error_context(status, "%s", dataset->files[which]);
}

/* Tries "PREFIX-images-idx3-ubyte" and the spelling with a dot, plain and .gz. */
static int add_file(ebjr_dataset *dataset, const char *directory, const char *prefix,
                    const char *part)
{
    static const char *const forms[] = {"%s-%s-ubyte", "%s-%s-ubyte.gz"};
    char name[64], path[4200];
    for (int dotted = 0; dotted < 2; dotted++) {
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            snprintf(name, sizeof name, forms[i], prefix, part);
            char *dash = dotted ? strstr(name, "-idx") : NULL;
            if (dash)
                *dash = '.';
            snprintf(path, sizeof path, "%s/%s", directory, name);
            if (ebjr_path_exists(path))
                return ebjr_dataset_add_file(dataset, directory, name);
        }
    }
    return ebjr_error_set(EBJR_ENOTFOUND, "%s holds no %s-%s-ubyte (plain or .gz)", directory,
                          prefix, part);
}

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int open_stream(ebjr_dataset *dataset, int which, uint32_t *sizes, int dimensions)
{
    struct idx *idx = dataset->state;
    unsigned char head[IMAGES_START];
    int length = 4 * (1 + dimensions);
    int status = ebjr_gz_open(&idx->streams[which], dataset->files[which]);
    if (status)
        return status;
    if (gzread(idx->streams[which], head, (unsigned)length) != length)
        return failure(dataset, which, "it ends within its header");
    uint32_t magic = big_endian(head);
    if (magic != (uint32_t)(which == IMAGES ? IMAGES_MAGIC : LABELS_MAGIC))
        return ebjr_error_set(EBJR_EFORMAT, "%s: its magic number is 0x%08x, not 0x%08x of IDX %s",
                              dataset->files[which], magic,
                              (unsigned)(which == IMAGES ? IMAGES_MAGIC : LABELS_MAGIC),
                              which == IMAGES ? "images" : "labels");
    for (int i = 0; i < dimensions; i++)
        sizes[i] = big_endian(head + sizeof(uint32_t) * (size_t)(1 + i));
    return 0;
}

static int open_idx(ebjr_dataset *dataset, const char *path,
                    const struct ebjr_dataset_options *options)
{
    const char *split = options->split ? options->split : "test";
    const char *prefix = strcmp(split, "test") == 0 ? "t10k" : "train";
    char stem[128];
    uint32_t images[3] = {0}, labels[1] = {0};
    if (!ebjr_path_is_directory(path))
        return ebjr_error_set(EBJR_EINVAL, "idx: wants the directory of the files, not %s", path);
    dataset->state = calloc(1, sizeof(struct idx));
    if (!dataset->state)
        return ebjr_error_memory();
    ebjr_path_stem(stem, sizeof stem, path);
    snprintf(dataset->info.name, sizeof dataset->info.name, "%s-%s", stem, split);

    int status = add_file(dataset, path, prefix, "images-idx3");
    if (!status)
        status = add_file(dataset, path, prefix, "labels-idx1");
    if (!status)
        status = open_stream(dataset, IMAGES, images, 3);
    if (!status)
        status = open_stream(dataset, LABELS, labels, 1);
    if (!status && images[0] != labels[0])
        status =
            ebjr_error_set(EBJR_EFORMAT, "%s holds %u images, but %s %u labels",
                           dataset->files[IMAGES], images[0], dataset->files[LABELS], labels[0]);
    if (!status && (images[1] > LARGEST_SIDE || images[2] > LARGEST_SIDE))
        status = ebjr_error_set(EBJR_EFORMAT, "%s: images of %u x %u pixels are not believable",
                                dataset->files[IMAGES], images[1], images[2]);
    if (!status) {
        dataset->info.samples = images[0];
        dataset->info.shape = (struct ebjr_shape){1, images[1], images[2]};
    }
    return status;
}

static int read_bytes(ebjr_dataset *dataset, int which, int64_t position, void *out, size_t size)
{
    struct idx *idx = dataset->state;
    char *target = out;
    if (gzseek(idx->streams[which], position, SEEK_SET) != position)
        return failure(dataset, which, "it ends early");
    while (size > 0) {
        unsigned part = size < EBJR_GZ_MOST ? (unsigned)size : EBJR_GZ_MOST;
        int got = gzread(idx->streams[which], target, part);
        if (got <= 0)
            return failure(dataset, which, "it ends before its last sample: truncated?");
        target += got;
        size -= (size_t)got;
    }
    return 0;
}

/* After the last sample: nothing may follow, and gzip's checksum, which zlib compares there, holds.
 */
static int check_end(ebjr_dataset *dataset, int which)
{
    struct idx *idx = dataset->state;
    char extra;
    int got = gzread(idx->streams[which], &extra, 1);
    if (got < 0)
        return failure(dataset, which, "it is damaged");
    if (got > 0)
        return failure(dataset, which, "it goes on after its last sample");
    return ebjr_gz_is_whole(idx->streams[which])
               ? 0
               : failure(dataset, which, "it ends before its checksum: truncated?");
}

static int read_idx(ebjr_dataset *dataset, int64_t first, size_t count, void *pixels,
                    int32_t *labels)
{
    size_t plane = dataset->info.shape.height * dataset->info.shape.width;
    unsigned char bytes[4096];
    int status =
        read_bytes(dataset, IMAGES, IMAGES_START + first * (int64_t)plane, pixels, count * plane);
    for (size_t done = 0; !status && done < count;) {
        size_t part = count - done < sizeof bytes ? count - done : sizeof bytes;
        status = read_bytes(dataset, LABELS, LABELS_START + first + (int64_t)done, bytes, part);
        for (size_t i = 0; !status && i < part; i++)
            labels[done + i] = bytes[i];
        done += part;
    }
    bool is_last = first + (int64_t)count == dataset->info.samples;
    for (int which = IMAGES; !status && is_last && which <= LABELS; which++)
        status = check_end(dataset, which);
    if (status)
        ebjr_error_context(status, "samples %lld to %lld", (long long)first,
                           (long long)first + (long long)count - 1);
    return status;
}

static void close_idx(ebjr_dataset *dataset)
{
    struct idx *idx = dataset->state;
    for (int i = 0; i < 2; i++)
        if (idx->streams[i])
            gzclose(idx->streams[i]);
    free(idx);
}

const struct ebjr_dataset_reader ebjr_idx_reader = {
    .kind = "idx", .open = open_idx, .read = read_idx, .close = close_idx};
