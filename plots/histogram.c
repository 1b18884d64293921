#include "plots/histogram.h"

#include "plots/words.h"

#include <inttypes.h>
#include <math.h>

enum { FILLED = 2 }; /* series; more would hide each other */

static double edge(const struct ebjr_histogram_plot *plot, size_t bin)
{
    return plot->axis.low + (plot->axis.high - plot->axis.low) * (double)bin / (double)plot->bins;
}

/* The last line closes the last step. */
static void write_data(FILE *data, const struct ebjr_histogram_plot *plot)
{
    for (size_t i = 0; i < plot->count; i++) {
        const struct ebjr_histogram_series *series = &plot->series[i];
        double per_cent = series->n > 0 ? 100 / (double)series->n : 0;
        fprintf(data, "# series %zu: where a bin begins, samples, share of the series (%%)\n", i);
        for (size_t bin = 0; bin <= plot->bins; bin++) {
            int64_t count = bin < plot->bins ? series->counts[bin] : 0;
            fprintf(data, "%.17g %" PRId64 " %.17g\n", edge(plot, bin), count,
                    (double)count * per_cent);
        }
        fprintf(data, "\n\n");
    }
}

/* "student wrong: 878, kept 12.3 %" */
static const char *entry_of(char entry[EBJR_LINE], const struct ebjr_histogram_series *series)
{
    int length = snprintf(entry, EBJR_LINE, "%s: %" PRId64, series->name, series->n);
    if (series->kept >= 0 && series->n > 0)
        snprintf(entry + length, EBJR_LINE - (size_t)length, ", kept %.1f %%",
                 100 * (double)series->kept / (double)series->n);
    return entry;
}

static const char *style_of(char style[EBJR_STYLE], size_t i)
{
    snprintf(style, EBJR_STYLE, "lc rgb '%s' %s", ebjr_colour(i),
             i < FILLED ? "lw 2" : "lw 1.5 dt 2");
    return style;
}

static void write_axes(struct ebjr_picture *picture, const struct ebjr_histogram_plot *plot)
{
    char entry[EBJR_LINE], style[EBJR_STYLE];
    ebjr_axis_write(picture, &plot->axis);
    ebjr_region_shade(picture, &plot->region, "");
    fprintf(picture->script, "set ylabel 'share of the samples (%%)'\nset yrange [0:*]\n");
    if (!isnan(plot->threshold))
        ebjr_picture_vertical(picture, ebjr_axis_position(&plot->axis, plot->threshold));
    for (size_t i = 0; i < plot->count; i++)
        ebjr_picture_entry(picture, style_of(style, i), "", entry_of(entry, &plot->series[i]));
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_histogram_plot *plot)
{
    FILE *script = picture->script;
    char style[EBJR_STYLE];
    write_axes(picture, plot);
    ebjr_picture_plot(picture);
    for (size_t i = 0; i < plot->count && i < FILLED; i++)
        fprintf(script,
                "    data index %zu using 1:3 with fillsteps fillstyle transparent solid 0.25 "
                "fillcolor rgb '%s', \\\n",
                i, ebjr_colour(i));
    for (size_t i = 0; i < plot->count; i++)
        fprintf(script, "    data index %zu using 1:3 with steps %s%s\n", i, style_of(style, i),
                i + 1 < plot->count ? ", \\" : "");
}

int ebjr_histogram_draw(const struct ebjr_histogram_plot *plot, const char *directory,
                        const char *name)
{
    struct ebjr_picture picture;
    int status = ebjr_picture_open(&picture, directory, name);
    if (status)
        return status;
    write_data(picture.data, plot);
    status = ebjr_picture_begin(&picture, plot->title, 1);
    if (status)
        return status;
    write_script(&picture, plot);
    return ebjr_picture_draw(&picture);
}
