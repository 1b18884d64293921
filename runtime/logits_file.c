#include "runtime/logits_file.h"

#include "base/error.h"
#include "runtime/csv.h"
#include "runtime/npy.h"
#include "runtime/predictions.h"

#include <math.h>
#include <stdlib.h>

struct ebjr_logits_file {
    struct ebjr_logits_info info;
    ebjr_npy *npy; /* either this */
    ebjr_predictions *predictions;
    ebjr_csv *csv; /* or this */
    int label_column;
    int64_t next;
    double *row; /* of the CSV */
};

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

static int open_predictions(ebjr_logits_file *file, const char *path)
{
    int status = ebjr_predictions_open(&file->predictions, path);
    if (status || !file->predictions)
        return status;
    const struct ebjr_predictions_info *info = ebjr_predictions_describe(file->predictions);
    file->info = (struct ebjr_logits_info){info->samples, info->classes, info->has_labels,
                                           info->probabilities};
    file->row = calloc(info->classes + 1, sizeof *file->row);
    return file->row ? 0 : ebjr_error_memory();
}

static int open_csv(ebjr_logits_file *file, const char *path)
{
    int status = open_predictions(file, path);
    if (status || file->predictions)
        return status;
    status = ebjr_csv_open(&file->csv, path);
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
    int status = ebjr_npy_is_path(path) ? open_npy(file, path) : open_csv(file, path);
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
    ebjr_predictions_close(file->predictions);
    ebjr_csv_close(file->csv);
    free(file->row);
    free(file);
}

void ebjr_logits_file_of_probabilities(ebjr_logits_file *file)
{
    file->info.probabilities = true;
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

static int read_predictions(ebjr_logits_file *file, size_t count, float *logits, int32_t *labels)
{
    for (size_t i = 0; i < count; i++) {
        double label;
        int more = ebjr_predictions_next(file->predictions, file->row, &label);
        if (more <= 0)
            return more < 0 ? more : ebjr_error_set(EBJR_EIO, "the file shrank while it was read");
        for (size_t k = 0; k < file->info.classes; k++)
            *logits++ = (float)file->row[k];
        int status = labels && file->info.has_labels
                         ? to_label(&labels[i], label, file->next + (int64_t)i)
                         : 0;
        if (status)
            return status;
    }
    return 0;
}

static int to_logarithms(float *row, size_t classes, int64_t sample)
{
    static const double apart = 1e-3; /* of sums in float16 */
    static const float smallest = 1e-38F;
    double sum = 0;
    for (size_t k = 0; k < classes; k++) {
        if (!(row[k] >= 0 && row[k] <= 1 + apart))
            return ebjr_error_set(EBJR_EFORMAT, "sample %lld: %g is not a probability",
                                  (long long)sample, (double)row[k]);
        sum += (double)row[k];
        row[k] = logf(fmaxf(row[k], smallest));
    }
    if (fabs(sum - 1) <= apart)
        return 0;
    return ebjr_error_set(EBJR_EFORMAT,
                          "sample %lld: its probabilities add up to %.6g, not to 1: were all "
                          "classes written, and are they no logits?",
                          (long long)sample, sum);
}

int ebjr_logits_file_read(ebjr_logits_file *file, size_t count, float *logits, int32_t *labels)
{
    size_t classes = file->info.classes;
    int status = file->npy           ? ebjr_npy_read_float(file->npy, file->next, count, logits)
                 : file->predictions ? read_predictions(file, count, logits, labels)
                                     : read_csv(file, count, logits, labels);
    for (size_t i = 0; !status && file->info.probabilities && i < count; i++)
        status = to_logarithms(logits + i * classes, classes, file->next + (int64_t)i);
    if (!status)
        file->next += (int64_t)count;
    return status;
}
