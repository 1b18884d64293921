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

struct series_style {
    char line[EBJR_STYLE], point[EBJR_STYLE]; /* of the key: each with its colour */
    const char *marker;
};

static struct series_style style_of(const struct ebjr_comparison_series *series)
{
    static const struct {
        const char *dash, *marker;
    } kinds[EBJR_COMPARISON_KINDS] = {
        {"dt 1", "pt 7 ps 0.8"},          {"dt (8,3)", "pt 5 ps 0.6"}, {"dt (2,3)", "pt 9 ps 0.9"},
        {"dt (8,3,2,3)", "pt 13 ps 0.9"}, {"dt (1,4)", "pt 6 ps 0.7"},
    };
    struct series_style style = {.marker = kinds[series->kind].marker};
    const char *colour = ebjr_colour(series->colour);
    snprintf(style.line, sizeof style.line, "lc rgb '%s' lw 1.3 %s", colour,
             kinds[series->kind].dash);
    snprintf(style.point, sizeof style.point, "%s lc rgb '%s'", style.marker, colour);
    return style;
}

static void write_series(FILE *script, const struct ebjr_comparison *plot, size_t i)
{
    struct series_style style = style_of(&plot->series[i]);
    fprintf(script, "    data index %zu using ($1/unit):2 with linespoints %s %s notitle, \\\n",
            2 * plot->cascade_count + i, style.line, style.marker);
}

static void write_bands(FILE *script, const struct ebjr_comparison *plot)
{
    for (size_t i = 0; i < plot->cascade_count; i++)
        fprintf(script,
                "    data index %zu using ($1/unit):2:3 with filledcurves lc rgb '%s' "
                "fs transparent solid 0.18 noborder notitle, \\\n",
                2 * i, ebjr_colour(i));
}

static void add_key_of_cascades(struct ebjr_picture *picture, const struct ebjr_comparison *plot,
                                size_t marks)
{
    char style[EBJR_STYLE];
    for (size_t i = 0; i < plot->cascade_count; i++) {
        snprintf(style, sizeof style, "lc rgb '%s' lw 3", ebjr_colour(i));
        ebjr_picture_entry(picture, style, "", plot->cascades[i].name);
    }
    snprintf(style, sizeof style, "lc rgb '#d2%s' lw 9", ebjr_colour(0) + 1);
    if (plot->cascade_count > 0)
        ebjr_picture_entry(picture, style, "", "its 95 % band");
    if (marks > 0)
        ebjr_picture_entry(picture, "", EBJR_MARK, "operating point");
}

/* One entry for neighbours that share it. */
static void add_key_of_series(struct ebjr_picture *picture, const struct ebjr_comparison *plot,
                              const struct ebjr_comparison_window *window)
{
    bool has_entry = false;
    for (size_t i = 0; i < plot->series_count; i++) {
        const struct ebjr_comparison_series *series = &plot->series[i];
        char text[EBJR_LINE];
        has_entry = i > 0 && shares_entry(series, series - 1) && has_entry;
        if (has_entry || !has_shown(series, window))
            continue;
        struct series_style style = style_of(series);
        snprintf(text, sizeof text, "%s (%s)", series->name, series->kind_name);
        ebjr_picture_entry(picture, style.line, style.point, text);
        has_entry = true;
    }
}

static void write_cascades(FILE *script, const struct ebjr_comparison *plot, size_t marks)
{
    for (size_t i = 0; i < plot->cascade_count; i++)
        fprintf(script,
                "    data index %zu using ($1/unit):2 with lines lc rgb '%s' lw 3 notitle, \\\n",
                2 * i + 1, ebjr_colour(i));
    if (marks > 0)
        fprintf(script,
                "    data index %zu using ($1/unit):2 with points " EBJR_MARK " notitle, \\\n",
                2 * plot->cascade_count + plot->series_count);
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_comparison *plot,
                         const struct ebjr_comparison_window *window, size_t marks)
{
    add_key_of_cascades(picture, plot, marks);
    add_key_of_series(picture, plot, window);
    ebjr_picture_plot(picture);
    write_bands(picture->script, plot);
    for (size_t i = 0; i < plot->series_count; i++)
        if (has_shown(&plot->series[i], window))
            write_series(picture->script, plot, i);
    write_cascades(picture->script, plot, marks);
    fprintf(picture->script, "    NaN notitle\n");
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
    write_script(&picture, plot, &window, marks);
    return ebjr_picture_draw(&picture);
}
