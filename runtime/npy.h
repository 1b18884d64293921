/* NumPy's .npy files (format 1.0 to 3.0), read in blocks of rows: streaming, never whole. A path
 * may also name an array of an .npz (runtime/npz.h), or an .npz that holds one. */
#ifndef EBJR_RUNTIME_NPY_H
#define EBJR_RUNTIME_NPY_H

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_NPY_RANK = 8 };

enum ebjr_npy_type {
    EBJR_NPY_U8,
    EBJR_NPY_I8,
    EBJR_NPY_I16,
    EBJR_NPY_I32,
    EBJR_NPY_I64,
    EBJR_NPY_F32,
    EBJR_NPY_F64
};

struct ebjr_npy_shape {
    enum ebjr_npy_type type;
    size_t rank;
    int64_t size[EBJR_NPY_RANK]; /* size[0] counts the rows */
    int64_t row;                 /* elements in a row: the product of the other sizes */
};

typedef struct ebjr_npy ebjr_npy;

/* Whether a path names an array: FILE.npy, or one within an .npz (runtime/npz.h). */
bool ebjr_npy_is_path(const char *path);

/* The caller owns *out. Errors: EBJR_ENOTFOUND, EBJR_EIO; EBJR_EFORMAT not a .npy, Fortran order,
 * big-endian, a dtype not in the list above, or a file shorter or longer than its header says. */
int ebjr_npy_open(ebjr_npy **out, const char *path);

/* The SHA-256 of a file of arrays or any other, and its bytes; of one array of an .npz, over the
 * file's bytes, '#' and the array's name. Errors: those of ebjr_hash_file. */
int ebjr_npy_hash(char out[EBJR_HASH_TEXT], int64_t *bytes, const char *path);
void ebjr_npy_close(ebjr_npy *npy);

const struct ebjr_npy_shape *ebjr_npy_describe(const ebjr_npy *npy);

/* `count` rows from `first` on: as they are (any type, count * row elements of it), as float32
 * (float types only), as int64 (integer types only). Errors: EBJR_EIO, EBJR_EINVAL. */
int ebjr_npy_read(ebjr_npy *npy, int64_t first, size_t count, void *out);
int ebjr_npy_read_float(ebjr_npy *npy, int64_t first, size_t count, float *out);
int ebjr_npy_read_integer(ebjr_npy *npy, int64_t first, size_t count, int64_t *out);

#ifdef __cplusplus
}
#endif
#endif
