#include "base/spill.h"

#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ebjr_spill {
    int file;
    int64_t size;
    char directory[PATH_MAX];
};

static const char *temporary_directory(void)
{
    const char *told = getenv("TMPDIR");
    if (told && *told)
        return told;
    return access("/var/tmp", W_OK | X_OK) == 0 ? "/var/tmp" : "/tmp";
}

int ebjr_temporary_open(int *descriptor, const char *directory)
{
    char path[PATH_MAX + sizeof "/ebjr-XXXXXX"];
    if (!directory)
        directory = temporary_directory();
    snprintf(path, sizeof path, "%s/ebjr-XXXXXX", directory);
    *descriptor = mkstemp(path);
    if (*descriptor < 0)
        return ebjr_error_set(EBJR_EIO,
                              "no temporary file can be made in %s: %s; TMPDIR names another "
                              "directory",
                              directory, strerror(errno));
    unlink(path);
    return 0;
}

int ebjr_spill_new(ebjr_spill **out, const char *directory)
{
    ebjr_spill *spill = calloc(1, sizeof *spill);
    if (!spill)
        return ebjr_error_memory();
    snprintf(spill->directory, sizeof spill->directory, "%s",
             directory ? directory : temporary_directory());
    int status = ebjr_temporary_open(&spill->file, spill->directory);
    if (status) {
        free(spill);
        return status;
    }
    *out = spill;
    return 0;
}

void ebjr_spill_free(ebjr_spill *spill)
{
    if (!spill)
        return;
    close(spill->file);
    free(spill);
}

int ebjr_spill_append(ebjr_spill *spill, const void *bytes, size_t size)
{
    const char *next = bytes;
    while (size > 0) {
        ssize_t written = pwrite(spill->file, next, size, spill->size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return ebjr_error_set(EBJR_EIO,
                                  "the temporary file in %s cannot grow beyond %lld bytes: %s; "
                                  "TMPDIR names another directory",
                                  spill->directory, (long long)spill->size,
                                  strerror(written < 0 ? errno : ENOSPC));
        next += written;
        size -= (size_t)written;
        spill->size += written;
    }
    return 0;
}

int ebjr_spill_read(void *bytes, const ebjr_spill *spill, int64_t at, size_t size)
{
    char *next = bytes;
    while (size > 0) {
        ssize_t got = pread(spill->file, next, size, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ebjr_error_set(EBJR_EIO, "the temporary file in %s cannot be read: %s",
                                  spill->directory,
                                  got < 0 ? strerror(errno) : "it ends too early");
        next += got;
        size -= (size_t)got;
        at += got;
    }
    return 0;
}
