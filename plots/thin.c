#include "plots/thin.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

static const double TOLERANCE = 1.0 / 2000; /* of the y axis */

/* The column of the x axis, -1 and EBJR_THIN_COLUMNS beyond its ends. */
static long column_of(double x, const struct ebjr_span *span)
{
    double width = span->x_high - span->x_low;
    double at = width > 0 ? floor((x - span->x_low) / width * EBJR_THIN_COLUMNS) : 0;
    return at < 0 ? -1 : at < EBJR_THIN_COLUMNS ? (long)at : EBJR_THIN_COLUMNS;
}

/* First, lowest, highest and last of each column. */
static size_t keep_extremes(size_t *kept, const double *x, const double *y, size_t n,
                            const struct ebjr_span *span)
{
    size_t count = 0;
    for (size_t first = 0, end; first < n; first = end) {
        long column = column_of(x[first], span);
        size_t lowest = first, highest = first;
        for (end = first; end < n && column_of(x[end], span) == column; end++) {
            if (y[end] < y[lowest])
                lowest = end;
            if (y[end] > y[highest])
                highest = end;
        }
        size_t stay[] = {first, lowest < highest ? lowest : highest,
                         lowest < highest ? highest : lowest, end - 1};
        for (int i = 0; i < 4; i++)
            if (i == 0 || stay[i] != stay[i - 1])
                kept[count++] = stay[i];
    }
    return count;
}

/* Slopes of lines from one point that pass all points seen since within the tolerance. */
struct cone {
    double low, high;
};

static void narrow(struct cone *cone, double dx, double dy, double tolerance)
{
    if (dx > 0) {
        cone->low = fmax(cone->low, (dy - tolerance) / dx);
        cone->high = fmin(cone->high, (dy + tolerance) / dx);
    } else /* straight up or down: only the point itself can be next */
        *cone = (struct cone){INFINITY, -INFINITY};
}

static size_t straighten(size_t *kept, size_t count, const double *x, const double *y,
                         double tolerance)
{
    size_t out = 1, previous = kept[0];
    struct cone cone = {-INFINITY, INFINITY};
    for (size_t i = 1; i < count; i++) {
        size_t point = kept[i];
        double dx = fabs(x[point] - x[kept[out - 1]]), slope = (y[point] - y[kept[out - 1]]) / dx;
        if (i > 1 && !(dx > 0 && slope >= cone.low && slope <= cone.high)) {
            kept[out++] = previous;
            dx = fabs(x[point] - x[previous]);
            cone = (struct cone){-INFINITY, INFINITY};
        }
        narrow(&cone, dx, y[point] - y[kept[out - 1]], tolerance);
        previous = point;
    }
    if (count > 1)
        kept[out++] = previous;
    return out;
}

int ebjr_thin(size_t **kept, size_t *count, const double *x, const double *y, size_t n,
              const struct ebjr_span *span)
{
    *kept = malloc((n ? n : 1) * sizeof **kept);
    *count = n;
    if (!*kept)
        return ebjr_error_memory();
    if (n <= EBJR_THIN_COLUMNS) {
        for (size_t i = 0; i < n; i++)
            (*kept)[i] = i;
        return 0;
    }
    *count = keep_extremes(*kept, x, y, n, span);
    *count = straighten(*kept, *count, x, y, TOLERANCE * (span->y_high - span->y_low));
    return 0;
}

int ebjr_thin_steps(size_t **kept, size_t *count, const double *x, const double *y, size_t n,
                    const struct ebjr_span *span)
{
    size_t corners = n ? 2 * n - 1 : 0;
    double *corner_x = malloc((corners + 1) * sizeof *corner_x);
    double *corner_y = malloc((corners + 1) * sizeof *corner_y);
    int status = corner_x && corner_y ? 0 : ebjr_error_memory();
    *kept = NULL;
    *count = 0;
    for (size_t j = 0; !status && j < corners; j++) {
        corner_x[j] = x[(j + 1) / 2];
        corner_y[j] = y[j / 2];
    }
    if (!status)
        status = ebjr_thin(kept, count, corner_x, corner_y, corners, span);
    free(corner_x);
    free(corner_y);
    return status;
}
