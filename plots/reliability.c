#include "plots/reliability.h"

#include "plots/words.h"

#include <inttypes.h>
#include <math.h>

static int64_t samples(const struct ebjr_reliability_plot *plot,
                       const struct ebjr_reliability_series *series)
{
    int64_t n = 0;
    for (size_t m = 0; m < plot->bins; m++)
        n += series->bin[m].n;
    return n;
}

static void write_series(FILE *data, const struct ebjr_reliability_plot *plot,
                         const struct ebjr_reliability_series *series)
{
    double n = (double)samples(plot, series);
    for (size_t m = 0; m < plot->bins; m++) {
        const struct ebjr_reliability_bin *bin = &series->bin[m];
        if (bin->n > 0)
            fprintf(data, "%zu %" PRId64 " %" PRId64 " %.17g %.17g %.17g %.17g %.17g\n", m + 1,
                    bin->n, bin->right, 100 * bin->confidence, 100 * bin->accuracy,
                    100 * bin->lowest, 100 * bin->highest, 100 * (double)bin->n / n);
    }
    fprintf(data, "\n\n");
}

static void write_data(FILE *data, const struct ebjr_reliability_plot *plot)
{
    for (size_t i = 0; i < plot->count; i++) {
        fprintf(
            data,
            "# series %zu, ECE %.17g: bin, samples, right, mean confidence (%%), accuracy (%%), "
            "its interval, share of the samples (%%)\n",
            i, plot->series[i].error);
        write_series(data, plot, &plot->series[i]);
    }
}

static void write_caption(struct ebjr_picture *picture, const struct ebjr_reliability_plot *plot)
{
    char note[EBJR_LINE], temperature[64] = "";
    if (plot->temperature != 1)
        snprintf(temperature, sizeof temperature, "temperature %.4g; ", plot->temperature);
    snprintf(note, sizeof note,
             "%sECE: |accuracy - confidence| of %zu bins of equal width, averaged over samples "
             "(Guo et al. 2017); 95 %% intervals; bars: share of samples in each bin / 5",
             temperature, plot->bins);
    ebjr_region_shade(picture, &plot->region, note);
}

/* "ECE 3.21 %: small"; the number is not what is cut. */
static const char *entry_of(char entry[EBJR_LINE], const struct ebjr_reliability_series *series)
{
    snprintf(entry, EBJR_LINE, "ECE %.2f %%: %s", 100 * series->error, series->name);
    return entry;
}

/* Bars of one model beside those of the other, a fifth of the axes high at most. */
static void write_bars(FILE *script, const struct ebjr_reliability_plot *plot, size_t i)
{
    double bin = 100.0 / (double)plot->bins, bar = bin * 0.8 / (double)plot->count;
    double centre = bin * 0.1 + bar * ((double)i + 0.5) - bin;
    fprintf(script,
            "    data index %zu using (%.17g * $1 + %.17g):($8 / 5):(%.17g) with boxes "
            "fillstyle transparent solid 0.35 noborder lc rgb '%s', \\\n",
            i, bin, centre, bar, ebjr_colour(i));
}

static const char *point_of(char point[EBJR_STYLE], size_t i)
{
    snprintf(point, EBJR_STYLE, "pt %d ps 0.7 lw 1.5 lc rgb '%s'", i == 0 ? 7 : 5, ebjr_colour(i));
    return point;
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_reliability_plot *plot)
{
    FILE *script = picture->script;
    char entry[EBJR_LINE], point[EBJR_STYLE];
    fprintf(script, "set xlabel 'confidence (%%)'\nset ylabel 'accuracy (%%)'\n"
                    "set xrange [0:100]\nset yrange [0:100]\n");
    write_caption(picture, plot);
    for (size_t i = 0; i < plot->count; i++)
        ebjr_picture_entry(picture, "", point_of(point, i), entry_of(entry, &plot->series[i]));
    ebjr_picture_plot(picture);
    for (size_t i = 0; i < plot->count; i++)
        write_bars(script, plot, i);
    for (size_t i = 0; i < plot->count; i++)
        fprintf(script, "    data index %zu using 4:5:6:7 with yerrorbars %s, \\\n", i,
                point_of(point, i));
    fprintf(script, "    x with lines dt (6,4) lw 1 lc rgb '#444444'\n");
}

int ebjr_reliability_draw(const struct ebjr_reliability_plot *plot, const char *directory,
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
