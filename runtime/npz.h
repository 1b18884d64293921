/*
 * NumPy's .npz: a zip of .npy files. FILE.npz#ARRAY names one array of it. What is compressed
 * cannot be read from any place on, so an array is first unpacked into a temporary file, which has
 * no name, in the directory that TMPDIR says (/tmp).
 */
#ifndef EBJR_RUNTIME_NPZ_H
#define EBJR_RUNTIME_NPZ_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_NPZ_ARRAY = 256 };

struct ebjr_npz_path {
    char file[PATH_MAX];
    char array[EBJR_NPZ_ARRAY]; /* "": none was named */
};

/* Does the path say FILE.npz or FILE.npz#ARRAY? */
bool ebjr_npz_parse(struct ebjr_npz_path *out, const char *path);

/* The first of the names, up to NULL, that it has an array of; where it has none and holds only one
 * array, and `single` is true, that one. Errors: EBJR_ENOTFOUND, with what it holds; EBJR_EIO,
 * EBJR_EFORMAT no zip. */
int ebjr_npz_choose(struct ebjr_npz_path *path, const char *const *names, bool single);

/* The array as the bytes of a .npy, from the first on. The caller closes *out. Errors:
 * EBJR_ENOTFOUND, EBJR_EIO; EBJR_EFORMAT no zip, or a damaged one. */
int ebjr_npz_open(FILE **out, const struct ebjr_npz_path *path);

#ifdef __cplusplus
}
#endif
#endif
