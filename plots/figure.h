/* A picture that gnuplot has drawn, within an HTML page. */
#ifndef EBJR_PLOTS_FIGURE_H
#define EBJR_PLOTS_FIGURE_H

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The SVG of a file as an element of the page: without its prolog, as one image with a title, its
 * ids (and what points to them) beginning with `id`, so that several fit in one page. What is not
 * of gnuplot's making is refused: an element that it does not write, an attribute that could run a
 * script or load something. Errors: EBJR_ENOTFOUND, EBJR_EIO, EBJR_EFORMAT, EBJR_ENOMEM.
 */
int ebjr_figure_inline(FILE *page, const char *path, const char *id, const char *title);

#ifdef __cplusplus
}
#endif
#endif
