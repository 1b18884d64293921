/* What goes into HTML, quoted for it. */
#ifndef EBJR_PLOTS_HTML_H
#define EBJR_PLOTS_HTML_H

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A text of anyone's, as text or within a quoted attribute: & < > " and ' as entities, control
 * characters as blanks. What is not UTF-8 has its other bytes replaced by U+FFFD. */
void ebjr_html_text(FILE *file, const char *text);

/* The same as a JSON string within a <script>: what could end or open an element there is escaped,
 * too. */
void ebjr_html_json(FILE *file, const char *text);

#ifdef __cplusplus
}
#endif
#endif
