#include "runtime/logits_file.h"

#include "base/error.h"
#include "runtime/csv.h"
#include "runtime/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ebjr_logits_file {
    struct ebjr_logits_info info;
    ebjr_npy *npy; /* either this */
    ebjr_csv *csv; /* or this */
    int label_column;
    int64_t next;
    double *row; /* of the CSV */
};

static bool is_npy(const char *path)
{
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".npy") == 0;
}

static int open_npy(ebjr_logits_file *file, const char *path)
{
    int status = ebjr_npy_open(&file->npy, path);
    if (status)
        return status;
    const struct ebjr_npy_shape *shape = ebjr_npy_describe(file->npy);
    if (shape->rank != 2 || (shape->type != EBJR_NPY_F32 && shape->type != EBJR_NPY_F64))
        return ebjr_error_set(EBJR_EFORMAT,
                              "%s: logits are float32 or float64 [n, classes], this "
                              "array has another type or %zu dimensions",
                              path, shape->rank);
    file->info.samples = shape->size[0];
    file->info.classes = (size_t)shape->size[1];
    return 0;
}

static int open_csv(ebjr_logits_file *file, const char *path)
{
    int status = ebjr_csv_open(&file->csv, path);
    if (status)
        return status;
    file->label_column = ebjr_csv_find(file->csv, "label");
    file->info.has_labels = file->label_column >= 0;
    file->info.samples = ebjr_csv_rows(file->csv);
    file->info.classes = ebjr_csv_columns(file->csv) - file->info.has_labels;
    file->row = calloc(ebjr_csv_columns(file->csv), sizeof *file->row);
    return file->row ? 0 : ebjr_error_memory();
}

int ebjr_logits_file_open(ebjr_logits_file **out, const char *path)
{
    ebjr_logits_file *file = calloc(1, sizeof *file);
    if (!file)
        return ebjr_error_memory();
    int status = is_npy(path) ? open_npy(file, path) : open_csv(file, path);
    if (!status && (file->info.samples == 0 || file->info.classes == 0))
        status = ebjr_error_set(EBJR_EFORMAT, "%s holds no logits", path);
    if (status) {
        ebjr_logits_file_close(file);
        return status;
    }
    *out = file;
    return 0;
}

void ebjr_logits_file_close(ebjr_logits_file *file)
{
    if (!file)
        return;
    ebjr_npy_close(file->npy);
    ebjr_csv_close(file->csv);
    free(file->row);
    free(file);
}

const struct ebjr_logits_info *ebjr_logits_file_describe(const ebjr_logits_file *file)
{
    return &file->info;
}

static int to_label(int32_t *out, double value, int64_t sample)
{
    if (!(value >= 0 && value <= INT32_MAX && value == floor(value)))
        return ebjr_error_set(EBJR_EFORMAT, "sample %lld: %g is not a label; labels are 0, 1, ...",
                              (long long)sample, value);
    *out = (int32_t)value;
    return 0;
}

static int read_csv(ebjr_logits_file *file, size_t count, float *logits, int32_t *labels)
{
    size_t columns = ebjr_csv_columns(file->csv);
    for (size_t i = 0; i < count; i++) {
        int more = ebjr_csv_next(file->csv, file->row);
        if (more <= 0)
            return more < 0 ? more : ebjr_error_set(EBJR_EIO, "the file shrank while it was read");
        for (size_t column = 0; column < columns; column++) {
            if ((int)column != file->label_column) {
                *logits++ = (float)file->row[column];
            } else if (labels) {
                int status = to_label(&labels[i], file->row[column], file->next + (int64_t)i);
                if (status)
                    return status;
            }
        }
    }
    return 0;
}

int ebjr_logits_file_read(ebjr_logits_file *file, size_t count, float *logits, int32_t *labels)
{
    int status = file->npy ? ebjr_npy_read_float(file->npy, file->next, count, logits)
                           : read_csv(file, count, logits, labels);
    if (!status)
        file->next += (int64_t)count;
    return status;
}

static int labels_from_npy(int32_t **out, int64_t *count, const char *path)
{
    ebjr_npy *npy;
    int64_t *wide = NULL;
    int32_t *labels = NULL;
    int status = ebjr_npy_open(&npy, path);
    if (status)
        return status;
    const struct ebjr_npy_shape *shape = ebjr_npy_describe(npy);
    size_t n = (size_t)shape->size[0];
    if (shape->row != 1)
        status = ebjr_error_set(EBJR_EFORMAT, "%s: labels are one integer a sample", path);
    if (!status) {
        wide = calloc(n + 1, sizeof *wide);
        labels = calloc(n + 1, sizeof *labels);
        status = wide && labels ? ebjr_npy_read_integer(npy, 0, n, wide) : ebjr_error_memory();
    }
    for (size_t i = 0; !status && i < n; i++)
        status = to_label(&labels[i], (double)wide[i], (int64_t)i);
    ebjr_npy_close(npy);
    free(wide);
    if (status) {
        free(labels);
        return status;
    }
    *out = labels;
    *count = (int64_t)n;
    return 0;
}

static int labels_from_csv(int32_t **out, int64_t *count, const char *path)
{
    ebjr_csv *csv;
    double value;
    int status = ebjr_csv_open(&csv, path);
    if (status)
        return status;
    int64_t n = ebjr_csv_rows(csv);
    int32_t *labels = calloc((size_t)n + 1, sizeof *labels);
    if (!labels)
        status = ebjr_error_memory();
    else if (ebjr_csv_columns(csv) != 1)
        status = ebjr_error_set(EBJR_EFORMAT, "%s: labels are one integer a line", path);
    for (int64_t i = 0; !status && i < n; i++) {
        int more = ebjr_csv_next(csv, &value);
        status = more > 0   ? to_label(&labels[i], value, i)
                 : more < 0 ? more
                            : ebjr_error_set(EBJR_EIO, "%s shrank", path);
    }
    ebjr_csv_close(csv);
    if (status) {
        free(labels);
        return status;
    }
    *out = labels;
    *count = n;
    return 0;
}

int ebjr_labels_read(int32_t **out, int64_t *count, const char *path)
{
    int status =
        is_npy(path) ? labels_from_npy(out, count, path) : labels_from_csv(out, count, path);
    return status == EBJR_EFORMAT ? ebjr_error_context(status, "%s", path) : status;
}
