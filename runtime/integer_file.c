#include "runtime/integer_file.h"

#include "base/error.h"
#include "runtime/csv.h"
#include "runtime/npy.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 4096 };

static const double MOST_EXACT = 9007199254740992.0; /* 2^53: doubles beyond skip integers */

struct integer_file {
    const char *path;
    ebjr_npy *npy; /* either this */
    ebjr_csv *csv; /* or this */
    int64_t count, next;
};

static void close_integers(struct integer_file *file)
{
    ebjr_npy_close(file->npy);
    ebjr_csv_close(file->csv);
}

static int open_integers(struct integer_file *file, const char *path)
{
    *file = (struct integer_file){.path = path};
    if (ebjr_npy_is_path(path)) {
        int status = ebjr_npy_open(&file->npy, path);
        if (status)
            return status;
        const struct ebjr_npy_shape *shape = ebjr_npy_describe(file->npy);
        file->count = shape->size[0];
        if (shape->row == 1)
            return 0;
        return ebjr_error_set(EBJR_EFORMAT, "%s: more than one number a sample", path);
    }
    int status = ebjr_csv_open(&file->csv, path);
    if (status)
        return status;
    file->count = ebjr_csv_rows(file->csv);
    if (ebjr_csv_columns(file->csv) == 1)
        return 0;
    return ebjr_error_set(EBJR_EFORMAT, "%s: more than one number a line", path);
}

static int next_of_csv(struct integer_file *file, size_t count, int64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        int more = ebjr_csv_next(file->csv, &value);
        if (more < 0)
            return more;
        if (more == 0)
            return ebjr_error_set(EBJR_EIO, "%s shrank while it was read", file->path);
        if (!(fabs(value) < MOST_EXACT) || value != floor(value))
            return ebjr_error_set(EBJR_EFORMAT, "%s: sample %lld: %g is not a whole number",
                                  file->path, (long long)file->next + (long long)i, value);
        out[i] = (int64_t)value;
    }
    return 0;
}

/* The next `count`, each 0 to `most`. */
static int next_integers(struct integer_file *file, size_t count, int64_t most, int64_t *out)
{
    int status = file->npy ? ebjr_npy_read_integer(file->npy, file->next, count, out)
                           : next_of_csv(file, count, out);
    for (size_t i = 0; !status && i < count; i++)
        if (out[i] < 0 || out[i] > most)
            status = ebjr_error_set(EBJR_EFORMAT, "%s: sample %lld: %lld is %s", file->path,
                                    (long long)file->next + (long long)i, (long long)out[i],
                                    out[i] < 0 ? "below 0" : "not a label");
    file->next += (int64_t)count;
    return status;
}

int ebjr_integers_read(int64_t **out, int64_t *count, const char *path)
{
    struct integer_file file;
    int64_t *integers = NULL;
    int status = open_integers(&file, path);
    if (!status && !(integers = calloc((size_t)file.count + 1, sizeof *integers)))
        status = ebjr_error_memory();
    if (!status)
        status = next_integers(&file, (size_t)file.count, INT64_MAX, integers);
    close_integers(&file);
    if (status) {
        free(integers);
        return status;
    }
    *count = file.count;
    *out = integers;
    return 0;
}

int ebjr_labels_read(int32_t **out, int64_t *count, const char *path)
{
    struct integer_file file;
    int64_t block[BLOCK];
    int32_t *labels = NULL;
    int status = open_integers(&file, path);
    if (!status && !(labels = calloc((size_t)file.count + 1, sizeof *labels)))
        status = ebjr_error_memory();
    while (!status && file.next < file.count) {
        int64_t first = file.next, left = file.count - first;
        status = next_integers(&file, (size_t)(left < BLOCK ? left : BLOCK), INT32_MAX, block);
        for (int64_t i = first; !status && i < file.next; i++)
            labels[i] = (int32_t)block[i - first];
    }
    close_integers(&file);
    if (status) {
        free(labels);
        return status;
    }
    *count = file.count;
    *out = labels;
    return 0;
}
