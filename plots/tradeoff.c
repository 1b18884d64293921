#include "plots/tradeoff.h"

#include "base/error.h"
#include "plots/gnuplot.h"
#include "style_gp.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { BINS = 1000 };

/* Okabe & Ito's palette, which the colour-blind can tell apart, and dashes besides. */
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                      "#E69F00", "#56B4E9", "#7F7F7F", "#000000"};
enum { COLOURS = sizeof colours / sizeof *colours };

static bool is_named(const struct ebjr_tradeoff_series *series, const char *name)
{
    return strcmp(series->name, name) == 0;
}

static bool is_bound(const struct ebjr_tradeoff_series *series)
{
    return is_named(series, "random") || is_named(series, "oracle");
}

static void write_point(FILE *data, const struct ebjr_tradeoff *plot,
                        const struct ebjr_curve *curve, const struct ebjr_point *point)
{
    fprintf(data, "%.17g %.17g %.17g %.17g\n",
            ebjr_point_cost(curve, point, plot->student_cost, plot->teacher_cost),
            100 * ebjr_point_accuracy(curve, point), ebjr_point_share(curve, point),
            point->threshold);
}

/* Within a bin of the share axis: the first, the lowest, the highest and the last point. */
static void write_curve(FILE *data, const struct ebjr_tradeoff *plot,
                        const struct ebjr_curve *curve, size_t first)
{
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
                write_point(data, plot, curve, &curve->points[kept[i]]);
        first = end;
    }
}

static void write_data(FILE *data, const struct ebjr_tradeoff *plot)
{
    const struct ebjr_curve *curve = plot->series[0].curve;
    for (size_t i = 0; i < plot->count; i++) {
        fprintf(data, "# series %zu: cost, accuracy (%%), student share, threshold\n", i);
        /* an oracle would not ask the teacher where only the student is right: its first point */
        write_curve(data, plot, plot->series[i].curve, is_named(&plot->series[i], "oracle"));
        fprintf(data, "\n\n");
    }
    fprintf(data, "# student alone, then teacher alone: cost, accuracy (%%)\n%.17g %.17g\n",
            plot->student_cost, 100.0 * (double)curve->student_correct / (double)curve->n);
    fprintf(data, "%.17g %.17g\n", plot->teacher_cost,
            100.0 * (double)curve->teacher_correct / (double)curve->n);
    if (plot->mark) {
        fprintf(data, "\n\n# operating point\n");
        write_point(data, plot, curve, plot->mark);
    }
}

/* 1.3e8 is drawn as 130 with the unit "M". */
static const char *unit_of(double cost, double *divisor)
{
    static const struct {
        double divisor;
        const char *prefix;
    } units[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (cost >= units[i].divisor) {
            *divisor = units[i].divisor;
            return units[i].prefix;
        }
    }
    *divisor = 1;
    return "";
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
        fprintf(script, "lc rgb '%s' dt %d lw %s ", colours[colour % COLOURS],
                colour < COLOURS ? 1 : 2, colour == 0 ? "3" : "2");
    fprintf(script, "title ");
    ebjr_gnuplot_quote(script, series->name);
    fprintf(script, ", \\\n");
}

/* `set COMMAND 'text' REST`. */
static void write_text(FILE *script, const char *command, const char *text, const char *rest)
{
    fprintf(script, "set %s ", command);
    ebjr_gnuplot_quote(script, text);
    fprintf(script, " noenhanced%s\n", rest);
}

/* Names of the models, the student's right below its point, the teacher's above. */
static void write_names(FILE *script, const struct ebjr_tradeoff *plot)
{
    const struct ebjr_curve *curve = plot->series[0].curve;
    char place[128];
    snprintf(place, sizeof place, " at %.17g/unit,%.17g offset 0.8,-0.6 left", plot->student_cost,
             100.0 * (double)curve->student_correct / (double)curve->n);
    write_text(script, "label 1", plot->student, place);
    snprintf(place, sizeof place, " at %.17g/unit,%.17g offset 0,1 center", plot->teacher_cost,
             100.0 * (double)curve->teacher_correct / (double)curve->n);
    write_text(script, "label 2", plot->teacher, place);
}

static void write_script(FILE *script, const struct ebjr_tradeoff *plot, const char *name)
{
    double unit;
    size_t colour = 0;
    const char *prefix = unit_of(plot->student_cost + plot->teacher_cost, &unit);
    fprintf(script, "name = ");
    ebjr_gnuplot_quote(script, name);
    fprintf(script, "\nfile = './'.name\ndata = file.'.dat'\nunit = %.1f\n\n%s\n", unit,
            ebjr_style_gp);
    write_text(script, "title", plot->title, "");
    fprintf(script, "set xlabel \"%s\".", prefix);
    ebjr_gnuplot_quote(script, plot->cost_label);
    fprintf(script, " noenhanced\nset ylabel 'accuracy (%%)'\nset xrange [0:*]\n"
                    "set offsets 0, graph 0.03, graph 0.05, graph 0.08\n");
    write_names(script, plot);
    fprintf(script, "\neval svg\nset output file.'.svg'\nplot \\\n");
    for (size_t i = 0; i < plot->count; i++) {
        write_series(script, &plot->series[i], i, colour);
        colour += !is_bound(&plot->series[i]);
    }
    if (plot->mark)
        fprintf(script,
                "    data index %zu using ($1/unit):2 with points pt 2 ps 1.6 lw 3 "
                "lc rgb '#000000' title 'operating point', \\\n",
                plot->count + 1);
    fprintf(script,
            "    data index %zu using ($1/unit):2 with points pt 7 ps 0.9 "
            "lc rgb '#000000' notitle\n",
            plot->count);
    fprintf(script, "\neval png\nset output file.'.png'\nreplot\n");
}

static int open_beside(FILE **out, const char *directory, const char *name, const char *ending)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s.%s", directory, name, ending) >= (int)sizeof path)
        return ebjr_error_set(EBJR_EINVAL, "the path %.64s... is too long", path);
    *out = fopen(path, "w");
    return *out ? 0 : ebjr_error_set(EBJR_EIO, "cannot write %s: %s", path, strerror(errno));
}

static int close_written(FILE *file, const char *directory, const char *name)
{
    int failed = ferror(file);
    if (fclose(file) != 0 || failed)
        return ebjr_error_set(EBJR_EIO, "cannot write %s/%s: %s", directory, name, strerror(errno));
    return 0;
}

int ebjr_tradeoff_draw(const struct ebjr_tradeoff *plot, const char *directory, const char *name)
{
    FILE *data = NULL, *script = NULL;
    int status = open_beside(&data, directory, name, "dat");
    if (status)
        return status;
    write_data(data, plot);
    status = close_written(data, directory, name);
    if (!status)
        status = open_beside(&script, directory, name, "gp");
    if (status)
        return status;
    write_script(script, plot, name);
    status = close_written(script, directory, name);
    return status ? status : ebjr_gnuplot_run(directory, name);
}
