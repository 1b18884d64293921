#include "plots/comparison.h"

#include "plots/gnuplot.h"
#include "plots/picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_DRAWN = 1000, MOST_LABEL = 12, FEW = 6 };

static bool is_shown(const struct ebjr_comparison_window *window, double cost)
{
    return cost >= window->least && cost <= window->most;
}

static void include(struct ebjr_comparison_window *window, const struct ebjr_offer *offers,
                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        window->least = fmin(window->least, offers[i].cost);
        window->most = fmax(window->most, offers[i].cost);
    }
}

struct ebjr_comparison_window ebjr_comparison_window_of(const struct ebjr_comparison *plot)
{
    struct ebjr_comparison_window window = {INFINITY, 0, false, 0};
    for (size_t i = 0; i < plot->cascade_count; i++)
        include(&window, plot->cascades[i].offers, plot->cascades[i].count);
    for (size_t i = 0; plot->cascade_count == 0 && i < plot->series_count; i++)
        include(&window, plot->series[i].offers, plot->series[i].count);
    window.is_logarithmic = plot->cascade_count == 0 && window.most > 20 * window.least;
    window.least = window.is_logarithmic ? window.least : 0;
    for (size_t i = 0; i < plot->series_count; i++)
        for (size_t j = 0; j < plot->series[i].count; j++)
            window.outside += !is_shown(&window, plot->series[i].offers[j].cost);
    return window;
}

static void write_offers(FILE *data, const struct ebjr_offer *offers, size_t count)
{
    size_t step = count / MOST_DRAWN + 1;
    for (size_t i = 0; i < count; i++)
        if (i % step == 0 || i + 1 == count)
            fprintf(data, "%.17g %.17g\n", offers[i].cost, 100 * offers[i].accuracy);
    fprintf(data, "\n\n");
}

/* The operating points; how many there are. */
static size_t write_marks(FILE *data, const struct ebjr_comparison *plot)
{
    size_t count = 0;
    fprintf(data, "# operating points: cost, accuracy (%%)\n");
    for (size_t i = 0; i < plot->cascade_count; i++)
        for (size_t j = 0; j < plot->cascades[i].label_count; j++) {
            const struct ebjr_comparison_label *label = &plot->cascades[i].labels[j];
            if (!label->is_mark)
                continue;
            fprintf(data, "%.17g %.17g\n", label->at.cost, 100 * label->at.accuracy);
            count++;
        }
    return count;
}

/* In this order the script counts them: of each cascade band and curve, the series, the operating
 * points. How many of the last there are. */
static size_t write_data(FILE *data, const struct ebjr_comparison *plot)
{
    for (size_t i = 0; i < plot->cascade_count; i++) {
        const struct ebjr_comparison_cascade *cascade = &plot->cascades[i];
        fprintf(data, "# cascade %zu: cost, ends of the band (%%)\n", i);
        for (size_t j = 0; j < cascade->band_count; j++)
            fprintf(data, "%.17g %.17g %.17g\n", cascade->low[j].cost,
                    100 * cascade->low[j].accuracy, 100 * cascade->high[j].accuracy);
        fprintf(data, "\n\n# cascade %zu: cost, accuracy (%%)\n", i);
        write_offers(data, cascade->offers, cascade->count);
    }
    for (size_t i = 0; i < plot->series_count; i++) {
        fprintf(data, "# series %zu: cost, accuracy (%%)\n", i);
        write_offers(data, plot->series[i].offers, plot->series[i].count);
    }
    return write_marks(data, plot);
}

/* The lowest and highest accuracy within the window, and some air. */
static void write_accuracy_range(FILE *script, const struct ebjr_comparison *plot,
                                 const struct ebjr_comparison_window *window)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < plot->cascade_count; i++)
        for (size_t j = 0; j < plot->cascades[i].band_count; j++) {
            low = fmin(low, plot->cascades[i].low[j].accuracy);
            high = fmax(high, plot->cascades[i].high[j].accuracy);
        }
    for (size_t i = 0; i < plot->series_count; i++)
        for (size_t j = 0; j < plot->series[i].count; j++) {
            struct ebjr_offer offer = plot->series[i].offers[j];
            if (!is_shown(window, offer.cost))
                continue;
            low = fmin(low, offer.accuracy);
            high = fmax(high, offer.accuracy);
        }
    double air = fmax(0.06 * (high - low), 0.001);
    fprintf(script, "set yrange [%.17g:%.17g]\n", 100 * (low - air), 100 * (high + air));
}

static void write_axes(struct ebjr_picture *picture, const struct ebjr_comparison *plot,
                       const struct ebjr_comparison_window *window, struct ebjr_unit unit)
{
    FILE *script = picture->script;
    fprintf(script, "set xlabel '%s'.", unit.name);
    ebjr_gnuplot_quote(script, plot->cost_label);
    fprintf(script, " noenhanced\n");
    ebjr_picture_set(picture, "ylabel", plot->accuracy_label, "");
    if (window->is_logarithmic)
        ebjr_picture_logscale(picture, "x", window->least / unit.divisor,
                              window->most / unit.divisor);
    else
        fprintf(script, "set xrange [0:%.17g]\n", 1.03 * window->most / unit.divisor);
    write_accuracy_range(script, plot, window);
    fputs(plot->cascade_count + plot->series_count <= FEW
              ? "set key @below\n"
              : "set key font ',10' samplen 2.4 spacing 1.1\n",
          script);
}

static void write_label(struct ebjr_picture *picture, struct ebjr_offer at, const char *text,
                        const char *rest)
{
    char place[256];
    snprintf(place, sizeof place, " at %.17g/unit,%.17g %s", at.cost, 100 * at.accuracy, rest);
    ebjr_picture_set(picture, "label", text, place);
}

/* Many series, or long names, would hide the points. */
static bool is_labelled(const struct ebjr_comparison *plot,
                        const struct ebjr_comparison_series *series)
{
    for (size_t i = 0; i < series->count; i++)
        if (strlen(series->labels[i]) > MOST_LABEL)
            return false;
    return plot->cascade_count + plot->series_count <= FEW;
}

/* Below a point of a cascade, to the side where there is room. */
static void write_name(struct ebjr_picture *picture, const struct ebjr_comparison_label *label,
                       const struct ebjr_comparison_window *window)
{
    char rest[128];
    bool left = label->at.cost < window->most / 2;
    snprintf(rest, sizeof rest, "offset %s front font ',10' point pt 7 ps 0.8 lc rgb '#000000'",
             left ? "0.4,-0.8 left" : "0,-0.9 center");
    if (!label->is_mark)
        write_label(picture, label->at, label->text, rest);
}

static void write_labels(struct ebjr_picture *picture, const struct ebjr_comparison *plot,
                         const struct ebjr_comparison_window *window)
{
    for (size_t i = 0; i < plot->cascade_count; i++)
        for (size_t j = 0; j < plot->cascades[i].label_count; j++)
            write_name(picture, &plot->cascades[i].labels[j], window);
    for (size_t i = 0; i < plot->series_count; i++) {
        const struct ebjr_comparison_series *series = &plot->series[i];
        for (size_t j = 0; is_labelled(plot, series) && j < series->count; j++)
            if (*series->labels[j] && is_shown(window, series->offers[j].cost))
                write_label(picture, series->offers[j], series->labels[j],
                            "offset 0.5,-0.5 left front font ',9' tc rgb '#444444'");
    }
}

static bool shares_entry(const struct ebjr_comparison_series *a,
                         const struct ebjr_comparison_series *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

static bool has_shown(const struct ebjr_comparison_series *series,
                      const struct ebjr_comparison_window *window)
{
    for (size_t i = 0; i < series->count; i++)
        if (is_shown(window, series->offers[i].cost))
            return true;
    return false;
}

static void write_series(FILE *script, const struct ebjr_comparison *plot, size_t i, bool titled)
{
    static const struct {
        const char *dash, *marker;
    } kinds[EBJR_COMPARISON_KINDS] = {
        {"dt 1", "pt 7 ps 0.8"},          {"dt (8,3)", "pt 5 ps 0.6"}, {"dt (2,3)", "pt 9 ps 0.9"},
        {"dt (8,3,2,3)", "pt 13 ps 0.9"}, {"dt (1,4)", "pt 6 ps 0.7"},
    };
    const struct ebjr_comparison_series *series = &plot->series[i];
    fprintf(script,
            "    data index %zu using ($1/unit):2 with linespoints lc rgb '%s' lw 1.3 %s %s ",
            2 * plot->cascade_count + i, ebjr_colour(series->colour), kinds[series->kind].dash,
            kinds[series->kind].marker);
    if (titled) {
        fprintf(script, "title ");
        ebjr_gnuplot_quote(script, series->name);
        fprintf(script, ".' ('.");
        ebjr_gnuplot_quote(script, series->kind_name);
        fprintf(script, ".')'");
    } else {
        fprintf(script, "notitle");
    }
    fprintf(script, ", \\\n");
}

static void write_bands(FILE *script, const struct ebjr_comparison *plot)
{
    for (size_t i = 0; i < plot->cascade_count; i++)
        fprintf(script,
                "    data index %zu using ($1/unit):2:3 with filledcurves lc rgb '%s' "
                "fs transparent solid 0.18 noborder notitle, \\\n",
                2 * i, ebjr_colour(i));
}

/* What the key begins with, though it is drawn last and lies above the rest. */
static void write_key_of_cascades(FILE *script, const struct ebjr_comparison *plot)
{
    for (size_t i = 0; i < plot->cascade_count; i++) {
        fprintf(script, "    keyentry with lines lc rgb '%s' lw 3 title ", ebjr_colour(i));
        ebjr_gnuplot_quote(script, plot->cascades[i].name);
        fprintf(script, ", \\\n");
    }
    if (plot->cascade_count > 0)
        fprintf(script,
                "    keyentry with boxes fs transparent solid 0.18 noborder lc rgb '%s' "
                "title 'its 95 %% band', \\\n",
                ebjr_colour(0));
}

static void write_cascades(FILE *script, const struct ebjr_comparison *plot, size_t marks)
{
    for (size_t i = 0; i < plot->cascade_count; i++)
        fprintf(script,
                "    data index %zu using ($1/unit):2 with lines lc rgb '%s' lw 3 notitle, \\\n",
                2 * i + 1, ebjr_colour(i));
    if (marks > 0)
        fprintf(script,
                "    data index %zu using ($1/unit):2 with points pt 2 ps 1.6 lw 3 "
                "lc rgb '#000000' notitle, \\\n",
                2 * plot->cascade_count + plot->series_count);
}

static void write_script(FILE *script, const struct ebjr_comparison *plot,
                         const struct ebjr_comparison_window *window, size_t marks)
{
    bool titled = false;
    fprintf(script, "\neval svg\nset output file.'.svg'\nplot \\\n");
    write_bands(script, plot);
    write_key_of_cascades(script, plot);
    if (marks > 0)
        fprintf(script, "    keyentry with points pt 2 ps 1.6 lw 3 lc rgb '#000000' "
                        "title 'operating point', \\\n");
    for (size_t i = 0; i < plot->series_count; i++) {
        const struct ebjr_comparison_series *series = &plot->series[i];
        titled = i > 0 && shares_entry(series, series - 1) && titled;
        if (!has_shown(series, window))
            continue;
        write_series(script, plot, i, !titled);
        titled = true;
    }
    write_cascades(script, plot, marks);
    fprintf(script, "    NaN notitle\n");
}

int ebjr_comparison_draw(const struct ebjr_comparison *plot, const char *directory,
                         const char *name)
{
    struct ebjr_picture picture;
    struct ebjr_comparison_window window = ebjr_comparison_window_of(plot);
    struct ebjr_unit unit = ebjr_unit_of_count(window.most);
    int status = ebjr_picture_open(&picture, directory, name);
    if (status)
        return status;
    size_t marks = write_data(picture.data, plot);
    status = ebjr_picture_begin(&picture, plot->title, unit.divisor);
    if (status)
        return status;
    write_axes(&picture, plot, &window, unit);
    write_labels(&picture, plot, &window);
    write_script(picture.script, plot, &window, marks);
    return ebjr_picture_draw(&picture);
}
