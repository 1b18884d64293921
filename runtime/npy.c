#include "runtime/npy.h"

#include "base/error.h"
#include "runtime/npz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
static const char magic[] = "\x93NUMPY";
enum { MAGIC_SIZE = 6, LONGEST_HEADER = 1 << 16 };

struct ebjr_npy {
    FILE *file;
    char *path;
    struct ebjr_npy_shape shape;
    int64_t start; /* of the elements, in the file */
    int64_t next;  /* row at which the file stands; -1: unknown */
};

static const struct {
    const char *descr;
    enum ebjr_npy_type type;
    size_t size;
} types[] = {
    {"|u1", EBJR_NPY_U8, 1},  {"|i1", EBJR_NPY_I8, 1},  {"<i2", EBJR_NPY_I16, 2},
    {"<i4", EBJR_NPY_I32, 4}, {"<i8", EBJR_NPY_I64, 8}, {"<f4", EBJR_NPY_F32, 4},
    {"<f8", EBJR_NPY_F64, 8}, {"|b1", EBJR_NPY_U8, 1},
};

static size_t element_size(enum ebjr_npy_type type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == type)
            return types[i].size;
    return 0;
}

static int malformed(const ebjr_npy *npy, const char *what)
{
    return ebjr_error_set(EBJR_EFORMAT, "%s: %s", npy->path, what);
}

/* The text after "'key':" in the header's Python literal, blanks skipped; NULL if it is not there.
 */
static const char *value_of(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s':", key);
    const char *found = strstr(header, quoted);
    return found ? found + strlen(quoted) + strspn(found + strlen(quoted), " ") : NULL;
}

static int parse_type(ebjr_npy *npy, const char *value)
{
    for (size_t i = 0; value && i < sizeof types / sizeof *types; i++) {
        if (*value == '\'' && strncmp(value + 1, types[i].descr, 3) == 0 && value[4] == '\'') {
            npy->shape.type = types[i].type;
            return 0;
        }
    }
    return ebjr_error_set(
        EBJR_EFORMAT,
        "%s: its dtype %.12s is not read here; save it as uint8, float32, float64 "
        "or a little-endian integer",
        npy->path, value ? value : "(none)");
}

static int parse_shape(ebjr_npy *npy, const char *value)
{
    struct ebjr_npy_shape *shape = &npy->shape;
    if (!value || *value++ != '(')
        return malformed(npy, "its header has no shape");
    shape->row = 1;
    while (*value && *value != ')') {
        char *end;
        errno = 0;
        long long size = strtoll(value, &end, 10);
        if (end == value || size < 0 || errno)
            return malformed(npy, "its shape cannot be read");
        if (shape->rank == EBJR_NPY_RANK)
            return malformed(npy, "it has too many dimensions");
        if (shape->rank > 0 && __builtin_mul_overflow(shape->row, size, &shape->row))
            return malformed(npy, "its shape overflows");
        shape->size[shape->rank++] = size;
        value = end + strspn(end, " ,L");
    }
    if (*value != ')' || shape->rank == 0)
        return malformed(npy, "its shape cannot be read (a scalar?)");
    return 0;
}

static int check_length(const ebjr_npy *npy)
{
    struct stat file;
    int64_t expected;
    if (fstat(fileno(npy->file), &file) != 0)
        return ebjr_error_set(EBJR_EIO, "cannot read %s: %s", npy->path, strerror(errno));
    if (__builtin_mul_overflow(npy->shape.row, npy->shape.size[0], &expected) ||
        __builtin_mul_overflow(expected, (int64_t)element_size(npy->shape.type), &expected) ||
        __builtin_add_overflow(expected, npy->start, &expected))
        return malformed(npy, "its shape overflows");
    if (file.st_size != expected)
        return ebjr_error_set(
            EBJR_EFORMAT,
            "%s: its header asks for %lld bytes, but the file has %lld (truncated, "
            "or not written to the end?)",
            npy->path, (long long)expected, (long long)file.st_size);
    return 0;
}

static int parse_header(ebjr_npy *npy, const char *header)
{
    const char *order = value_of(header, "fortran_order");
    int status = parse_type(npy, value_of(header, "descr"));
    if (!status && (!order || strncmp(order, "False", 5) != 0))
        status = malformed(npy, "it is in Fortran order; save numpy.ascontiguousarray(x)");
    if (!status)
        status = parse_shape(npy, value_of(header, "shape"));
    return status ? status : check_length(npy);
}

static int read_header(ebjr_npy *npy)
{
    unsigned char head[12];
    if (fread(head, 1, 8, npy->file) != 8 || memcmp(head, magic, MAGIC_SIZE) != 0)
        return malformed(npy, "it is not a .npy file");
    size_t width = head[6] == 1 ? 2 : 4; /* of the header's length */
    if (head[6] < 1 || head[6] > 3 || fread(head + 8, 1, width, npy->file) != width)
        return malformed(npy, "its .npy version is not known here");
    size_t length = head[8] | (size_t)head[9] << 8;
    if (width == 4)
        length |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    if (length > LONGEST_HEADER)
        return malformed(npy, "its header is too long");
    char *header = malloc(length + 1);
    if (!header)
        return ebjr_error_memory();
    int status = fread(header, 1, length, npy->file) == length
                     ? 0
                     : malformed(npy, "it ends within its header");
    header[status ? 0 : length] = 0;
    npy->start = (int64_t)(8 + width + length);
    if (!status)
        status = parse_header(npy, header);
    free(header);
    return status;
}

/* The file itself, or what was unpacked of an .npz. */
static int open_bytes(FILE **out, const char *path)
{
    static const char *const none[] = {NULL};
    struct ebjr_npz_path npz;
    if (ebjr_npz_parse(&npz, path)) {
        int status = *npz.array ? 0 : ebjr_npz_choose(&npz, none, true);
        return status ? status : ebjr_npz_open(out, &npz);
    }
    *out = fopen(path, "rb");
    return *out ? 0
                : ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO, "cannot open %s: %s",
                                 path, strerror(errno));
}

bool ebjr_npy_is_path(const char *path)
{
    struct ebjr_npz_path npz;
    size_t length = strlen(path);
    return (length > 4 && strcmp(path + length - 4, ".npy") == 0) || ebjr_npz_parse(&npz, path);
}

int ebjr_npy_open(ebjr_npy **out, const char *path)
{
    ebjr_npy *npy = calloc(1, sizeof *npy);
    if (!npy || !(npy->path = strdup(path))) {
        ebjr_npy_close(npy);
        return ebjr_error_memory();
    }
    int status = open_bytes(&npy->file, path);
    if (!status)
        status = read_header(npy);
    if (status) {
        ebjr_npy_close(npy);
        return status;
    }
    *out = npy;
    return 0;
}

int ebjr_npy_hash(char out[EBJR_HASH_TEXT], int64_t *bytes, const char *path)
{
    struct ebjr_npz_path npz;
    ebjr_hash *hash;
    if (!ebjr_npz_parse(&npz, path) || !*npz.array)
        return ebjr_hash_file(out, bytes, path);
    *bytes = 0;
    int status = ebjr_hash_new(&hash);
    if (status)
        return status;
    status = ebjr_hash_update_file(hash, npz.file, bytes);
    if (!status)
        status = ebjr_hash_update(hash, "#", 1);
    if (!status)
        status = ebjr_hash_update(hash, npz.array, strlen(npz.array));
    if (!status)
        status = ebjr_hash_finish(hash, out);
    ebjr_hash_free(hash);
    return status;
}

void ebjr_npy_close(ebjr_npy *npy)
{
    if (!npy)
        return;
    if (npy->file)
        fclose(npy->file);
    free(npy->path);
    free(npy);
}

const struct ebjr_npy_shape *ebjr_npy_describe(const ebjr_npy *npy)
{
    return &npy->shape;
}

int ebjr_npy_read(ebjr_npy *npy, int64_t first, size_t count, void *out)
{
    size_t size = (size_t)npy->shape.row * element_size(npy->shape.type);
    if (first < 0 || (int64_t)count > npy->shape.size[0] - first)
        return ebjr_error_set(EBJR_EINVAL, "%s has no rows %lld to %lld", npy->path,
                              (long long)first, (long long)first + (long long)count - 1);
    bool seeks = first != npy->next;
    npy->next = -1;
    if ((seeks && fseeko(npy->file, npy->start + first * (int64_t)size, SEEK_SET) != 0) ||
        fread(out, size, count, npy->file) != count)
        return ebjr_error_set(EBJR_EIO, "cannot read row %lld of %s: %s", (long long)first,
                              npy->path, ferror(npy->file) ? strerror(errno) : "it ends early");
    npy->next = first + (int64_t)count;
    return 0;
}

/* Elements [count * row] in the file's own type; the caller frees *out. */
static int read_raw(void **out, ebjr_npy *npy, int64_t first, size_t count)
{
    size_t size = count * (size_t)npy->shape.row * element_size(npy->shape.type);
    void *raw = malloc(size ? size : 1);
    if (!raw)
        return ebjr_error_memory();
    int status = ebjr_npy_read(npy, first, count, raw);
    if (status) {
        free(raw);
        return status;
    }
    *out = raw;
    return 0;
}

int ebjr_npy_read_float(ebjr_npy *npy, int64_t first, size_t count, float *out)
{
    if (npy->shape.type == EBJR_NPY_F32)
        return ebjr_npy_read(npy, first, count, out);
    if (npy->shape.type != EBJR_NPY_F64)
        return malformed(npy, "it holds integers where float32 or float64 is wanted");
    void *raw = NULL;
    int status = read_raw(&raw, npy, first, count);
    if (status)
        return status;
    const double *wide = raw;
    for (size_t i = 0; i < count * (size_t)npy->shape.row; i++)
        out[i] = (float)wide[i];
    free(raw);
    return 0;
}

int ebjr_npy_read_integer(ebjr_npy *npy, int64_t first, size_t count, int64_t *out)
{
    void *raw = NULL;
    if (npy->shape.type == EBJR_NPY_F32 || npy->shape.type == EBJR_NPY_F64)
        return malformed(npy, "it holds floats where integers are wanted");
    int status = read_raw(&raw, npy, first, count);
    if (status)
        return status;
    for (size_t i = 0; i < count * (size_t)npy->shape.row; i++) {
        switch (npy->shape.type) {
        case EBJR_NPY_U8: out[i] = ((const uint8_t *)raw)[i]; break;
        case EBJR_NPY_I8: out[i] = ((const int8_t *)raw)[i]; break;
        case EBJR_NPY_I16: out[i] = ((const int16_t *)raw)[i]; break;
        case EBJR_NPY_I32: out[i] = ((const int32_t *)raw)[i]; break;
        default: out[i] = ((const int64_t *)raw)[i]; break;
        }
    }
    free(raw);
    return 0;
}
