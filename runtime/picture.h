/*
 * Pictures: JPEG and PNG, told apart by their first bytes, decoded to RGB with 8 bits a channel.
 * The pixels are those of Pillow's Image.open(...).convert("RGB") over the same libraries:
 *
 *   JPEG   baseline and progressive; grey, YCbCr, RGB; CMYK and YCCK as Adobe writes them,
 *          inverted. The accurate integer DCT, smooth upsampling. EXIF's orientation is left alone.
 *   PNG    all kinds; alpha and transparent colours are dropped; of 16 bits the high 8 are taken,
 *          but grey without alpha is cut off at 255, as Pillow does it.
 *
 * Where data are missing or damaged nothing is made up: that is an error.
 */
#ifndef EBJR_RUNTIME_PICTURE_H
#define EBJR_RUNTIME_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most pixels of a picture, Pillow's bound too: a file of a few bytes may claim any number. */
#define EBJR_PICTURE_PIXELS ((size_t)89478485)

struct ebjr_picture {
    size_t width, height;
    uint8_t *rgb; /* [height][width][3] */
};

/* The caller frees *out. Errors, without the file's name: EBJR_EFORMAT neither JPEG nor PNG,
 * damaged, truncated, too large; EBJR_ENOMEM. */
int ebjr_picture_decode(struct ebjr_picture *out, const void *bytes, size_t size);
void ebjr_picture_free(struct ebjr_picture *picture);

/* Of one format; what `decode` chooses from. */
int ebjr_picture_decode_jpeg(struct ebjr_picture *out, const void *bytes, size_t size);
int ebjr_picture_decode_png(struct ebjr_picture *out, const void *bytes, size_t size);

/* Room for width x height pixels. Errors: EBJR_EFORMAT too many or none; EBJR_ENOMEM. */
int ebjr_picture_new(struct ebjr_picture *out, size_t width, size_t height);

#ifdef __cplusplus
}
#endif
#endif
