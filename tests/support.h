/* What several test files need: repeatable random numbers, files in a directory of their own, and
 * assertions on the code and the message of an error. */
#ifndef EBJR_TESTS_SUPPORT_H
#define EBJR_TESTS_SUPPORT_H

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* By how much a limit of time is wider where a sanitizer runs or nothing is optimised. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ || !defined __OPTIMIZE__
#define SLOWED 20
#else
#define SLOWED 1
#endif

#define assert_status(call, code) check_status(call, code, NULL, __FILE__, __LINE__)
#define assert_done(call) assert_status(call, 0)
#define assert_refused(call, code, words) check_status(call, code, words, __FILE__, __LINE__)

static inline void check_status(int status, int code, const char *words, const char *file, int line)
{
    bool told = !words || strstr(ebjr_error_last(), words);
    if (status != code || !told)
        print_error("status %d, expected %d (%s): %s\n", status, code, words ? words : "",
                    ebjr_error_last());
    _assert_true(status == code && told, "the expected status and message", file, line);
#ifdef __clang_analyzer__ /* which does not know that a failed assertion does not return */
    if (status != code)
        abort();
#endif
}

/* SplitMix64 (Steele, Lea and Flood, 2014). */
static inline uint64_t random_bits(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline size_t random_below(uint64_t *seed, size_t bound)
{
    return (size_t)(random_bits(seed) % bound);
}

static inline double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static char scratch[PATH_MAX / 2];

static inline int make_scratch(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(scratch, sizeof scratch, "%s/ebjr-test-XXXXXX", parent && *parent ? parent : "/tmp");
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int remove_entry(const char *path, const struct stat *status, int kind,
                               struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

enum { MOST_PATHS = 256 };
static char *scratch_paths[MOST_PATHS];
static size_t scratch_path_count;

/* The path of a file in the scratch directory, valid until that is removed. */
static inline const char *scratch_path(const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    for (size_t i = 0; i < scratch_path_count; i++)
        if (strcmp(scratch_paths[i], path) == 0)
            return scratch_paths[i];
    assert_true(scratch_path_count < MOST_PATHS);
    scratch_paths[scratch_path_count] = strdup(path);
    assert_non_null(scratch_paths[scratch_path_count]);
    return scratch_paths[scratch_path_count++];
}

static inline int remove_scratch(void **state)
{
    (void)state;
    while (scratch_path_count > 0)
        free(scratch_paths[--scratch_path_count]);
    return nftw(scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* The whole of a file, with a 0 behind it; the caller frees it. */
static inline char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long length = ftell(file);
    assert_true(length >= 0);
    rewind(file);
    char *bytes = calloc((size_t)length + 1, 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)length, file), length);
    fclose(file);
    *size = (size_t)length;
    return bytes;
}

static inline void copy_file(const char *to, const char *from)
{
    size_t size;
    char *bytes = read_file(from, &size);
    write_file(to, bytes, size);
    free(bytes);
}

static inline void assert_same_file(const char *path, const char *other)
{
    size_t size, other_size;
    char *bytes = read_file(path, &size), *other_bytes = read_file(other, &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(bytes, other_bytes, size);
    free(bytes);
    free(other_bytes);
}

/* Under valgrind a long double is a double, and no reference for one: the test is skipped. */
static inline void need_long_double(void)
{
    volatile long double one = 1;
    if (one + LDBL_EPSILON == one)
        skip();
}

/* Permission bits do not bind root: as another user they do. Puts the user back with `yes` false.
 */
static inline bool become_unprivileged(bool yes)
{
    enum { NOBODY = 65534 };
    uid_t real, effective, saved, user = yes ? NOBODY : 0;
    if (getresuid(&real, &effective, &saved) != 0)
        return false;
    return saved != 0 || setresuid(user, user, saved) == 0;
}

#endif
