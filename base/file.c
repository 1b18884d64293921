#include "base/file.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ebjr_file_read(char **out, size_t *size, const char *path, size_t most)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO, "cannot open %s: %s",
                              path, strerror(errno));
    int status = 0;
    size_t room = 1 << 16, got = 1;
    *size = 0;
    *out = malloc(room);
    while (*out && got > 0 && *size < most) {
        got = fread(*out + *size, 1, room - *size - 1, file);
        *size += got;
        if (room - *size - 1 > 0)
            continue;
        char *grown = realloc(*out, room *= 2);
        if (!grown)
            free(*out);
        *out = grown;
    }
    if (!*out)
        status = ebjr_error_memory();
    else if (ferror(file))
        status = ebjr_error_set(EBJR_EIO, "cannot read %s: %s", path, strerror(errno));
    else if (*size >= most)
        status =
            ebjr_error_set(EBJR_EFORMAT, "%s is too large: it has %zu bytes or more", path, most);
    fclose(file);
    if (!status) {
        (*out)[*size] = 0;
        return 0;
    }
    free(*out);
    *out = NULL;
    return status;
}
