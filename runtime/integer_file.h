/* Whole numbers that another program wrote, a sample each: labels, latencies in nanoseconds. */
#ifndef EBJR_RUNTIME_INTEGER_FILE_H
#define EBJR_RUNTIME_INTEGER_FILE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All integers >= 0 of a file: a .npy [n], or one a line, with or without a header. The caller
 * frees *out. Errors: EBJR_ENOTFOUND, EBJR_EIO, EBJR_EFORMAT with the sample. */
int ebjr_integers_read(int64_t **out, int64_t *count, const char *path);

/* The same for labels, which are below 2^31. */
int ebjr_labels_read(int32_t **out, int64_t *count, const char *path);

#ifdef __cplusplus
}
#endif
#endif
