#include "base/error.h"
#include "runtime/picture.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h> /* before jpeglib.h, which needs it */
#include <stdlib.h>

#include <jerror.h>
#include <jpeglib.h>

/* Each scan of a progressive picture goes over all of it; encoders write about ten. */
enum { MOST_SCANS = 500 };

struct jpeg {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    char message[JMSG_LENGTH_MAX];
    uint8_t *row; /* of pictures that are not RGB */
};

static void give_up(j_common_ptr common)
{
    struct jpeg *jpeg = common->client_data;
    common->err->format_message(common, jpeg->message);
    longjmp(jpeg->escape, 1);
}

/* Warnings after which libjpeg makes pixels up. Once the last row is there none matters. */
static bool is_damage(const struct jpeg *jpeg, int code)
{
    if (jpeg->info.output_height > 0 && jpeg->info.output_scanline == jpeg->info.output_height)
        return false;
    switch (code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC: return true;
    default: return false;
    }
}

static void emit_message(j_common_ptr common, int level)
{
    if (level < 0 && is_damage(common->client_data, common->err->msg_code))
        give_up(common);
}

static void count_scans(j_common_ptr common)
{
    struct jpeg *jpeg = common->client_data;
    if (jpeg->info.input_scan_number > MOST_SCANS) {
        snprintf(jpeg->message, sizeof jpeg->message, "more than %d scans", MOST_SCANS);
        longjmp(jpeg->escape, 1);
    }
}

/* Colours as Pillow asks for them, by the number of components. */
static void choose_colours(struct jpeg *jpeg)
{
    struct jpeg_decompress_struct *info = &jpeg->info;
    switch (info->num_components) {
    case 1: info->out_color_space = JCS_GRAYSCALE; break;
    case 3: info->out_color_space = JCS_RGB; break;
    case 4: info->out_color_space = JCS_CMYK; break;
    default:
        snprintf(jpeg->message, sizeof jpeg->message, "%d colour components", info->num_components);
        longjmp(jpeg->escape, 1);
    }
}

static void grey_to_rgb(uint8_t *rgb, const uint8_t *grey, size_t width)
{
    for (size_t x = 0; x < width; x++)
        rgb[3 * x] = rgb[3 * x + 1] = rgb[3 * x + 2] = grey[x];
}

/* Inverted CMYK, c' = 255 - c: R = k' - round((255 - c') k' / 255), as Pillow rounds it. */
static void cmyk_to_rgb(uint8_t *rgb, const uint8_t *cmyk, size_t width)
{
    for (size_t x = 0; x < width; x++, cmyk += 4) {
        int white = cmyk[3];
        for (int c = 0; c < 3; c++) {
            int product = (255 - cmyk[c]) * white + 128;
            *rgb++ = (uint8_t)(white - ((product + (product >> 8)) >> 8));
        }
    }
}

static int read_rows(struct ebjr_picture *out, struct jpeg *jpeg)
{
    struct jpeg_decompress_struct *info = &jpeg->info;
    int components = info->output_components;
    size_t width = out->width;
    jpeg->row = components == 3 ? NULL : malloc(width * (size_t)components);
    if (components != 3 && !jpeg->row)
        return ebjr_error_memory();
    while (info->output_scanline < info->output_height) {
        uint8_t *rgb = out->rgb + info->output_scanline * width * 3;
        JSAMPROW row = jpeg->row ? jpeg->row : rgb;
        jpeg_read_scanlines(info, &row, 1);
        if (components == 1)
            grey_to_rgb(rgb, row, width);
        else if (components == 4)
            cmyk_to_rgb(rgb, row, width);
    }
    return 0;
}

static int decode(struct ebjr_picture *out, struct jpeg *jpeg, const void *bytes, size_t size)
{
    struct jpeg_decompress_struct *info = &jpeg->info;
    if (setjmp(jpeg->escape))
        return ebjr_error_set(EBJR_EFORMAT, "damaged JPEG: %s", jpeg->message);
    jpeg_create_decompress(info);
    info->progress = &jpeg->progress;
    jpeg_mem_src(info, bytes, size);
    jpeg_read_header(info, TRUE);
    choose_colours(jpeg);
    int status = ebjr_picture_new(out, info->image_width, info->image_height);
    if (status)
        return status;
    jpeg_start_decompress(info);
    return read_rows(out, jpeg);
}

int ebjr_picture_decode_jpeg(struct ebjr_picture *out, const void *bytes, size_t size)
{
    struct jpeg *jpeg = calloc(1, sizeof *jpeg);
    if (!jpeg)
        return ebjr_error_memory();
    *out = (struct ebjr_picture){0};
    jpeg->info.err = jpeg_std_error(&jpeg->errors);
    jpeg->info.client_data = jpeg;
    jpeg->errors.error_exit = give_up;
    jpeg->errors.emit_message = emit_message;
    jpeg->progress.progress_monitor = count_scans;
    int status = decode(out, jpeg, bytes, size);
    jpeg_destroy_decompress(&jpeg->info);
    free(jpeg->row);
    free(jpeg);
    if (status)
        ebjr_picture_free(out);
    return status;
}
