#include "plots/histogram.h"

#include "plots/words.h"

#include <inttypes.h>
#include <math.h>

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

/* "student wrong: 878 samples, answers 12.3 %" */
static const char *entry_of(char entry[EBJR_LINE], const struct ebjr_histogram_series *series)
{
    int length = snprintf(entry, EBJR_LINE, "%s: %" PRId64, series->name, series->n);
    if (series->kept >= 0 && series->n > 0)
        snprintf(entry + length, EBJR_LINE - (size_t)length, ", of which it answers %.1f %%",
                 100 * (double)series->kept / (double)series->n);
    return entry;
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_histogram_plot *plot)
{
    char entry[EBJR_LINE];
    size_t widest = 0;
    for (size_t i = 0; i < plot->count; i++) {
        size_t width = ebjr_words_width(entry_of(entry, &plot->series[i]));
        widest = width > widest ? width : widest;
    }
    ebjr_axis_write(picture, &plot->axis);
    ebjr_region_shade(picture, &plot->region, "");
    ebjr_picture_key(picture, plot->count, widest);
    fprintf(picture->script, "set ylabel 'share of the samples (%%)'\nset yrange [0:*]\n");
    if (!isnan(plot->threshold))
        ebjr_picture_vertical(picture, ebjr_axis_position(&plot->axis, plot->threshold));
    ebjr_picture_plot(picture);
    for (size_t i = 0; i < plot->count; i++) {
        const char *colour = ebjr_colour(i);
        fprintf(picture->script,
                "    data index %zu using 1:3 with fillsteps fillstyle transparent solid 0.25 "
                "fillcolor rgb '%s' notitle, \\\n"
                "    data index %zu using 1:3 with steps lc rgb '%s' lw 2 ",
                i, colour, i, colour);
        ebjr_picture_entry(picture, entry_of(entry, &plot->series[i]));
        fputs(i + 1 < plot->count ? ", \\\n" : "\n", picture->script);
    }
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
