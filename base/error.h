/*
 * base: what every room stands on: errors, hashes, numbers as people write them.
 *
 * Errors. A function returns 0, or a negative EBJR_E* code; the message (what, which file or
 * sample, what to do) is kept per thread until the next failure in that thread.
 */
#ifndef EBJR_BASE_ERROR_H
#define EBJR_BASE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

enum ebjr_error {
    EBJR_OK = 0,
    EBJR_EINVAL = -1,       /* an argument that cannot be meant */
    EBJR_EIO = -2,          /* the system refused to read or write */
    EBJR_EFORMAT = -3,      /* a file is not what it claims to be */
    EBJR_ENOTFOUND = -4,    /* no such model, data set, run, score, file */
    EBJR_EEXIST = -5,       /* a name is taken by something else */
    EBJR_EBUSY = -6,        /* another process holds the store */
    EBJR_ENOMEM = -7,       /* out of memory */
    EBJR_ESTORE = -8,       /* not a store of ours, a newer one, or a damaged one */
    EBJR_EMODEL = -9,       /* a model raised, or returned something that is not logits */
    EBJR_EDEVICE = -10,     /* a device that is not there */
    EBJR_EINTERRUPTED = -11 /* stopped on request; what was stored is kept */
};

/* Keeps the message and returns `code`, so that a caller can `return ebjr_error_set(...)`. */
int ebjr_error_set(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the kept message; returns `code`. */
int ebjr_error_context(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

int ebjr_error_memory(void);

/* Calls `last`, as what must be done whatever `status` was. Returns `status`, with its message, or
 * where that is 0 what `last` returned. */
int ebjr_error_after(int status, int (*last)(void *context), void *context);

/* The message of the last failure in this thread; "" if there was none. Valid until the next. */
const char *ebjr_error_last(void);

#ifdef __clang_analyzer__
/* What the analyzer cannot see from other files: a failure returns its code, never 0. */
static inline int ebjr_error_code(int code, int returned)
{
    return (void)returned, code;
}
#define ebjr_error_set(code, ...) ebjr_error_code(code, ebjr_error_set(code, __VA_ARGS__))
#define ebjr_error_context(code, ...) ebjr_error_code(code, ebjr_error_context(code, __VA_ARGS__))
#define ebjr_error_memory() ebjr_error_code(EBJR_ENOMEM, ebjr_error_memory())
#endif

#ifdef __cplusplus
}
#endif
#endif
