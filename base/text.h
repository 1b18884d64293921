/* Numbers as people write them, and names as people mistype them. */
#ifndef EBJR_BASE_TEXT_H
#define EBJR_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_NUMBER_TEXT = 32 };

/* "1.3e8", "130M", "2G", "inf", "-4": a double, with the decimal suffixes k, M, G, T.
 * Errors: EBJR_EINVAL. */
int ebjr_number_parse(double *out, const char *text);

/* As above, but a whole number within [lowest, highest]. */
int ebjr_integer_parse(int64_t *out, const char *text, int64_t lowest, int64_t highest);

/* "20ms", "1.5us", "3e6": nanoseconds >= 0, with the suffixes ns, us, ms, s; without one they are
 * ns. Errors: EBJR_EINVAL. */
int ebjr_time_parse(double *out, const char *text);

/* The shortest decimal text that strtod reads back as the same double; "nan", "inf", "-inf". */
const char *ebjr_number_format(char out[EBJR_NUMBER_TEXT], double value);

/* The candidate nearest to `name` in edit distance, NULL where none is near enough to suggest. */
const char *ebjr_name_nearest(const char *name, const char *const *candidates, size_t count);

/* The place of a name among the candidates. Errors: `code`, "there is no NOUN 'name'", with the
 * nearest. */
int ebjr_name_find(size_t *out, int code, const char *noun, const char *name,
                   const char *const *candidates, size_t count);

#ifdef __cplusplus
}
#endif
#endif
