#include "runtime/picture_file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST_FILE = 1 << 30 };

struct file {
    void *bytes;
    size_t size;
};

static int refuse(const char *path, const char *why)
{
    return ebjr_error_set(EBJR_EIO, "cannot read %s: %s", path, why);
}

static int read_open(struct file *out, int descriptor, const char *path)
{
    struct stat entry;
    if (fstat(descriptor, &entry) != 0)
        return refuse(path, strerror(errno));
    if (!S_ISREG(entry.st_mode))
        return refuse(path, S_ISDIR(entry.st_mode) ? "it is a directory" : "it is no plain file");
    if (entry.st_size > LARGEST_FILE)
        return refuse(path, "it has more than a gigabyte");
    out->bytes = malloc((size_t)entry.st_size + 1);
    if (!out->bytes)
        return ebjr_error_memory();
    while (out->size < (size_t)entry.st_size) {
        ssize_t got =
            read(descriptor, (char *)out->bytes + out->size, (size_t)entry.st_size - out->size);
        if (got > 0)
            out->size += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return refuse(path, got == 0 ? "it shrank while it was read" : strerror(errno));
    }
    return 0;
}

/* The caller frees out->bytes. A pipe does not block. */
static int read_file(struct file *out, const char *path)
{
    *out = (struct file){0};
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO, "cannot open %s: %s",
                              path, strerror(errno));
    int status = read_open(out, descriptor, path);
    close(descriptor);
    if (!status)
        return 0;
    free(out->bytes);
    out->bytes = NULL;
    return status;
}

static int decode(struct ebjr_picture *out, const struct file *file, const char *path)
{
    int status = ebjr_picture_decode(out, file->bytes, file->size);
    return status ? ebjr_error_context(status, "%s", path) : 0;
}

int ebjr_picture_file_hash(char sha256[EBJR_HASH_TEXT], int64_t *bytes, const char *path,
                           bool decodes)
{
    struct ebjr_picture picture = {0};
    struct file file;
    int status = read_file(&file, path);
    if (!status && decodes)
        status = decode(&picture, &file, path);
    ebjr_picture_free(&picture);
    if (!status)
        status = ebjr_hash_bytes(sha256, file.bytes, file.size);
    *bytes = (int64_t)file.size;
    free(file.bytes);
    return status;
}

int ebjr_picture_file_read(struct ebjr_picture *out, const char *path, const char *sha256)
{
    char found[EBJR_HASH_TEXT];
    struct file file;
    *out = (struct ebjr_picture){0};
    int status = read_file(&file, path);
    if (!status && sha256) {
        status = ebjr_hash_bytes(found, file.bytes, file.size);
        if (!status && strcmp(found, sha256) != 0)
            status =
                ebjr_error_set(EBJR_EFORMAT, "%s was changed since the data set was hashed", path);
    }
    if (!status)
        status = decode(out, &file, path);
    free(file.bytes);
    return status;
}
