/* What a reader of one kind of data set gives to dataset.c. */
#ifndef EBJR_RUNTIME_DATASET_READER_H
#define EBJR_RUNTIME_DATASET_READER_H

#include "runtime/class_file.h"
#include "runtime/dataset.h"

enum { EBJR_DATASET_FILES = 8 };

struct ebjr_dataset_reader {
    const char *kind;
    /* Opens `path`, fills info->samples, shape, is_float, name, and the list of files. */
    int (*open)(ebjr_dataset *dataset, const char *path,
                const struct ebjr_dataset_options *options);
    int (*read)(ebjr_dataset *dataset, int64_t first, size_t count, void *pixels, int32_t *labels);
    void (*close)(ebjr_dataset *dataset);
    /* What only some kinds have, else NULL. Fit: sets the shape by info->fit. Hash: instead of that
     * of the list of files. Names: of the classes, as the data have them. */
    int (*fit)(ebjr_dataset *dataset);
    int (*hash)(char out[EBJR_HASH_TEXT], int64_t *bytes, ebjr_dataset *dataset);
    const struct ebjr_class_names *(*names)(const ebjr_dataset *dataset);
    bool is_parallel; /* several threads may read at once */
};

struct ebjr_dataset {
    const struct ebjr_dataset_reader *reader;
    struct ebjr_dataset_info info;
    char *files[EBJR_DATASET_FILES]; /* all that the fingerprint covers, in reading order */
    size_t file_count;
    char layout[1024];               /* part of the fingerprint where not empty */
    struct ebjr_class_file *classes; /* what --class-names says; NULL: nothing */
    void *state;                     /* the reader's own */
};

extern const struct ebjr_dataset_reader ebjr_cifar10_reader, ebjr_cifar100_reader, ebjr_idx_reader,
    ebjr_images_reader, ebjr_npy_reader;

/* "DIRECTORY/name" or "name" joined and kept as the next of the files. Errors: EBJR_ENOMEM. */
int ebjr_dataset_add_file(ebjr_dataset *dataset, const char *directory, const char *name);

bool ebjr_path_is_directory(const char *path);
bool ebjr_path_exists(const char *path);

/* The last part of a path, without slashes at its end; of "." and "/" the absolute one's. */
void ebjr_path_stem(char *out, size_t size, const char *path);

#endif
