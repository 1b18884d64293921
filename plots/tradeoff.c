#include "plots/tradeoff.h"

#include "base/error.h"
#include "plots/gnuplot.h"
#include "plots/thin.h"
#include "plots/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STUDENT "pt 9 ps 0.9 lc rgb '#333333'"
#define TEACHER "pt 5 ps 0.9 lc rgb '#333333'"

enum { MODEL_WIDTH = 40 }; /* of its name in the key */

static bool is_named(const struct ebjr_tradeoff_series *series, const char *name)
{
    return strcmp(series->name, name) == 0;
}

static bool is_bound(const struct ebjr_tradeoff_series *series)
{
    return is_named(series, "random") || is_named(series, "oracle");
}

/* Of the series' curve the point where the student answers as many: points go by that number. */
static size_t index_of(const struct ebjr_curve *curve, const struct ebjr_point *point)
{
    size_t low = 0, high = curve->count - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (curve->points[middle].student < point->student)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double cost_at(const struct ebjr_tradeoff *plot, const struct ebjr_tradeoff_series *series,
                      size_t i)
{
    return series->cost ? series->cost[i]
                        : ebjr_point_cost(series->curve, &series->curve->points[i],
                                          plot->student_cost, plot->teacher_cost);
}

/* Per cent. */
static double quality_at(const struct ebjr_tradeoff_series *series, size_t i)
{
    return 100 * (series->quality ? series->quality[i]
                                  : ebjr_point_accuracy(series->curve, &series->curve->points[i]));
}

static void write_point(FILE *data, const struct ebjr_curve *curve, const struct ebjr_point *point,
                        double cost, double quality)
{
    fprintf(data, "%.17g %.17g %.17g %.17g\n", cost, quality, ebjr_point_share(curve, point),
            point->threshold);
}

/* Of all series: what the axes span. */
static struct ebjr_span span_of(const struct ebjr_tradeoff *plot)
{
    struct ebjr_span span = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (size_t s = 0; s < plot->count; s++) {
        const struct ebjr_curve *curve = plot->series[s].curve;
        for (size_t i = 0; i < curve->count; i++) {
            double accuracy = quality_at(&plot->series[s], i);
            double cost = cost_at(plot, &plot->series[s], i);
            span.x_low = fmin(span.x_low, cost);
            span.x_high = fmax(span.x_high, cost);
            span.y_low = fmin(span.y_low, accuracy);
            span.y_high = fmax(span.y_high, accuracy);
        }
    }
    return span;
}

static int write_curve(FILE *data, const struct ebjr_tradeoff *plot,
                       const struct ebjr_tradeoff_series *series, size_t first,
                       const struct ebjr_span *span)
{
    const struct ebjr_curve *curve = series->curve;
    size_t *kept = NULL, count = 0, n = curve->count - first;
    if (n == 0)
        return 0;
    double *cost = malloc(n * sizeof *cost), *accuracy = malloc(n * sizeof *accuracy);
    int status = cost && accuracy ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < n; i++) {
        cost[i] = cost_at(plot, series, first + i);
        accuracy[i] = quality_at(series, first + i);
    }
    if (!status)
        status = ebjr_thin(&kept, &count, cost, accuracy, n, span);
    for (size_t k = 0; k < count; k++)
        write_point(data, curve, &curve->points[first + kept[k]], cost[kept[k]], accuracy[kept[k]]);
    free(kept);
    free(cost);
    free(accuracy);
    return status;
}

static int write_data(FILE *data, const struct ebjr_tradeoff *plot)
{
    struct ebjr_span span = span_of(plot);
    int status = 0;
    for (size_t i = 0; !status && i < plot->count; i++) {
        fprintf(data, "# series %zu: cost, accuracy (%%), student share, threshold\n", i);
        /* an oracle would not ask the teacher where only the student is right: its first point */
        status =
            write_curve(data, plot, &plot->series[i], is_named(&plot->series[i], "oracle"), &span);
        fprintf(data, "\n\n");
    }
    fprintf(data, "# student alone: cost, accuracy (%%)\n%.17g %.17g\n\n\n", plot->student_cost,
            100 * plot->student_accuracy);
    fprintf(data, "# teacher alone: cost, accuracy (%%)\n%.17g %.17g\n", plot->teacher_cost,
            100 * plot->teacher_accuracy);
    if (plot->mark) {
        const struct ebjr_tradeoff_series *series = &plot->series[0];
        size_t at = index_of(series->curve, plot->mark);
        fprintf(data, "\n\n# operating point\n");
        write_point(data, series->curve, plot->mark, cost_at(plot, series, at),
                    series->quality ? quality_at(series, at)
                                    : 100 * ebjr_point_accuracy(series->curve, plot->mark));
    }
    return status;
}

static const char *style_of(char style[EBJR_STYLE], const struct ebjr_tradeoff_series *series,
                            size_t colour)
{
    if (is_named(series, "random"))
        snprintf(style, EBJR_STYLE, "lc rgb '#999999' dt 3 lw 2");
    else if (is_named(series, "oracle"))
        snprintf(style, EBJR_STYLE, "lc rgb '#444444' dt (12,4) lw 1.5");
    else
        snprintf(style, EBJR_STYLE, "lc rgb '%s' dt %d lw %s", ebjr_colour(colour),
                 colour < ebjr_colours() ? 1 : 2, colour == 0 ? "2.5" : "1.5");
    return style;
}

static void add_model(struct ebjr_picture *picture, const char *model, const char *point)
{
    char entry[EBJR_LINE];
    ebjr_words_shorten(entry, model, MODEL_WIDTH);
    size_t used = strlen(entry);
    snprintf(entry + used, sizeof entry - used, " alone");
    ebjr_picture_entry(picture, "", point, entry);
}

static void add_entries(struct ebjr_picture *picture, const struct ebjr_tradeoff *plot)
{
    char style[EBJR_STYLE];
    size_t colour = 0;
    for (size_t i = 0; i < plot->count; i++) {
        ebjr_picture_entry(picture, style_of(style, &plot->series[i], colour), "",
                           plot->series[i].name);
        colour += !is_bound(&plot->series[i]);
    }
    add_model(picture, plot->student, STUDENT);
    add_model(picture, plot->teacher, TEACHER);
    if (plot->mark)
        ebjr_picture_entry(picture, "", EBJR_MARK, "operating point");
}

/* "MFLOPs a sample"; "mean latency of a sample (ms)" */
static void write_axes(struct ebjr_picture *picture, const struct ebjr_tradeoff *plot,
                       struct ebjr_unit unit)
{
    FILE *script = picture->script;
    struct ebjr_region region = plot->region;
    fprintf(script, "set xlabel '%s'.", plot->is_time ? "" : unit.name);
    ebjr_gnuplot_quote(script, plot->cost_label);
    if (plot->is_time)
        fprintf(script, ".' (%s)'", unit.name);
    fprintf(script, " noenhanced\nset ylabel ");
    ebjr_gnuplot_quote(script, plot->quality_label ? plot->quality_label : "accuracy");
    fprintf(script, ".' (%%)' noenhanced\nset xrange [0:*]\n"
                    "set yrange [*:*<100]\nset autoscale xfixmax\n"
                    "set offsets 0, graph 0.03, graph 0.05, graph 0.05\n");
    region.x_low /= unit.divisor;
    region.x_high /= unit.divisor;
    ebjr_region_shade(picture, &region, "");
    add_entries(picture, plot);
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_tradeoff *plot)
{
    FILE *script = picture->script;
    char style[EBJR_STYLE];
    size_t colour = 0;
    ebjr_picture_plot(picture);
    for (size_t i = 0; i < plot->count; i++) {
        fprintf(script, "    data index %zu using ($1/unit):2 with lines %s, \\\n", i,
                style_of(style, &plot->series[i], colour));
        colour += !is_bound(&plot->series[i]);
    }
    fprintf(script,
            "    data index %zu using ($1/unit):2 with points " STUDENT ", \\\n"
            "    data index %zu using ($1/unit):2 with points " TEACHER "%s\n",
            plot->count, plot->count + 1, plot->mark ? ", \\" : "");
    if (plot->mark)
        fprintf(script, "    data index %zu using ($1/unit):2 with points " EBJR_MARK "\n",
                plot->count + 2);
}

int ebjr_tradeoff_draw(const struct ebjr_tradeoff *plot, const char *directory, const char *name)
{
    struct ebjr_picture picture;
    double largest = plot->student_cost + plot->teacher_cost;
    struct ebjr_unit unit =
        plot->is_time ? ebjr_unit_of_time(largest) : ebjr_unit_of_count(largest);
    int status = ebjr_picture_open(&picture, directory, name);
    if (status)
        return status;
    int written = write_data(picture.data, plot);
    status = ebjr_picture_begin(&picture, plot->title, unit.divisor);
    if (status)
        return status;
    write_axes(&picture, plot, unit);
    write_script(&picture, plot);
    status = ebjr_picture_draw(&picture);
    return written ? written : status;
}
