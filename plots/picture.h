/* What pictures share: the two files of each, how its script opens and ends, colours and units. */
#ifndef EBJR_PLOTS_PICTURE_H
#define EBJR_PLOTS_PICTURE_H

#include "plots/words.h"

#include <stdbool.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_KEY = 64, EBJR_STYLE = 96 };

struct ebjr_key_entry {
    char line[EBJR_STYLE], point[EBJR_STYLE], text[EBJR_LINE];
};

struct ebjr_picture {
    FILE *data, *script;
    const char *directory, *name;
    struct ebjr_lines title, caption; /* caption.count 0: none */
    struct ebjr_key_entry key[EBJR_KEY];
    size_t key_count;
    double area; /* height between the axes, in points */
};

/*
 * Opens DIRECTORY/NAME.dat. Then, in this order: write to `data`; begin; write to `script` all but
 * what begin, plot and draw write (caption and entries of the key among it); plot; the list of what
 * to plot, one item a line, as after gnuplot's `plot`; draw. Whichever fails has closed what was
 * open. Errors: EBJR_EINVAL the path is too long; EBJR_EIO.
 */
int ebjr_picture_open(struct ebjr_picture *out, const char *directory, const char *name);

/* Closes the data and opens the script with the names `data` and `file`, `unit` (what an axis is
 * divided by), the style and the title, which is wrapped and, if it is very long, cut. Errors:
 * EBJR_EIO. */
int ebjr_picture_begin(struct ebjr_picture *picture, const char *title, double unit);

/* Small lines between title and axes: what is shaded, how a number is defined. "" is none. */
void ebjr_picture_caption(struct ebjr_picture *picture, const char *text);

/* An entry of the key below the axes: a sample of a line ("lc rgb '#0072B2' lw 2"; "" none), of a
 * point ("pt 7 lc rgb '#0072B2'"; "" none), and the text, which is shortened if it must be. The key
 * is drawn in as many columns as fit; entries beyond EBJR_KEY are left out. */
void ebjr_picture_entry(struct ebjr_picture *picture, const char *line, const char *point,
                        const char *text);

/* What the list of things to plot follows: sizes, title, caption and key, then `plot`. */
void ebjr_picture_plot(struct ebjr_picture *picture);

/* Closes the script, whose last command is the `plot` behind `eval svg` and `set output
 * file.'.svg'`, and has gnuplot draw NAME.svg, NAME.png and NAME.pdf. Errors: EBJR_EIO; those of
 * ebjr_gnuplot_run, after both files were written. */
int ebjr_picture_draw(struct ebjr_picture *picture);

/* Whether this thread's pictures are drawn as SVG alone from now on, or as all three: a page wants
 * but that, and the others take longer. */
void ebjr_picture_svg_alone(bool is_alone);

/* `set COMMAND "text" noenhanced REST`. */
void ebjr_picture_set(struct ebjr_picture *picture, const char *command, const char *text,
                      const char *rest);

/* How an operating point is drawn. */
#define EBJR_MARK "pt 2 ps 1.2 lw 2.5 lc rgb '#333333'"

/* A vertical line at x, in the unit of the axis, from bottom to top: an operating point. */
void ebjr_picture_vertical(struct ebjr_picture *picture, double x);

/* "#rrggbb" of the i-th of a picture's curves: Okabe & Ito's palette, which the colour-blind can
 * tell apart. After ebjr_colours() it starts over, and curves are dashed. */
const char *ebjr_colour(size_t i);
size_t ebjr_colours(void);

/* The unit to write a number in, and what to divide it by. */
struct ebjr_unit {
    double divisor;
    const char *name; /* "M"; "ms" */
};
struct ebjr_unit ebjr_unit_of_count(double count);
struct ebjr_unit ebjr_unit_of_time(double ns);

/* A logarithmic axis, "x" or "y", from a little below `low` to a little above `high`, both > 0 and
 * in the axis' unit, with marks at 1, 2, 5, 10, ... */
void ebjr_picture_logscale(struct ebjr_picture *picture, const char *axis, double low, double high);

#ifdef __cplusplus
}
#endif
#endif
