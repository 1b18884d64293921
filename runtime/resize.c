#include "runtime/resize.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 3, PRECISION = 32 - 8 - 2 };

static const char *const names[] = {"bilinear", "bicubic"};

bool ebjr_fit_same(const struct ebjr_fit *a, const struct ebjr_fit *b)
{
    return a->resize == b->resize && a->crop == b->crop &&
           (a->resize == 0 || a->interpolation == b->interpolation);
}

const char *ebjr_interpolation_name(enum ebjr_interpolation interpolation)
{
    return names[interpolation];
}

int ebjr_interpolation_find(enum ebjr_interpolation *out, const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum ebjr_interpolation)i;
            return 0;
        }
    }
    return ebjr_error_set(EBJR_EINVAL, "--interpolation is bilinear or bicubic, not '%s'", name);
}

/* One side of a picture on its way. */
struct side {
    size_t in, scaled;  /* its length, before and after resizing */
    size_t first, kept; /* of the scaled: what the crop takes */
    size_t before, out; /* black before that; the whole */
};

static size_t scale(size_t length, size_t shorter, size_t resize)
{
    if (resize == 0)
        return length;
    return length == shorter ? resize : (size_t)((double)(resize * length) / (double)shorter);
}

/* round(n / 2), a half to even */
static size_t half_to_even(size_t n)
{
    return n / 2 + (n % 4 == 3);
}

static struct side side_of(size_t length, size_t shorter, const struct ebjr_fit *fit)
{
    struct side side = {.in = length, .scaled = scale(length, shorter, fit->resize)};
    side.kept = side.out = side.scaled;
    if (fit->crop == 0)
        return side;
    side.out = fit->crop;
    if (side.scaled < side.out) {
        side.before = (side.out - side.scaled) / 2;
    } else {
        side.first = half_to_even(side.scaled - side.out);
        side.kept = side.out;
    }
    return side;
}

void ebjr_fit_size(size_t *width, size_t *height, const struct ebjr_fit *fit)
{
    size_t shorter = *width < *height ? *width : *height;
    *width = side_of(*width, shorter, fit).out;
    *height = side_of(*height, shorter, fit).out;
}

/* The weights of what each kept output is made of. */
struct taps {
    size_t most;  /* of an output */
    size_t *from; /* [kept] the first input */
    size_t *count;
    int32_t *weights; /* [kept][most] */
};

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Keys's cubic with a = -1/2. */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static void taps_free(struct taps *taps)
{
    free(taps->from);
    free(taps->count);
    free(taps->weights);
}

/* weights[count] of one output: of the filter at (input - centre) / stretch, to sum to one. */
static void weigh(int32_t *weights, double *exact, size_t from, size_t count, double centre,
                  double stretch, double (*filter)(double))
{
    double sum = 0, inverse = 1 / stretch;
    for (size_t i = 0; i < count; i++) {
        exact[i] = filter(((double)i + (double)from - centre + 0.5) * inverse);
        sum += exact[i];
    }
    for (size_t i = 0; i < count; i++) {
        double weight = (sum != 0 ? exact[i] / sum : exact[i]) * (1 << PRECISION);
        weights[i] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
}

static int taps_new(struct taps *taps, const struct side *side,
                    enum ebjr_interpolation interpolation)
{
    double ratio = (double)side->in / (double)side->scaled;
    double stretch = ratio < 1 ? 1 : ratio;
    double support = (interpolation == EBJR_BICUBIC ? 2 : 1) * stretch;
    taps->most = (size_t)ceil(support) * 2 + 1;
    taps->from = malloc(side->kept * sizeof *taps->from);
    taps->count = malloc(side->kept * sizeof *taps->count);
    taps->weights = calloc(side->kept * taps->most, sizeof *taps->weights);
    double *exact = malloc(taps->most * sizeof *exact);
    bool complete = taps->from && taps->count && taps->weights && exact;
    for (size_t i = 0; complete && i < side->kept; i++) {
        double centre = ((double)(i + side->first) + 0.5) * ratio;
        double low = centre - support + 0.5, high = centre + support + 0.5;
        size_t from = low < 0 ? 0 : (size_t)low;
        size_t to = high > (double)side->in ? side->in : (size_t)high;
        taps->from[i] = from;
        taps->count[i] = to - from;
        weigh(taps->weights + i * taps->most, exact, from, to - from, centre, stretch,
              interpolation == EBJR_BICUBIC ? bicubic : bilinear);
    }
    free(exact);
    return complete ? 0 : ebjr_error_memory();
}

static uint8_t to_pixel(int32_t sum)
{
    int32_t value = sum >> PRECISION;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One row: in [width][3] to out [kept][3]. */
static void along_row(uint8_t *out, const uint8_t *in, const struct taps *taps, size_t kept)
{
    for (size_t x = 0; x < kept; x++) {
        const uint8_t *pixel = in + taps->from[x] * CHANNELS;
        const int32_t *weight = taps->weights + x * taps->most;
        int32_t sum[CHANNELS] = {1 << (PRECISION - 1), 1 << (PRECISION - 1), 1 << (PRECISION - 1)};
        for (size_t i = 0; i < taps->count[x]; i++, pixel += CHANNELS)
            for (int c = 0; c < CHANNELS; c++)
                sum[c] += pixel[c] * weight[i];
        for (int c = 0; c < CHANNELS; c++)
            *out++ = to_pixel(sum[c]);
    }
}

/* One output row from `count` rows of `size` numbers; sum[size] is room. */
static void along_columns(uint8_t *out, int32_t *sum, const uint8_t *rows, size_t size,
                          const int32_t *weights, size_t count)
{
    for (size_t x = 0; x < size; x++)
        sum[x] = 1 << (PRECISION - 1);
    for (size_t i = 0; i < count; i++)
        for (size_t x = 0; x < size; x++)
            sum[x] += rows[i * size + x] * weights[i];
    for (size_t x = 0; x < size; x++)
        out[x] = to_pixel(sum[x]);
}

static void to_planes(uint8_t *planes, const uint8_t *row, size_t y, const struct side *across,
                      const struct side *down)
{
    for (size_t c = 0; c < CHANNELS; c++) {
        uint8_t *out = planes + (c * down->out + down->before + y) * across->out + across->before;
        for (size_t x = 0; x < across->kept; x++)
            out[x] = row[x * CHANNELS + c];
    }
}

static int resample(uint8_t *planes, const struct ebjr_picture *picture, const struct side *across,
                    const struct side *down, const struct taps *columns, const struct taps *rows)
{
    size_t size = across->kept * CHANNELS;
    size_t first = rows->from[0], last = rows->from[down->kept - 1] + rows->count[down->kept - 1];
    uint8_t *between = calloc(last - first, size), *row = malloc(size);
    int32_t *sum = malloc(size * sizeof *sum);
    bool complete = between && row && sum;
    for (size_t y = first; complete && y < last; y++)
        along_row(between + (y - first) * size, picture->rgb + y * picture->width * CHANNELS,
                  columns, across->kept);
    for (size_t y = 0; complete && y < down->kept; y++) {
        along_columns(row, sum, between + (rows->from[y] - first) * size, size,
                      rows->weights + y * rows->most, rows->count[y]);
        to_planes(planes, row, y, across, down);
    }
    free(between);
    free(row);
    free(sum);
    return complete ? 0 : ebjr_error_memory();
}

int ebjr_fit_apply(uint8_t *planes, const struct ebjr_picture *picture, const struct ebjr_fit *fit)
{
    size_t shorter = picture->width < picture->height ? picture->width : picture->height;
    struct side across = side_of(picture->width, shorter, fit);
    struct side down = side_of(picture->height, shorter, fit);
    struct taps columns = {0}, rows = {0};
    memset(planes, 0, CHANNELS * across.out * down.out);
    if (across.scaled == across.in && down.scaled == down.in) {
        for (size_t y = 0; y < down.kept; y++)
            to_planes(planes,
                      picture->rgb + ((down.first + y) * across.in + across.first) * CHANNELS, y,
                      &across, &down);
        return 0;
    }
    int status = taps_new(&columns, &across, fit->interpolation);
    if (!status)
        status = taps_new(&rows, &down, fit->interpolation);
    if (!status)
        status = resample(planes, picture, &across, &down, &columns, &rows);
    taps_free(&columns);
    taps_free(&rows);
    return status;
}
