#include "plots/risk_coverage.h"

#include "base/error.h"
#include "plots/thin.h"
#include "plots/words.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static double coverage(const struct ebjr_risk_coverage *curve, size_t i)
{
    return 100 * (double)curve->answered[i] / (double)curve->n;
}

static double risk(const struct ebjr_risk_coverage *curve, size_t i)
{
    return 100 * (double)curve->wrong[i] / (double)curve->answered[i];
}

static double highest_risk(const struct ebjr_risk_coverage_plot *plot)
{
    double highest = isnan(plot->risk) ? 0 : 100 * plot->risk;
    for (size_t s = 0; s < plot->count; s++) {
        const struct ebjr_risk_coverage *curve = plot->series[s].curve;
        for (size_t i = 0; i < curve->count; i++)
            if (coverage(curve, i) >= 5 && risk(curve, i) > highest)
                highest = risk(curve, i);
    }
    return highest > 0 ? highest * 1.05 : 1;
}

static int write_curve(FILE *data, const struct ebjr_risk_coverage *curve,
                       const struct ebjr_span *span)
{
    size_t *kept = NULL, count = 0;
    double *x = malloc(curve->count * sizeof *x), *y = malloc(curve->count * sizeof *y);
    int status = x && y ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < curve->count; i++) {
        x[i] = coverage(curve, i);
        y[i] = risk(curve, i);
    }
    if (!status)
        status = ebjr_thin(&kept, &count, x, y, curve->count, span);
    for (size_t k = 0; k < count; k++)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): nothing is kept of nothing */
        fprintf(data, "%.17g %.17g %.17g\n", x[kept[k]], y[kept[k]], curve->threshold[kept[k]]);
    fprintf(data, "\n\n");
    free(kept);
    free(x);
    free(y);
    return status;
}

static int write_data(FILE *data, const struct ebjr_risk_coverage_plot *plot, double highest)
{
    struct ebjr_span span = {0, 100, 0, highest};
    int status = 0;
    for (size_t i = 0; !status && i < plot->count; i++) {
        fprintf(data, "# series %zu, AURC %.17g: coverage (%%), selective risk (%%), threshold\n",
                i, plot->series[i].curve->area);
        status = write_curve(data, plot->series[i].curve, &span);
    }
    if (!isnan(plot->coverage))
        fprintf(data, "# operating point\n%.17g %.17g\n", 100 * plot->coverage, 100 * plot->risk);
    return status;
}

/* "logit-margin 0.00981" */
static const char *entry_of(char entry[EBJR_LINE], const struct ebjr_risk_coverage_series *series)
{
    snprintf(entry, EBJR_LINE, "%s %.3g", series->name, series->curve->area);
    return entry;
}

static const char *style_of(char style[EBJR_STYLE], const char *name, size_t colour)
{
    if (strcmp(name, "random") == 0)
        snprintf(style, EBJR_STYLE, "lc rgb '#999999' dt 3 lw 2");
    else if (strcmp(name, "perfect") == 0)
        snprintf(style, EBJR_STYLE, "lc rgb '#444444' dt (12,4) lw 1.5");
    else
        snprintf(style, EBJR_STYLE, "lc rgb '%s' dt %d lw %s", ebjr_colour(colour),
                 colour < ebjr_colours() ? 1 : 2, colour == 0 ? "2.5" : "1.5");
    return style;
}

static void write_axes(struct ebjr_picture *picture, const struct ebjr_risk_coverage_plot *plot,
                       double highest)
{
    char entry[EBJR_LINE], style[EBJR_STYLE];
    fprintf(picture->script,
            "set xlabel 'coverage: samples the student answers (%%)'\n"
            "set ylabel 'of these, wrong (%%)'\nset xrange [0:100]\nset yrange [0:%.17g]\n",
            highest);
    ebjr_region_shade(picture, &plot->region,
                      "beside each score its AURC, the mean risk over all coverages");
    for (size_t i = 0; i < plot->count; i++)
        ebjr_picture_entry(picture, style_of(style, plot->series[i].name, i), "",
                           entry_of(entry, &plot->series[i]));
    if (!isnan(plot->coverage))
        ebjr_picture_entry(picture, "", EBJR_MARK, "operating point");
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_risk_coverage_plot *plot,
                         double highest)
{
    FILE *script = picture->script;
    char style[EBJR_STYLE];
    write_axes(picture, plot, highest);
    ebjr_picture_plot(picture);
    for (size_t i = 0; i < plot->count; i++)
        fprintf(script, "%s    data index %zu using 1:2 with lines %s", i ? ", \\\n" : "", i,
                style_of(style, plot->series[i].name, i));
    if (!isnan(plot->coverage))
        fprintf(script, ", \\\n    data index %zu using 1:2 with points " EBJR_MARK, plot->count);
    fputc('\n', script);
}

int ebjr_risk_coverage_draw(const struct ebjr_risk_coverage_plot *plot, const char *directory,
                            const char *name)
{
    struct ebjr_picture picture;
    double highest = highest_risk(plot);
    int status = ebjr_picture_open(&picture, directory, name);
    if (status)
        return status;
    int written = write_data(picture.data, plot, highest);
    status = ebjr_picture_begin(&picture, plot->title, 1);
    if (status)
        return status;
    write_script(&picture, plot, highest);
    status = ebjr_picture_draw(&picture);
    return written ? written : status;
}
