/* Opens a data set and reads all of it that is worth reading. */
#ifndef EBJR_TESTS_FUZZ_READ_DATASET_H
#define EBJR_TESTS_FUZZ_READ_DATASET_H

#include "fuzz.h"
#include "runtime/dataset.h"

static inline void read_dataset(const char *spec, const struct ebjr_dataset_options *options)
{
    enum { BLOCK = 7, MOST_SAMPLES = 100, MOST_BYTES = 1 << 20 };
    ebjr_dataset *dataset;
    char sha256[EBJR_HASH_TEXT];
    int64_t bytes;
    int32_t labels[BLOCK];
    if (ebjr_dataset_open(&dataset, spec, options) != 0)
        return;
    const struct ebjr_dataset_info *info = ebjr_dataset_describe(dataset);
    size_t size = info->shape.channels * info->shape.height * info->shape.width *
                  (info->is_float ? sizeof(float) : 1);
    void *pixels = size <= MOST_BYTES ? malloc(BLOCK * size + 1) : NULL;
    for (int64_t i = 0; pixels && i < info->samples && i < MOST_SAMPLES; i += BLOCK) {
        size_t count = (size_t)(info->samples - i < BLOCK ? info->samples - i : BLOCK);
        if (ebjr_dataset_read(dataset, i, count, pixels, labels) != 0)
            break;
    }
    ebjr_dataset_hash(sha256, &bytes, dataset);
    free(pixels);
    ebjr_dataset_close(dataset);
}

#endif
