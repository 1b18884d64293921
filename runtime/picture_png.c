#include "base/error.h"
#include "runtime/picture.h"

#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    png_structp png;
    png_infop info;
    png_bytepp rows;
    const uint8_t *bytes;
    size_t left;
    char message[128];
};

static void give_up(png_structp png, png_const_charp message)
{
    struct reader *reader = png_get_error_ptr(png);
    size_t length = strnlen(message, sizeof reader->message - 1);
    memcpy(reader->message, message, length);
    reader->message[length] = 0;
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void take(png_structp png, png_bytep out, size_t size)
{
    struct reader *reader = png_get_io_ptr(png);
    if (size > reader->left)
        png_error(png, "it ends early");
    memcpy(out, reader->bytes, size);
    reader->bytes += size;
    reader->left -= size;
}

/* Whatever the file has, rows of RGB with 8 bits come out; of 16-bit grey its two bytes. */
static void ask_for_rgb(struct reader *reader, bool grey16)
{
    png_structp png = reader->png;
    int colour = png_get_color_type(png, reader->info);
    if (colour == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    if (colour == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, reader->info) < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    if (!grey16 && (colour == PNG_COLOR_TYPE_GRAY || colour == PNG_COLOR_TYPE_GRAY_ALPHA))
        png_set_gray_to_rgb(png);
    if (!grey16)
        png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, reader->info);
}

/* Big-endian 16 bits a pixel at the head of each row to RGB, cut off at 255, in place. */
static void expand_grey16(struct ebjr_picture *picture)
{
    for (size_t y = 0; y < picture->height; y++) {
        uint8_t *row = picture->rgb + y * picture->width * 3;
        for (size_t x = picture->width; x-- > 0;) {
            uint8_t grey = row[2 * x] ? 255 : row[2 * x + 1];
            row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = grey;
        }
    }
}

static int decode(struct ebjr_picture *out, struct reader *reader)
{
    if (setjmp(png_jmpbuf(reader->png)))
        return ebjr_error_set(EBJR_EFORMAT, "damaged PNG: %s", reader->message);
    png_set_read_fn(reader->png, reader, take);
    png_read_info(reader->png, reader->info);
    const size_t width = png_get_image_width(reader->png, reader->info);
    const size_t height = png_get_image_height(reader->png, reader->info);
    const bool grey16 = png_get_color_type(reader->png, reader->info) == PNG_COLOR_TYPE_GRAY &&
                        png_get_bit_depth(reader->png, reader->info) == 16;
    int status = ebjr_picture_new(out, width, height);
    if (status)
        return status;
    ask_for_rgb(reader, grey16);
    if (png_get_rowbytes(reader->png, reader->info) != width * (grey16 ? 2 : 3))
        png_error(reader->png, "a colour type that is not known here");
    reader->rows = calloc(height, sizeof *reader->rows);
    if (!reader->rows)
        return ebjr_error_memory();
    for (size_t y = 0; y < height; y++)
        reader->rows[y] = out->rgb + y * width * 3;
    png_read_image(reader->png, reader->rows);
    if (grey16)
        expand_grey16(out);
    return 0;
}

int ebjr_picture_decode_png(struct ebjr_picture *out, const void *bytes, size_t size)
{
    struct reader reader = {.bytes = bytes, .left = size};
    *out = (struct ebjr_picture){0};
    reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, give_up, ignore);
    reader.info = reader.png ? png_create_info_struct(reader.png) : NULL;
    int status = reader.info ? decode(out, &reader) : ebjr_error_memory();
    free(reader.rows);
    png_destroy_read_struct(&reader.png, &reader.info, NULL);
    if (status)
        ebjr_picture_free(out);
    return status;
}
