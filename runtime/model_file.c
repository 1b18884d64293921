#include "runtime/model_file.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zip.h>

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), size = strlen(end);
    return length >= size && strcmp(name + length - size, end) == 0;
}

/* "2.6.0+debian", which examples/export.py writes beside the model. */
static void read_version(struct ebjr_model_file *out, zip_t *zip, zip_uint64_t index)
{
    char text[32] = "";
    zip_file_t *record = zip_fopen_index(zip, index, 0);
    if (!record)
        return;
    zip_int64_t got = zip_fread(record, text, sizeof text - 1);
    zip_fclose(record);
    int major, minor; /* NOLINTNEXTLINE(cert-err34-c): at most two digits each */
    if (got > 0 && sscanf(text, "%2d.%2d", &major, &minor) == 2 && major > 0 && minor >= 0) {
        out->major = major;
        out->minor = minor;
        out->or_newer = false;
    }
}

/* Formats in the order of their enum: each leaves records that those before it lack. */
static void take(enum ebjr_model_format *format, enum ebjr_model_format found)
{
    if (found > *format)
        *format = found;
}

/* Records lie in a folder of any name, but those of the first packages. */
static void look_at(struct ebjr_model_file *out, zip_t *zip, zip_uint64_t index)
{
    const char *name = zip_get_name(zip, index, ZIP_FL_ENC_RAW);
    if (!name)
        return;
    if (strstr(name, "data/aotinductor/"))
        take(&out->format, EBJR_MODEL_PACKAGE);
    else if (ends_with(name, "archive_format") ||
             ends_with(name, "serialized_exported_program.json"))
        take(&out->format, EBJR_MODEL_PROGRAM);
    else if (ends_with(name, "/constants.pkl"))
        take(&out->format, EBJR_MODEL_TORCHSCRIPT);
    else if (ends_with(name, "/data.pkl"))
        take(&out->format, EBJR_MODEL_WEIGHTS);
    else if (ends_with(name, "/extra/pytorch"))
        read_version(out, zip, index);
    else if (ends_with(name, "/byteorder") && !out->major) /* PyTorch writes it since 2.1.0 */
        *out = (struct ebjr_model_file){out->format, 2, 1, true};
}

void ebjr_model_file_read(struct ebjr_model_file *out, const char *path)
{
    int code;
    *out = (struct ebjr_model_file){0};
    zip_t *zip = zip_open(path, ZIP_RDONLY, &code);
    if (!zip)
        return;
    zip_int64_t count = zip_get_num_entries(zip, 0);
    for (zip_int64_t i = 0; i < count; i++)
        look_at(out, zip, (zip_uint64_t)i);
    zip_discard(zip);
}
