#include "plots/explorer.h"

#include "base/error.h"
#include "plots/thin.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define ALONE "lc rgb '#999999' dt 3 lw 1.5"

enum figure { ACCURACY, SHARE, FLOPS, LATENCY, FIGURES };

static bool is_known(const struct ebjr_explorer_plot *plot, enum figure figure)
{
    return figure == FLOPS     ? !isnan(plot->student_flops + plot->teacher_flops)
           : figure == LATENCY ? plot->latency != NULL
                               : true;
}

/* In the units of the data: per cent, FLOPs, nanoseconds. */
static double value_of(const struct ebjr_explorer_plot *plot, enum figure figure, size_t i)
{
    const struct ebjr_curve *curve = plot->curve;
    const struct ebjr_point *point = &curve->points[i];
    switch (figure) {
    case ACCURACY: return 100 * ebjr_point_accuracy(curve, point);
    case SHARE: return 100 * ebjr_point_share(curve, point);
    case FLOPS: return ebjr_point_cost(curve, point, plot->student_flops, plot->teacher_flops);
    default: return plot->latency[i];
    }
}

static struct ebjr_span span_of(const struct ebjr_explorer_plot *plot, const double *y)
{
    struct ebjr_span span = {plot->axis.low, plot->axis.high, INFINITY, -INFINITY};
    for (size_t i = 0; i < plot->curve->count; i++) {
        span.y_low = fmin(span.y_low, y[i]);
        span.y_high = fmax(span.y_high, y[i]);
    }
    return span;
}

static int write_figure(FILE *data, const struct ebjr_explorer_plot *plot, enum figure figure)
{
    static const char *const names[] = {"accuracy (%)", "student share (%)", "FLOPs", "ns"};
    size_t *kept = NULL, count = 0, n = plot->curve->count;
    double *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);
    int status = x && y ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < n; i++) {
        x[i] = ebjr_axis_position(&plot->axis, plot->curve->points[i].threshold);
        y[i] = value_of(plot, figure, i);
    }
    if (!status) {
        struct ebjr_span span = span_of(plot, y);
        status = ebjr_thin_steps(&kept, &count, x, y, n, &span);
    }
    fprintf(data, "# corners of the steps: place on the axis, threshold, %s\n", names[figure]);
    for (size_t k = 0; k < count; k++) {
        size_t across = (kept[k] + 1) / 2, up = kept[k] / 2;
        fprintf(data, "%.17g %.17g %.17g\n", x[across], plot->curve->points[across].threshold,
                y[up]);
    }
    fprintf(data, "\n\n");
    free(kept);
    free(x);
    free(y);
    return status;
}

static int write_data(FILE *data, const struct ebjr_explorer_plot *plot)
{
    int status = 0;
    for (enum figure figure = 0; !status && figure < FIGURES; figure++)
        if (is_known(plot, figure))
            status = write_figure(data, plot, figure);
    return status;
}

/* Costs are drawn as a share of those of the costliest point, the first, which asks both always. */
static double drawn(const struct ebjr_explorer_plot *plot, enum figure figure)
{
    double most = value_of(plot, figure, 0);
    return figure == FLOPS || figure == LATENCY ? (most > 0 ? 100 / most : 1) : 1;
}

static const char *style_of(char style[EBJR_STYLE], enum figure figure)
{
    snprintf(style, EBJR_STYLE, "lc rgb '%s' lw %s", ebjr_colour(figure),
             figure == ACCURACY ? "3" : "1.5");
    return style;
}

/* "FLOPs (100 %: 345M)" */
static void add_entry(struct ebjr_picture *picture, const struct ebjr_explorer_plot *plot,
                      enum figure figure)
{
    static const char *const names[] = {"accuracy (left)", "student share", "FLOPs", "latency"};
    char entry[128], style[EBJR_STYLE];
    double most = value_of(plot, figure, 0);
    struct ebjr_unit unit = figure == FLOPS ? ebjr_unit_of_count(most) : ebjr_unit_of_time(most);
    snprintf(entry, sizeof entry, "%s", names[figure]);
    if (figure == FLOPS || figure == LATENCY)
        snprintf(entry, sizeof entry, "%s (100 %%: %.3g %s)", names[figure], most / unit.divisor,
                 unit.name);
    ebjr_picture_entry(picture, style_of(style, figure), "", entry);
}

static void write_axes(struct ebjr_picture *picture, const struct ebjr_explorer_plot *plot)
{
    const struct ebjr_curve *curve = plot->curve;
    FILE *script = picture->script;
    char label[256];
    ebjr_axis_write(picture, &plot->axis);
    snprintf(label, sizeof label, "threshold of %s", plot->axis.name);
    ebjr_picture_set(picture, "xlabel", label, "");
    fprintf(script,
            "set ylabel 'accuracy (%%)'\nset y2label 'share (%%)'\nset border 11\n"
            "set y2tics 0, 25\nset y2range [0:100]\nset offsets 0, 0, graph 0.05, graph 0.05\n"
            "student = %.17g\nteacher = %.17g\n",
            100 * (double)curve->student_correct / (double)curve->n,
            100 * (double)curve->teacher_correct / (double)curve->n);
    ebjr_region_shade(picture, &plot->region, plot->note);
    for (enum figure figure = 0; figure < FIGURES; figure++)
        if (is_known(plot, figure))
            add_entry(picture, plot, figure);
    ebjr_picture_entry(picture, ALONE, "", "models alone (left)");
    if (!isnan(plot->threshold))
        ebjr_picture_vertical(picture, ebjr_axis_position(&plot->axis, plot->threshold));
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_explorer_plot *plot)
{
    FILE *script = picture->script;
    char style[EBJR_STYLE];
    size_t index = 0;
    write_axes(picture, plot);
    ebjr_picture_plot(picture);
    for (enum figure figure = 0; figure < FIGURES; figure++)
        if (is_known(plot, figure))
            fprintf(
                script, "    data index %zu using 1:($3 * %.17g) axes x1y%d with lines %s, \\\n",
                index++, drawn(plot, figure), figure == ACCURACY ? 1 : 2, style_of(style, figure));
    fprintf(script, "    student with lines " ALONE ", teacher with lines " ALONE "\n");
}

int ebjr_explorer_draw(const struct ebjr_explorer_plot *plot, const char *directory,
                       const char *name)
{
    struct ebjr_picture picture;
    int status = ebjr_picture_open(&picture, directory, name);
    if (status)
        return status;
    int written = write_data(picture.data, plot);
    status = ebjr_picture_begin(&picture, plot->title, 1);
    if (status)
        return status;
    write_script(&picture, plot);
    status = ebjr_picture_draw(&picture);
    return written ? written : status;
}
