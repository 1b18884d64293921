#include "runtime/gz.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

#undef ebjr_gz_failure

int ebjr_gz_open(gzFile *out, const char *path)
{
    *out = gzopen(path, "rb");
    if (!*out)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO, "cannot open %s: %s",
                              path, strerror(errno));
    gzbuffer(*out, 2 * EBJR_GZ_MOST);
    return 0;
}

int ebjr_gz_failure(gzFile stream, const char *what)
{
    int code = Z_OK;
    const char *detail = gzerror(stream, &code);
    if (code == Z_ERRNO)
        return ebjr_error_set(EBJR_EIO, "%s", strerror(errno));
    return ebjr_error_set(EBJR_EFORMAT, "%s%s%s", what, code == Z_OK ? "" : ": ",
                          code == Z_OK ? "" : detail);
}

bool ebjr_gz_is_whole(gzFile stream)
{
    int code = Z_OK;
    gzerror(stream, &code);
    return code == Z_OK || code == Z_STREAM_END;
}
