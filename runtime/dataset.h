/*
 * runtime: executes models. Data set readers, preprocessing, devices, models behind a backend,
 * what they cost, the scores of their outputs, and the run that fills a store.
 *
 * A data set is labelled images, read in blocks, in order, never whole:
 *
 *   cifar10:PATH    CIFAR-10's binary format, a .bin file or the directory of them
 *   cifar100:PATH   CIFAR-100's binary format (fine labels), a .bin file or the directory
 *   idx:DIR         the MNIST family: {t10k,train}-{images-idx3,labels-idx1}-ubyte, plain or .gz
 *   npy:FILE        images [n, c, h, w], [n, h, w, c] or [n, h, w], uint8 or float32, with the
 *                   labels, integers [n], in a .npy of their own; or arrays of an .npz,
 *                   npy:FILE.npz or npy:FILE.npz#ARRAY
 *   images:PATH     pictures, JPEG or PNG, in a folder a class, or listed in a CSV file with their
 *                   labels (runtime/picture_list.h); resized and cropped to one size
 *
 * https://www.cs.toronto.edu/~kriz/cifar.html, http://yann.lecun.com/exdb/mnist/
 */
#ifndef EBJR_RUNTIME_DATASET_H
#define EBJR_RUNTIME_DATASET_H

#include "base/hash.h"
#include "db/class_name.h"
#include "runtime/resize.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_shape {
    size_t channels, height, width;
};

struct ebjr_dataset_options {
    const char *split;       /* "test" (NULL means it) or "train": which files of a directory */
    const char *labels;      /* npy: the file of the labels */
    bool may_lack_labels;    /* npy, images: without labels is fine; each label is then -1 */
    const char *layout;      /* npy: "nchw" or "nhwc", of images with four dimensions */
    struct ebjr_fit fit;     /* images: what a picture is resized and cropped to */
    const char *class_names; /* the file of them (runtime/class_file.h) */
    size_t workers;          /* images: threads that hash and decode; 0: one a processor */
    /* images: a first pass decodes every picture, and leaves bad ones out of the data set; each is
     * told to `skipped`, if that is given, in their order. */
    bool skip_bad;
    void (*skipped)(void *context, const char *message);
    void *context;
};

struct ebjr_dataset_info {
    char kind[32];
    char name[256];  /* a default: from the path and the split */
    char path[4096]; /* of the images, absolute */
    int64_t samples;
    struct ebjr_shape shape;
    bool is_float; /* pixels are float32, else uint8 */
    bool is_labelled;
    int64_t skipped;     /* bad pictures that were left out */
    struct ebjr_fit fit; /* images: what makes them of this shape */
};

typedef struct ebjr_dataset ebjr_dataset;

/* `spec` is KIND:PATH. The caller owns *out. Errors: EBJR_EINVAL an unknown kind or option;
 * EBJR_ENOTFOUND, EBJR_EIO; EBJR_EFORMAT the files are not what the kind says, or empty. */
int ebjr_dataset_open(ebjr_dataset **out, const char *spec,
                      const struct ebjr_dataset_options *options);
void ebjr_dataset_close(ebjr_dataset *dataset);

const struct ebjr_dataset_info *ebjr_dataset_describe(const ebjr_dataset *dataset);

/* Samples first .. first+count-1: pixels [count, c, h, w] of the data set's type, labels [count].
 * Errors: EBJR_EIO, EBJR_EFORMAT with the file and the sample. */
int ebjr_dataset_read(ebjr_dataset *dataset, int64_t first, size_t count, void *pixels,
                      int32_t *labels);

/* images: fits pictures so from now on, which changes the shape. Errors: EBJR_EINVAL another kind;
 * those of reading a picture. */
int ebjr_dataset_fit(ebjr_dataset *dataset, const struct ebjr_fit *fit);

/* May several threads read at once? */
bool ebjr_dataset_is_parallel(const ebjr_dataset *dataset);

/* What its classes are called: by the file of names, else by the data; empty where by neither. */
const struct ebjr_class_names *ebjr_dataset_class_names(const ebjr_dataset *dataset);

/* The fingerprint: SHA-256 of the files' bytes in reading order (of a single file: the file's own),
 * and of the layout where it decides how they are read; images: of a text with a line for each, its
 * label, a blank and the SHA-256 of its file. *bytes: their total size. */
int ebjr_dataset_hash(char out[EBJR_HASH_TEXT], int64_t *bytes, ebjr_dataset *dataset);

#ifdef __cplusplus
}
#endif
#endif
