/* A temporary file without a name: what it holds is gone with the process, however that ends. */
#ifndef EBJR_BASE_SPILL_H
#define EBJR_BASE_SPILL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A file that nobody else can open, in a directory, or, where that is NULL, in TMPDIR, else in
 * /var/tmp, else in /tmp. The caller closes *descriptor. Errors: EBJR_EIO. */
int ebjr_temporary_open(int *descriptor, const char *directory);

typedef struct ebjr_spill ebjr_spill;

/* The directory as above. The caller owns *out. Errors: EBJR_EIO no file can be made there;
 * EBJR_ENOMEM. */
int ebjr_spill_new(ebjr_spill **out, const char *directory);
void ebjr_spill_free(ebjr_spill *spill);

/* Writes behind all that was written. Errors: EBJR_EIO, a full disk among them. */
int ebjr_spill_append(ebjr_spill *spill, const void *bytes, size_t size);

/* Reads from a place, 0 for the first byte written. Errors: EBJR_EIO. */
int ebjr_spill_read(void *bytes, const ebjr_spill *spill, int64_t at, size_t size);

#ifdef __cplusplus
}
#endif
#endif
