#include "plots/tradeoff.h"

#include "plots/gnuplot.h"
#include "plots/picture.h"

#include <stdio.h>
#include <string.h>

enum { BINS = 1000 };

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

static double cost_of(const struct ebjr_tradeoff *plot, const struct ebjr_tradeoff_series *series,
                      const struct ebjr_point *point)
{
    return series->cost
               ? series->cost[index_of(series->curve, point)]
               : ebjr_point_cost(series->curve, point, plot->student_cost, plot->teacher_cost);
}

static void write_point(FILE *data, const struct ebjr_tradeoff *plot,
                        const struct ebjr_tradeoff_series *series, const struct ebjr_point *point)
{
    const struct ebjr_curve *curve = series->curve;
    fprintf(data, "%.17g %.17g %.17g %.17g\n", cost_of(plot, series, point),
            100 * ebjr_point_accuracy(curve, point), ebjr_point_share(curve, point),
            point->threshold);
}

/* Within a bin of the share axis: the first, the lowest, the highest and the last point. */
static void write_curve(FILE *data, const struct ebjr_tradeoff *plot,
                        const struct ebjr_tradeoff_series *series, size_t first)
{
    const struct ebjr_curve *curve = series->curve;
    while (first < curve->count) {
        int64_t bin = curve->points[first].student * BINS / curve->n;
        size_t lowest = first, highest = first, end = first;
        for (; end < curve->count && curve->points[end].student * BINS / curve->n == bin; end++) {
            double accuracy = ebjr_point_accuracy(curve, &curve->points[end]);
            if (accuracy < ebjr_point_accuracy(curve, &curve->points[lowest]))
                lowest = end;
            if (accuracy > ebjr_point_accuracy(curve, &curve->points[highest]))
                highest = end;
        }
        size_t kept[] = {first, lowest < highest ? lowest : highest,
                         lowest < highest ? highest : lowest, end - 1};
        for (int i = 0; i < 4; i++)
            if (i == 0 || kept[i] != kept[i - 1])
                write_point(data, plot, series, &curve->points[kept[i]]);
        first = end;
    }
}

static void write_data(FILE *data, const struct ebjr_tradeoff *plot)
{
    const struct ebjr_curve *curve = plot->series[0].curve;
    for (size_t i = 0; i < plot->count; i++) {
        fprintf(data, "# series %zu: cost, accuracy (%%), student share, threshold\n", i);
        /* an oracle would not ask the teacher where only the student is right: its first point */
        write_curve(data, plot, &plot->series[i], is_named(&plot->series[i], "oracle"));
        fprintf(data, "\n\n");
    }
    fprintf(data, "# student alone, then teacher alone: cost, accuracy (%%)\n%.17g %.17g\n",
            plot->student_cost, 100.0 * (double)curve->student_correct / (double)curve->n);
    fprintf(data, "%.17g %.17g\n", plot->teacher_cost,
            100.0 * (double)curve->teacher_correct / (double)curve->n);
    if (plot->mark) {
        fprintf(data, "\n\n# operating point\n");
        write_point(data, plot, &plot->series[0], plot->mark);
    }
}

static void write_series(FILE *script, const struct ebjr_tradeoff_series *series, size_t index,
                         size_t colour)
{
    fprintf(script, "    data index %zu using ($1/unit):2 with lines ", index);
    if (is_named(series, "random"))
        fprintf(script, "lc rgb '#999999' dt 3 lw 2 ");
    else if (is_named(series, "oracle"))
        fprintf(script, "lc rgb '#333333' dt (12,4) lw 1.5 ");
    else
        fprintf(script, "lc rgb '%s' dt %d lw %s ", ebjr_colour(colour),
                colour < ebjr_colours() ? 1 : 2, colour == 0 ? "3" : "2");
    fprintf(script, "title ");
    ebjr_gnuplot_quote(script, series->name);
    fprintf(script, ", \\\n");
}

/* Names of the models, the student's right below its point, the teacher's below. */
static void write_names(struct ebjr_picture *picture, const struct ebjr_tradeoff *plot)
{
    const struct ebjr_curve *curve = plot->series[0].curve;
    char place[128];
    snprintf(place, sizeof place, " at %.17g/unit,%.17g offset 0.8,-0.6 left front boxed",
             plot->student_cost, 100.0 * (double)curve->student_correct / (double)curve->n);
    ebjr_picture_set(picture, "label 1", plot->student, place);
    snprintf(place, sizeof place, " at %.17g/unit,%.17g offset 0,-0.9 center front boxed",
             plot->teacher_cost, 100.0 * (double)curve->teacher_correct / (double)curve->n);
    ebjr_picture_set(picture, "label 2", plot->teacher, place);
}

/* "MFLOPs a sample"; "mean latency of a sample (ms)" */
static void write_axes(struct ebjr_picture *picture, const struct ebjr_tradeoff *plot,
                       struct ebjr_unit unit)
{
    FILE *script = picture->script;
    fprintf(script, "set xlabel '%s'.", plot->is_time ? "" : unit.name);
    ebjr_gnuplot_quote(script, plot->cost_label);
    if (plot->is_time)
        fprintf(script, ".' (%s)'", unit.name);
    fprintf(script, " noenhanced\nset ylabel 'accuracy (%%)'\nset xrange [0:*]\n"
                    "set offsets 0, graph 0.03, graph 0.05, graph 0.08\n");
    write_names(picture, plot);
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_tradeoff *plot)
{
    size_t colour = 0;
    fprintf(picture->script, "\neval svg\nset output file.'.svg'\nplot \\\n");
    for (size_t i = 0; i < plot->count; i++) {
        write_series(picture->script, &plot->series[i], i, colour);
        colour += !is_bound(&plot->series[i]);
    }
    if (plot->mark)
        fprintf(picture->script,
                "    data index %zu using ($1/unit):2 with points pt 2 ps 1.6 lw 3 "
                "lc rgb '#000000' title 'operating point', \\\n",
                plot->count + 1);
    fprintf(picture->script,
            "    data index %zu using ($1/unit):2 with points pt 7 ps 0.9 "
            "lc rgb '#000000' notitle\n",
            plot->count);
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
    write_data(picture.data, plot);
    status = ebjr_picture_begin(&picture, plot->title, unit.divisor);
    if (status)
        return status;
    write_axes(&picture, plot, unit);
    write_script(&picture, plot);
    return ebjr_picture_draw(&picture);
}
