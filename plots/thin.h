/* Lines of very many points, thinned so that nothing moves by a pixel. */
#ifndef EBJR_PLOTS_THIN_H
#define EBJR_PLOTS_THIN_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the axes span, in the units they are drawn in (of a logarithmic axis, logarithms). */
struct ebjr_span {
    double x_low, x_high, y_low, y_high;
};

enum {
    EBJR_THIN_COLUMNS = 1000
}; /* of the x axis: fewer than pixels across the axis of a picture */

/*
 * Of the line through (x[i], y[i]), i = 0..n-1, x never decreasing or never increasing: the points
 * to draw, by ascending index, the first and the last among them. Lines of at most
 * EBJR_THIN_COLUMNS points are kept whole. Of others,
 *
 *   1. of each 1/1000 of the x axis the first, the lowest, the highest and the last point stay;
 *   2. of these, those go that lie within 1/2000 of the y axis of the line through their
 *      neighbours that stay: from each point that stays, the next is the last one for which all
 *      between lie that near (the cone of admissible slopes is not empty), O(1) a point.
 *
 * So every point left out is within 1/1000 of the x axis and 1/2000 of the y axis of the line. The
 * caller frees *kept. O(n). Errors: EBJR_ENOMEM.
 */
int ebjr_thin(size_t **kept, size_t *count, const double *x, const double *y, size_t n,
              const struct ebjr_span *span);

/*
 * The same of steps, which go from each point level to the next one's x, then straight up or down:
 * of their 2n - 1 corners, numbered along the line, corner j being (x[(j + 1)/2], y[j/2]), those to
 * draw lines through.
 */
int ebjr_thin_steps(size_t **kept, size_t *count, const double *x, const double *y, size_t n,
                    const struct ebjr_span *span);

#ifdef __cplusplus
}
#endif
#endif
