/*
 * plots: pictures by gnuplot, an external program. Each picture is a .gp and its data, written side
 * by side; gnuplot makes the images from them, now or later, with or without ebjr:
 *
 *   cd DIRECTORY && gnuplot NAME.gp
 */
#ifndef EBJR_PLOTS_GNUPLOT_H
#define EBJR_PLOTS_GNUPLOT_H

#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs gnuplot on DIRECTORY/NAME.gp in that directory, without a shell. Errors: EBJR_ENOTFOUND
 * gnuplot is not installed; EBJR_EIO it failed, with its own words. */
int ebjr_gnuplot_run(const char *directory, const char *name);

/* A string literal of gnuplot's that stands for `text` whatever it holds: in double quotes, with
 * all ASCII but letters, digits and a few marks as octal escapes, and control characters as blanks.
 * Use it with `noenhanced`. */
void ebjr_gnuplot_quote(FILE *file, const char *text);

#ifdef __cplusplus
}
#endif
#endif
