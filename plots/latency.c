#include "plots/latency.h"

#include "base/error.h"
#include "calib/measured.h"
#include "plots/gnuplot.h"
#include "plots/picture.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double STEP = 1e-3; /* of an axis: less is not seen */

/* What the axes span, over all series. */
struct span {
    double fastest, slowest; /* ns, >= 1: the axis is logarithmic */
    double middle;           /* the largest p50 */
    double tail;             /* the largest -log10(1 - F) drawn */
};

/* A latency on the logarithmic axis. */
static double drawn(double ns)
{
    return ns > 1 ? ns : 1;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A series made ready. */
struct line {
    double *sorted; /* [n] */
    struct ebjr_measured_summary summary;
};

static int line_make(struct line *line, const struct ebjr_latency_series *series)
{
    line->sorted = malloc(series->n * sizeof *line->sorted);
    if (!line->sorted)
        return ebjr_error_memory();
    memcpy(line->sorted, series->ns, series->n * sizeof *line->sorted);
    qsort(line->sorted, series->n, sizeof *line->sorted, compare);
    return ebjr_measured_summarise(&line->summary, line->sorted, series->n);
}

static double height(size_t rank, size_t n)
{
    return -log10((double)(n - rank) / (double)n);
}

/* Lines "ns F", the first of the steps at F = 0. */
static void write_steps(FILE *data, const double *sorted, size_t n, double decades)
{
    double last_ns = drawn(sorted[0]), last_height = 0;
    fprintf(data, "%.17g 0\n", last_ns);
    for (size_t rank = 1; rank < n; rank++) {
        double ns = drawn(sorted[rank - 1]);
        bool is_seen = log10(ns / last_ns) > STEP * decades ||
                       height(rank, n) - last_height >= STEP * log10((double)n);
        if (!is_seen && rank + 1 < n)
            continue;
        fprintf(data, "%.17g %.17g\n", ns, (double)rank / (double)n);
        last_ns = ns;
        last_height = height(rank, n);
    }
    fprintf(data, "%.17g 1\n\n\n", drawn(sorted[n - 1]));
}

static struct span span_of(const struct line *lines, const struct ebjr_latency_plot *plot)
{
    struct span span = {.fastest = INFINITY, .slowest = 1, .middle = 1, .tail = 2};
    for (size_t i = 0; i < plot->count; i++) {
        size_t n = plot->series[i].n;
        span.fastest = fmin(span.fastest, drawn(lines[i].sorted[0]));
        span.slowest = fmax(span.slowest, drawn(lines[i].sorted[n - 1]));
        span.middle = fmax(span.middle, lines[i].summary.p50);
        span.tail = fmax(span.tail, log10((double)n));
    }
    return span;
}

static void write_data(FILE *data, const struct ebjr_latency_plot *plot, const struct line *lines,
                       const struct span *span)
{
    double decades = log10(span->slowest / span->fastest);
    for (size_t i = 0; i < plot->count; i++) {
        fprintf(data, "# series %zu: ns, share of samples that took no longer\n", i);
        write_steps(data, lines[i].sorted, plot->series[i].n, decades);
    }
    for (size_t i = 0; i < plot->count; i++)
        fprintf(data, "# p50, p95, p99 of series %zu\n%.17g 0.5\n%.17g 0.95\n%.17g 0.99\n\n\n", i,
                drawn(lines[i].summary.p50), drawn(lines[i].summary.p95),
                drawn(lines[i].summary.p99));
}

static void write_axes(struct ebjr_picture *picture, const struct span *span, struct ebjr_unit unit)
{
    static const char *const marks[] = {"0", "50", "90", "95", "99", "99.9", "99.99", "99.999"};
    char label[64];
    snprintf(label, sizeof label, "latency (%s)", unit.name);
    ebjr_picture_set(picture, "xlabel", label, "");
    ebjr_picture_logscale(picture, "x", span->fastest / unit.divisor, span->slowest / unit.divisor);
    fprintf(picture->script,
            "set ylabel 'samples that took no longer (%%)'\n"
            "height(share) = share < 1 ? -log10(1 - share) : NaN\n"
            "set yrange [0:%.17g]\nset ytics (",
            span->tail * 1.05);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        fprintf(picture->script, "%s'%s' height(%s/100.0)", i ? ", " : "", marks[i], marks[i]);
    fprintf(picture->script, ")\nset key @below\n");
}

/* "p50 1.2, p95 1.4, p99 2.1 ms: small" */
static void write_title(FILE *script, const char *name, const struct ebjr_measured_summary *summary,
                        struct ebjr_unit unit)
{
    fprintf(script, "title 'p50 %.3g,  p95 %.3g,  p99 %.3g %s:  '.", summary->p50 / unit.divisor,
            summary->p95 / unit.divisor, summary->p99 / unit.divisor, unit.name);
    ebjr_gnuplot_quote(script, name);
    fprintf(script, ", \\\n");
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_latency_plot *plot,
                         const struct line *lines, struct ebjr_unit unit)
{
    FILE *script = picture->script;
    fprintf(script, "\neval svg\nset output file.'.svg'\nplot \\\n");
    for (size_t i = 0; i < plot->count; i++) {
        fprintf(script,
                "    data index %zu using ($1/unit):(height($2)) with steps lc rgb '%s' lw 2 ", i,
                ebjr_colour(i));
        write_title(script, plot->series[i].name, &lines[i].summary, unit);
    }
    for (size_t i = 0; i < plot->count; i++)
        fprintf(script,
                "    data index %zu using ($1/unit):(height($2)) with points pt 7 ps 0.9 "
                "lc rgb '%s' notitle%s\n",
                plot->count + i, ebjr_colour(i), i + 1 < plot->count ? ", \\" : "");
}

static int draw(const struct ebjr_latency_plot *plot, const struct line *lines,
                const char *directory, const char *name)
{
    struct ebjr_picture picture;
    struct span span = span_of(lines, plot);
    struct ebjr_unit unit = ebjr_unit_of_time(span.middle);
    int status = ebjr_picture_open(&picture, directory, name);
    if (status)
        return status;
    write_data(picture.data, plot, lines, &span);
    status = ebjr_picture_begin(&picture, plot->title, unit.divisor);
    if (status)
        return status;
    write_axes(&picture, &span, unit);
    write_script(&picture, plot, lines, unit);
    return ebjr_picture_draw(&picture);
}

int ebjr_latency_draw(const struct ebjr_latency_plot *plot, const char *directory, const char *name)
{
    struct line *lines = calloc(plot->count, sizeof *lines);
    int status = lines ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < plot->count; i++)
        status = line_make(&lines[i], &plot->series[i]);
    if (!status)
        status = draw(plot, lines, directory, name);
    for (size_t i = 0; lines && i < plot->count; i++)
        free(lines[i].sorted);
    free(lines);
    return status;
}
