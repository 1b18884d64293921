/* SHA-256 of files and of rows, by libcrypto. */
#ifndef EBJR_BASE_HASH_H
#define EBJR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_HASH_BYTES = 32, EBJR_HASH_TEXT = 65 };

typedef struct ebjr_hash ebjr_hash;

/* The caller owns *out; ebjr_hash_free(NULL) is fine. Errors: EBJR_ENOMEM. */
int ebjr_hash_new(ebjr_hash **out);
void ebjr_hash_free(ebjr_hash *hash);

int ebjr_hash_update(ebjr_hash *hash, const void *bytes, size_t size);

/* Appends the bytes of a file; *size, where wanted, grows by their number. Errors: EBJR_ENOTFOUND,
 * EBJR_EIO. */
int ebjr_hash_update_file(ebjr_hash *hash, const char *path, int64_t *size);

/* Writes the digest as 64 lower-case hexadecimal digits and starts anew. */
int ebjr_hash_finish(ebjr_hash *hash, char out[EBJR_HASH_TEXT]);

/* The digest of some bytes. Errors: EBJR_ENOMEM. */
int ebjr_hash_bytes(char out[EBJR_HASH_TEXT], const void *bytes, size_t size);

/* The digest of one file, and its size in bytes. Errors: EBJR_ENOTFOUND, EBJR_EIO,
 * EBJR_ENOMEM. */
int ebjr_hash_file(char out[EBJR_HASH_TEXT], int64_t *size, const char *path);

#ifdef __cplusplus
}
#endif
#endif
