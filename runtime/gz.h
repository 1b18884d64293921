/* Files that gzip may have compressed: zlib reads those and plain ones alike. */
#ifndef EBJR_RUNTIME_GZ_H
#define EBJR_RUNTIME_GZ_H

#include "base/error.h"

#include <stdbool.h>
#include <zlib.h>

/* More than this a call bypasses zlib's buffer, and with it the check of what ends a .gz. */
enum { EBJR_GZ_MOST = 1 << 16 };

/* The caller closes *out by gzclose. Errors: EBJR_ENOTFOUND, EBJR_EIO. */
int ebjr_gz_open(gzFile *out, const char *path);

/* What keeps a stream from being read: EBJR_EIO the system; EBJR_EFORMAT `what`, and what zlib says
 * besides. */
int ebjr_gz_failure(gzFile stream, const char *what);

/* Of a stream that is read to its end: gzip's checksum was there, and fits. */
bool ebjr_gz_is_whole(gzFile stream);

#ifdef __clang_analyzer__ /* as in error.h */
#define ebjr_gz_failure(stream, what) ebjr_error_code(EBJR_EFORMAT, ebjr_gz_failure(stream, what))
#endif

#endif
