/* Logits that another program computed: a .npy array or CSV, read as a stream. */
#ifndef EBJR_RUNTIME_LOGITS_FILE_H
#define EBJR_RUNTIME_LOGITS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ebjr_logits_file ebjr_logits_file;

struct ebjr_logits_info {
    int64_t samples;
    size_t classes;
    bool has_labels;    /* a CSV with a column named "label" */
    bool probabilities; /* the file's numbers are probabilities */
};

/* A .npy [n, classes] of float32 or float64, else CSV: columns with the names of predictions.h, or
 * a row a sample, a column a class, in the order of the classes. The caller owns *out. Errors:
 * EBJR_ENOTFOUND, EBJR_EIO, EBJR_EFORMAT. */
int ebjr_logits_file_open(ebjr_logits_file **out, const char *path);
void ebjr_logits_file_close(ebjr_logits_file *file);

/* The numbers are probabilities, whatever the file says. */
void ebjr_logits_file_of_probabilities(ebjr_logits_file *file);

const struct ebjr_logits_info *ebjr_logits_file_describe(const ebjr_logits_file *file);

/*
 * The next `count` samples: logits [count, classes], labels [count] where it has them (labels may
 * be NULL). Of probabilities, log p: the logits less the sample's logsumexp, so that every score is
 * the logits' but energy (0 for every sample) and max-logit (log max p). A probability below 1e-38
 * counts as that. Errors: EBJR_EFORMAT with the row, also where probabilities are none or do not
 * add up to 1; EBJR_EIO.
 */
int ebjr_logits_file_read(ebjr_logits_file *file, size_t count, float *logits, int32_t *labels);

#ifdef __cplusplus
}
#endif
#endif
