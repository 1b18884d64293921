/* Texts made to fit a picture: shortened or wrapped, whole characters only. Bytes that are not
 * UTF-8 become U+FFFD, control characters blanks. */
#ifndef EBJR_PLOTS_WORDS_H
#define EBJR_PLOTS_WORDS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_LINE = 512, EBJR_LINES = 4 };

/* How wide a text is: one column a character, two for the wide ones of East Asia and emoji. */
size_t ebjr_words_width(const char *text);

/* The text, or as much of it as fits with "..." (U+2026) into `width` columns and EBJR_LINE bytes.
 */
void ebjr_words_shorten(char out[EBJR_LINE], const char *text, size_t width);

struct ebjr_lines {
    size_t count; /* at least 1 */
    char line[EBJR_LINES][EBJR_LINE];
};

/* The text in lines of at most `width` columns, broken at blanks where there are any; what is left
 * after `most` <= EBJR_LINES lines is cut, and the last ends in U+2026. */
void ebjr_words_wrap(struct ebjr_lines *out, const char *text, size_t width, size_t most);

#ifdef __cplusplus
}
#endif
#endif
