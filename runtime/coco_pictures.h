/*
 * The pictures of a COCO data set: of each image of the truth the file DIRECTORY/file_name, whole,
 * as RGB with 8 bits a channel. All are hashed before the first is decoded, and one that is no
 * longer the same is refused.
 */
#ifndef EBJR_RUNTIME_COCO_PICTURES_H
#define EBJR_RUNTIME_COCO_PICTURES_H

#include "db/truth.h"
#include "runtime/feed.h"
#include "runtime/picture.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ebjr_coco_pictures ebjr_coco_pictures;

/* Borrows the truth and the directory's name. `workers` threads hash; 0: one a processor. The
 * caller owns *out. Errors, with the first image they are about: EBJR_ENOTFOUND, EBJR_EIO;
 * EBJR_EFORMAT the truth does not name its file. */
int ebjr_coco_pictures_open(ebjr_coco_pictures **out, const struct ebjr_stored_truth *truth,
                            const char *directory, size_t workers);
void ebjr_coco_pictures_close(ebjr_coco_pictures *pictures);

/* SHA-256 of a text with a line for each image in order: the SHA-256 of its file. */
const char *ebjr_coco_pictures_sha256(const ebjr_coco_pictures *pictures);

/* The caller frees *out. Errors, with the image: those of decoding; EBJR_EFORMAT it has not the
 * size that the truth says, or was changed. */
int ebjr_coco_picture_read(struct ebjr_picture *out, const ebjr_coco_pictures *pictures,
                           int64_t image);

/* Puts "image NUMBER (FILE): " before the kept message; returns `code`. */
int ebjr_coco_picture_blame(int code, const ebjr_coco_pictures *pictures, int64_t image);

/* Its inputs are struct ebjr_picture, its labels are not set. Borrows the pictures. */
struct ebjr_feed_source ebjr_coco_pictures_source(ebjr_coco_pictures *pictures);

#ifdef __cplusplus
}
#endif
#endif
