/* Characters of a text that may be anyone's. */
#ifndef EBJR_PLOTS_UTF8_H
#define EBJR_PLOTS_UTF8_H

#ifdef __cplusplus
extern "C" {
#endif

/* The bytes of the UTF-8 character at `text`, 1 to 4; 0 where there is none (Unicode 15, table
 * 3-7). */
int ebjr_utf8_length(const char *text);

#ifdef __cplusplus
}
#endif
#endif
