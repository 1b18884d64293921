/* Small files, read whole. */
#ifndef EBJR_BASE_FILE_H
#define EBJR_BASE_FILE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The bytes of a file, of which there may be fewer than `most`, and a NUL behind them. The caller
 * frees *out. Errors: EBJR_ENOTFOUND, EBJR_EIO, EBJR_EFORMAT it is larger; EBJR_ENOMEM. */
int ebjr_file_read(char **out, size_t *size, const char *path, size_t most);

#ifdef __cplusplus
}
#endif

#endif
