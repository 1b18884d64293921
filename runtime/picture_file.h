/* The file of a picture: read whole, hashed, decoded. */
#ifndef EBJR_RUNTIME_PICTURE_FILE_H
#define EBJR_RUNTIME_PICTURE_FILE_H

#include "base/hash.h"
#include "runtime/picture.h"

#include <stdbool.h>

/* The SHA-256 of a picture's file, and its bytes; one that cannot be decoded is refused only where
 * `decodes` says so. Errors, with the path: EBJR_ENOTFOUND; EBJR_EIO, also of what is no plain
 * file; those of ebjr_picture_decode. */
int ebjr_picture_file_hash(char sha256[EBJR_HASH_TEXT], int64_t *bytes, const char *path,
                           bool decodes);

/* The picture, as long as its file has this SHA-256; NULL: whatever it has. The caller frees *out.
 * Errors: the same; EBJR_EFORMAT the file was changed. */
int ebjr_picture_file_read(struct ebjr_picture *out, const char *path, const char *sha256);

#endif
