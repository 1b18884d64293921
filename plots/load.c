#include "plots/load.h"

#include "plots/picture.h"

#include <math.h>

#define BUDGET "lc rgb '#444444' dt (12,4) lw 1.5"

/* A latency on the logarithmic axis. */
static double drawn(double ns)
{
    return ns > 1 ? ns : 1;
}

struct span {
    double fastest, slowest; /* ns */
};

static struct span span_of(const struct ebjr_load_plot *plot)
{
    struct span span = {INFINITY, 1};
    for (size_t i = 0; i < plot->count; i++)
        for (size_t j = 0; j < plot->series[i].count; j++) {
            const struct ebjr_load_point *point = &plot->series[i].points[j];
            span.fastest = fmin(span.fastest, drawn(fmin(point->p50, point->p99)));
            span.slowest = fmax(span.slowest, drawn(fmax(point->p50, point->p99)));
        }
    if (!isnan(plot->most_p99)) {
        span.fastest = fmin(span.fastest, drawn(plot->most_p99));
        span.slowest = fmax(span.slowest, drawn(plot->most_p99));
    }
    return span;
}

static void write_data(FILE *data, const struct ebjr_load_plot *plot)
{
    for (size_t i = 0; i < plot->count; i++) {
        fprintf(data, "# series %zu: requests a second, p50 (ns), p99 (ns)\n", i);
        for (size_t j = 0; j < plot->series[i].count; j++) {
            const struct ebjr_load_point *point = &plot->series[i].points[j];
            fprintf(data, "%.17g %.17g %.17g\n", point->qps, drawn(point->p50), drawn(point->p99));
        }
        fprintf(data, "\n\n");
    }
}

static void write_axes(struct ebjr_picture *picture, struct span span, struct ebjr_unit unit)
{
    char label[64];
    snprintf(label, sizeof label, "latency (%s)", unit.name);
    ebjr_picture_set(picture, "ylabel", label, "");
    ebjr_picture_logscale(picture, "y", span.fastest / unit.divisor, span.slowest / unit.divisor);
    fprintf(picture->script, "set xlabel 'requests a second'\nset xrange [0:*]\n"
                             "set offsets 0, graph 0.03, 0, 0\n");
}

static void add_entries(struct ebjr_picture *picture, const struct ebjr_load_plot *plot,
                        struct ebjr_unit unit)
{
    char line[EBJR_STYLE], point[EBJR_STYLE], budget[64];
    for (size_t i = 0; i < plot->count; i++) {
        snprintf(line, sizeof line, "lc rgb '%s' lw 2", ebjr_colour(i));
        snprintf(point, sizeof point, "lc rgb '%s' pt 7 ps 0.8", ebjr_colour(i));
        ebjr_picture_entry(picture, line, point, plot->series[i].name);
    }
    if (isnan(plot->most_p99))
        return;
    snprintf(budget, sizeof budget, "budget: p99 of at most %g %s", plot->most_p99 / unit.divisor,
             unit.name);
    ebjr_picture_entry(picture, BUDGET, "", budget);
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_load_plot *plot,
                         struct ebjr_unit unit)
{
    FILE *script = picture->script;
    ebjr_picture_caption(picture, "solid: p99; dashed: p50");
    add_entries(picture, plot, unit);
    ebjr_picture_plot(picture);
    for (size_t i = 0; i < plot->count; i++)
        fprintf(
            script,
            "%s    data index %zu using 1:($2/unit) with linespoints lc rgb '%s' lw 1.5 dt 2 "
            "pt 6 ps 0.8, \\\n"
            "    data index %zu using 1:($3/unit) with linespoints lc rgb '%s' lw 2 pt 7 ps 0.8",
            i ? ", \\\n" : "", i, ebjr_colour(i), i, ebjr_colour(i));
    if (!isnan(plot->most_p99))
        fprintf(script, ", \\\n    %.17g/unit with lines " BUDGET, plot->most_p99);
    fputc('\n', script);
}

int ebjr_load_draw(const struct ebjr_load_plot *plot, const char *directory, const char *name)
{
    struct ebjr_picture picture;
    struct span span = span_of(plot);
    struct ebjr_unit unit = ebjr_unit_of_time(sqrt(span.fastest * span.slowest));
    int status = ebjr_picture_open(&picture, directory, name);
    if (status)
        return status;
    write_data(picture.data, plot);
    status = ebjr_picture_begin(&picture, plot->title, unit.divisor);
    if (status)
        return status;
    write_axes(&picture, span, unit);
    write_script(&picture, plot, unit);
    return ebjr_picture_draw(&picture);
}
