#include "runtime/npz.h"

#include "base/error.h"
#include "base/spill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

enum { BLOCK = 1 << 16 };
static const char suffix[] = ".npz", member_suffix[] = ".npy";

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t size = strlen(end);
    return length > size && memcmp(text + length - size, end, size) == 0;
}

bool ebjr_npz_parse(struct ebjr_npz_path *out, const char *path)
{
    const char *mark = strrchr(path, '#');
    size_t length = mark ? (size_t)(mark - path) : strlen(path);
    if (!ends_with(path, length, suffix) && mark) {
        mark = NULL;
        length = strlen(path);
    }
    if (!ends_with(path, length, suffix) || length >= sizeof out->file ||
        (mark && strlen(mark + 1) >= sizeof out->array))
        return false;
    memcpy(out->file, path, length);
    out->file[length] = 0;
    snprintf(out->array, sizeof out->array, "%s", mark ? mark + 1 : "");
    return true;
}

static int open_zip(zip_t **out, const char *path)
{
    zip_error_t error;
    int code = 0;
    *out = zip_open(path, ZIP_RDONLY, &code);
    if (*out)
        return 0;
    zip_error_init_with_code(&error, code);
    int status = ebjr_error_set(code == ZIP_ER_NOENT  ? EBJR_ENOTFOUND
                                : code == ZIP_ER_OPEN ? EBJR_EIO
                                                      : EBJR_EFORMAT,
                                "cannot open %s: %s", path, zip_error_strerror(&error));
    zip_error_fini(&error);
    return status;
}

/* Where an array lies; -1: there is none of this name. */
static zip_int64_t locate(zip_t *zip, const char *array)
{
    char name[EBJR_NPZ_ARRAY + sizeof member_suffix];
    snprintf(name, sizeof name, "%s%s", array, member_suffix);
    zip_int64_t index = zip_name_locate(zip, name, ZIP_FL_ENC_GUESS);
    return index >= 0 ? index : zip_name_locate(zip, array, ZIP_FL_ENC_GUESS);
}

static int not_found(zip_t *zip, const char *file, const char *wanted)
{
    char held[512] = "";
    size_t used = 0;
    for (zip_int64_t i = 0; i < zip_get_num_entries(zip, 0) && used < sizeof held; i++) {
        const char *name = zip_get_name(zip, (zip_uint64_t)i, ZIP_FL_ENC_GUESS);
        used += (size_t)snprintf(held + used, sizeof held - used, "%s%.64s", i ? ", " : "",
                                 name ? name : "?");
    }
    return ebjr_error_set(EBJR_ENOTFOUND, "%s has no array %s; it holds %s", file, wanted,
                          *held ? held : "none");
}

/* The name of the only array, without its suffix. */
static bool take_single(struct ebjr_npz_path *path, zip_t *zip)
{
    const char *name = zip_get_num_entries(zip, 0) == 1 ? zip_get_name(zip, 0, 0) : NULL;
    size_t length = name ? strlen(name) : 0;
    if (ends_with(name, length, member_suffix))
        length -= strlen(member_suffix);
    if (length == 0 || length >= sizeof path->array)
        return false;
    memcpy(path->array, name, length);
    path->array[length] = 0;
    return true;
}

int ebjr_npz_choose(struct ebjr_npz_path *path, const char *const *names, bool single)
{
    zip_t *zip;
    int status = open_zip(&zip, path->file);
    if (status)
        return status;
    const char *const *name = names;
    while (*name && locate(zip, *name) < 0)
        name++;
    if (*name)
        snprintf(path->array, sizeof path->array, "%s", *name);
    else if (!single || !take_single(path, zip))
        status = not_found(zip, path->file, *names ? *names : "that is its only one");
    zip_discard(zip);
    return status;
}

static int open_temporary(FILE **out)
{
    int descriptor, status = ebjr_temporary_open(&descriptor, NULL);
    if (status)
        return status;
    *out = fdopen(descriptor, "w+b");
    if (*out)
        return 0;
    close(descriptor);
    return ebjr_error_memory();
}

static int unpack(FILE *out, zip_file_t *in, const struct ebjr_npz_path *path)
{
    char *block = malloc(BLOCK);
    zip_int64_t got = 0;
    int status = block ? 0 : ebjr_error_memory();
    while (!status && (got = zip_fread(in, block, BLOCK)) > 0)
        if (fwrite(block, 1, (size_t)got, out) != (size_t)got)
            status = ebjr_error_set(EBJR_EIO, "cannot unpack %s to a temporary file: %s",
                                    path->file, strerror(errno));
    if (!status && got < 0)
        status = ebjr_error_set(EBJR_EFORMAT, "%s#%s is damaged: %s", path->file, path->array,
                                zip_file_strerror(in));
    if (!status && (fflush(out) != 0 || fseeko(out, 0, SEEK_SET) != 0))
        status = ebjr_error_set(EBJR_EIO, "cannot unpack %s to a temporary file: %s", path->file,
                                strerror(errno));
    free(block);
    return status;
}

static int open_array(FILE **out, zip_t *zip, const struct ebjr_npz_path *path)
{
    zip_int64_t index = locate(zip, path->array);
    if (index < 0)
        return not_found(zip, path->file, path->array);
    zip_file_t *member = zip_fopen_index(zip, (zip_uint64_t)index, 0);
    if (!member)
        return ebjr_error_set(EBJR_EFORMAT, "%s#%s is damaged: %s", path->file, path->array,
                              zip_strerror(zip));
    int status = open_temporary(out);
    if (!status)
        status = unpack(*out, member, path);
    if (status && *out) {
        fclose(*out);
        *out = NULL;
    }
    zip_fclose(member);
    return status;
}

int ebjr_npz_open(FILE **out, const struct ebjr_npz_path *path)
{
    zip_t *zip;
    *out = NULL;
    int status = open_zip(&zip, path->file);
    if (status)
        return status;
    status = open_array(out, zip, path);
    zip_discard(zip);
    return status;
}
