#include "runtime/picture.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

int ebjr_picture_new(struct ebjr_picture *out, size_t width, size_t height)
{
    if (width == 0 || height == 0)
        return ebjr_error_set(EBJR_EFORMAT, "it has no pixels");
    if (width > EBJR_PICTURE_PIXELS / height)
        return ebjr_error_set(EBJR_EFORMAT, "it claims %zu x %zu pixels, more than %zu in all",
                              width, height, EBJR_PICTURE_PIXELS);
    out->width = width;
    out->height = height;
    out->rgb = malloc(width * height * 3);
    return out->rgb ? 0 : ebjr_error_memory();
}

void ebjr_picture_free(struct ebjr_picture *picture)
{
    free(picture->rgb);
    *picture = (struct ebjr_picture){0};
}

static const struct format {
    const char *magic;
    size_t size;
    int (*decode)(struct ebjr_picture *out, const void *bytes, size_t size);
} formats[] = {
    {"\xff\xd8\xff", 3, ebjr_picture_decode_jpeg},
    {"\x89PNG\r\n\x1a\n", 8, ebjr_picture_decode_png},
};

int ebjr_picture_decode(struct ebjr_picture *out, const void *bytes, size_t size)
{
    *out = (struct ebjr_picture){0};
    if (size == 0)
        return ebjr_error_set(EBJR_EFORMAT, "it is empty");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (size >= formats[i].size && memcmp(bytes, formats[i].magic, formats[i].size) == 0)
            return formats[i].decode(out, bytes, size);
    return ebjr_error_set(EBJR_EFORMAT, "it is neither JPEG nor PNG");
}
