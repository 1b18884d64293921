/* The first bytes say what a picture is fitted to; what is then decoded fits. */
#include "fuzz.h"
#include "runtime/resize.h"

enum { HEAD = 4, MOST_PIXELS = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ebjr_picture picture;
    if (size < HEAD || ebjr_picture_decode(&picture, data + HEAD, size - HEAD) != 0)
        return 0;
    const struct ebjr_fit fit = {.resize = data[0], .crop = data[1], .interpolation = data[2] & 1};
    size_t width = picture.width, height = picture.height;
    ebjr_fit_size(&width, &height, &fit);
    if (width * height <= MOST_PIXELS && picture.width * picture.height <= MOST_PIXELS) {
        uint8_t *planes = malloc(3 * width * height);
        ebjr_fit_apply(planes, &picture, &fit);
        free(planes);
    }
    ebjr_picture_free(&picture);
    return 0;
}
