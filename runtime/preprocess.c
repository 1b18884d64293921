#include "runtime/preprocess.h"

#include "base/error.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int parse_scale(struct ebjr_preprocessing *out, const char *scale)
{
    char text[64];
    snprintf(text, sizeof text, "%s", scale);
    char *slash = strchr(text, '/');
    out->divisor = 1;
    if (slash)
        *slash = 0;
    int status = ebjr_number_parse(&out->multiplier, text);
    if (!status && slash)
        status = ebjr_number_parse(&out->divisor, slash + 1);
    if (!status && (!isfinite(out->multiplier) || !isfinite(out->divisor) || out->divisor == 0 ||
                    out->multiplier == 0))
        status = ebjr_error_set(EBJR_EINVAL, "'%s' scales every pixel to nothing", scale);
    return status ? ebjr_error_context(status, "--scale") : 0;
}

/* "a,b,c": one number for each channel, or one for all. */
static int parse_channels(double *out, const char *text, size_t channels, const char *option)
{
    size_t count = 0;
    char item[32];
    while (true) {
        size_t length = strcspn(text, ",");
        if (count == EBJR_CHANNELS || length >= sizeof item)
            return ebjr_error_set(EBJR_EINVAL, "%s: too long a list", option);
        snprintf(item, sizeof item, "%.*s", (int)length, text);
        int status = ebjr_number_parse(&out[count++], item);
        if (status)
            return ebjr_error_context(status, "%s", option);
        if (!isfinite(out[count - 1]))
            return ebjr_error_set(EBJR_EINVAL, "%s: numbers must be finite", option);
        if (!text[length])
            break;
        text += length + 1;
    }
    if (count != 1 && count != channels)
        return ebjr_error_set(EBJR_EINVAL, "%s has %zu numbers, but the images have %zu channel%s",
                              option, count, channels, channels == 1 ? "" : "s");
    for (; count < channels; count++)
        out[count] = out[0];
    return 0;
}

int ebjr_preprocessing_parse(struct ebjr_preprocessing *out, const char *scale, const char *mean,
                             const char *std, const struct ebjr_dataset_info *dataset)
{
    memset(out, 0, sizeof *out);
    out->channels = dataset->shape.channels;
    out->fit = dataset->fit;
    if (out->channels > EBJR_CHANNELS)
        return ebjr_error_set(EBJR_EINVAL, "images of %zu channels; at most %d are read",
                              out->channels, EBJR_CHANNELS);
    int status = parse_scale(out, scale ? scale : dataset->is_float ? "1" : "1/255");
    if (!status)
        status = parse_channels(out->mean, mean ? mean : "0", out->channels, "--mean");
    if (!status)
        status = parse_channels(out->std, std ? std : "1", out->channels, "--std");
    for (size_t c = 0; !status && c < out->channels; c++)
        if (out->std[c] <= 0)
            status = ebjr_error_set(EBJR_EINVAL, "--std: every number must be above 0");
    return status;
}

struct text {
    char *out;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void append(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(text->used < text->size ? text->out + text->used : NULL,
                  text->used < text->size ? text->size - text->used : 0, format, arguments);
    va_end(arguments);
    text->used += length > 0 ? (size_t)length : 0;
}

static void append_list(struct text *text, const char *name, const double *values, size_t count)
{
    char number[EBJR_NUMBER_TEXT];
    append(text, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++)
        append(text, "%s%s", i ? "," : "", ebjr_number_format(number, values[i]));
    append(text, "]");
}

static void append_fit(struct text *text, const struct ebjr_fit *fit)
{
    if (fit->resize)
        append(text, ",\"resize\":%zu,\"interpolation\":\"%s\"", fit->resize,
               ebjr_interpolation_name(fit->interpolation));
    if (fit->crop)
        append(text, ",\"crop\":%zu", fit->crop);
}

int ebjr_preprocessing_describe(char *out, size_t size, const struct ebjr_preprocessing *self)
{
    char number[EBJR_NUMBER_TEXT];
    struct text text = {out, size, 0};
    append(&text, "{\"scale\":\"%s", ebjr_number_format(number, self->multiplier));
    if (self->divisor != 1)
        append(&text, "/%s", ebjr_number_format(number, self->divisor));
    append(&text, "\"");
    append_list(&text, "mean", self->mean, self->channels);
    append_list(&text, "std", self->std, self->channels);
    append_fit(&text, &self->fit);
    append(&text, "}");
    if (text.used >= size)
        return ebjr_error_set(EBJR_EINVAL, "the preprocessing takes too long a text to store");
    return 0;
}

static bool recall_list(double *out, const json_t *list, size_t channels)
{
    if (json_array_size(list) != channels)
        return false;
    for (size_t c = 0; c < channels; c++) {
        if (!json_is_number(json_array_get(list, c)))
            return false;
        out[c] = json_number_value(json_array_get(list, c));
    }
    return true;
}

static bool recall_size(size_t *out, const json_t *size)
{
    json_int_t value = json_integer_value(size);
    *out = (size_t)value;
    return !size || (json_is_integer(size) && value > 0 && value <= EBJR_FIT_SIZE);
}

static bool recall_fit(struct ebjr_fit *out, const json_t *json)
{
    const json_t *interpolation = json_object_get(json, "interpolation");
    const char *name = json_string_value(interpolation);
    return recall_size(&out->resize, json_object_get(json, "resize")) &&
           recall_size(&out->crop, json_object_get(json, "crop")) &&
           (!interpolation || (name && ebjr_interpolation_find(&out->interpolation, name) == 0));
}

int ebjr_preprocessing_recall(struct ebjr_preprocessing *out, const char *text, size_t channels)
{
    json_t *json = json_loads(text, 0, NULL);
    const char *scale = json_string_value(json_object_get(json, "scale"));
    if (channels == 0)
        channels = json_array_size(json_object_get(json, "mean"));
    *out = (struct ebjr_preprocessing){.channels = channels};
    bool fine = channels > 0 && channels <= EBJR_CHANNELS && scale &&
                parse_scale(out, scale) == 0 &&
                recall_list(out->mean, json_object_get(json, "mean"), channels) &&
                recall_list(out->std, json_object_get(json, "std"), channels) &&
                recall_fit(&out->fit, json);
    for (size_t c = 0; fine && c < channels; c++)
        fine = out->std[c] > 0;
    json_decref(json);
    return fine ? 0
                : ebjr_error_set(EBJR_EFORMAT,
                                 "'%s' is not a preprocessing of images with %zu "
                                 "channel%s",
                                 text, channels, channels == 1 ? "" : "s");
}

static float apply_one(float pixel, size_t channel, const struct ebjr_preprocessing *self)
{
    float scaled = pixel * (float)self->multiplier / (float)self->divisor;
    return (scaled - (float)self->mean[channel]) / (float)self->std[channel];
}

void ebjr_preprocessing_apply(float *inputs, const void *pixels, size_t count,
                              const struct ebjr_dataset_info *dataset,
                              const struct ebjr_preprocessing *self)
{
    size_t channels = dataset->shape.channels;
    size_t plane = dataset->shape.height * dataset->shape.width;
    for (size_t c = 0; c < channels; c++) {
        float table[256];
        for (int value = 0; !dataset->is_float && value < 256; value++)
            table[value] = apply_one((float)value, c, self);
        for (size_t n = 0; n < count; n++) {
            size_t start = (n * channels + c) * plane;
            for (size_t i = start; i < start + plane; i++)
                inputs[i] = dataset->is_float ? apply_one(((const float *)pixels)[i], c, self)
                                              : table[((const uint8_t *)pixels)[i]];
        }
    }
}
