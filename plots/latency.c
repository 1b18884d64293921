#include "plots/latency.h"

#include "base/error.h"
#include "calib/measured.h"
#include "plots/thin.h"
#include "plots/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double AREA = 240; /* for marks from 0 to 99.99 % */

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

/* Step r of the distribution is at the r-th smallest, r = 1 .. n, and goes up to F = r/n; the last
 * would go beyond the axis, and only leads there. */
static double step_ns(const double *sorted, size_t r)
{
    return drawn(sorted[r > 0 ? r - 1 : 0]);
}

static size_t step_rank(size_t r, size_t n)
{
    return r < n ? r : n - 1;
}

/* Of steps 0 (to F = 0) .. n the corners to draw (thin.h). */
static int thin(size_t **kept, size_t *count, const double *sorted, size_t n,
                const struct span *span)
{
    struct ebjr_span axes = {log10(span->fastest), log10(span->slowest), 0, span->tail};
    double *x = malloc((n + 1) * sizeof *x), *y = malloc((n + 1) * sizeof *y);
    int status = x && y ? 0 : ebjr_error_memory();
    for (size_t r = 0; !status && r <= n; r++) {
        x[r] = log10(step_ns(sorted, r));
        y[r] = height(step_rank(r, n), n);
    }
    if (!status)
        status = ebjr_thin_steps(kept, count, x, y, n + 1, &axes);
    free(x);
    free(y);
    return status;
}

/* Lines "ns F". */
static int write_steps(FILE *data, const double *sorted, size_t n, const struct span *span)
{
    size_t *kept = NULL, count = 0;
    int status = thin(&kept, &count, sorted, n, span);
    for (size_t k = 0; !status && k < count; k++)
        fprintf(data, "%.17g %.17g\n", step_ns(sorted, (kept[k] + 1) / 2),
                (double)step_rank(kept[k] / 2, n) / (double)n);
    fprintf(data, "%.17g 1\n\n\n", drawn(sorted[n - 1]));
    free(kept);
    return status;
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

static int write_data(FILE *data, const struct ebjr_latency_plot *plot, const struct line *lines,
                      const struct span *span)
{
    int status = 0;
    for (size_t i = 0; !status && i < plot->count; i++) {
        fprintf(data,
                "# series %zu: ns, share of samples that took no longer (corners of its steps)\n",
                i);
        status = write_steps(data, lines[i].sorted, plot->series[i].n, span);
    }
    for (size_t i = 0; i < plot->count; i++)
        fprintf(data, "# p50, p95, p99 of series %zu\n%.17g 0.5\n%.17g 0.95\n%.17g 0.99\n\n\n", i,
                drawn(lines[i].summary.p50), drawn(lines[i].summary.p95),
                drawn(lines[i].summary.p99));
    return status;
}

/* Shares become heights, nanoseconds the unit. */
static void shade(struct ebjr_picture *picture, const struct ebjr_latency_plot *plot,
                  struct ebjr_unit unit)
{
    struct ebjr_region region = plot->region;
    region.x_low /= unit.divisor;
    region.x_high /= unit.divisor;
    if (isfinite(region.y_high))
        region.y_high = -log10(1 - region.y_high);
    ebjr_region_shade(picture, &region, "p50 / p95 / p99 below, and as dots");
}

static void write_axes(struct ebjr_picture *picture, const struct span *span, struct ebjr_unit unit)
{
    static const char *const marks[] = {"0", "50", "90", "95", "99", "99.9", "99.99", "99.999"};
    char label[64];
    snprintf(label, sizeof label, "latency (%s)", unit.name);
    ebjr_picture_set(picture, "xlabel", label, "");
    ebjr_picture_logscale(picture, "x", span->fastest / unit.divisor, span->slowest / unit.divisor);
    fprintf(picture->script,
            "set ylabel 'took no longer (%%)'\n"
            "height_of(share) = share < 1 ? -log10(1 - share) : NaN\n"
            "set yrange [0:%.17g]\nset ytics (",
            span->tail * 1.05);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        fprintf(picture->script, "%s'%s' height_of(%s/100.0)", i ? ", " : "", marks[i], marks[i]);
    fprintf(picture->script, ")\n");
}

/* "1.2 / 1.4 / 2.1 ms: small"; the numbers are not what is cut. */
static const char *entry_of(char entry[EBJR_LINE], const char *name,
                            const struct ebjr_measured_summary *summary, struct ebjr_unit unit)
{
    snprintf(entry, EBJR_LINE, "%.3g / %.3g / %.3g %s: %s", summary->p50 / unit.divisor,
             summary->p95 / unit.divisor, summary->p99 / unit.divisor, unit.name, name);
    return entry;
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_latency_plot *plot,
                         const struct line *lines, struct ebjr_unit unit)
{
    FILE *script = picture->script;
    char entry[EBJR_LINE], style[EBJR_STYLE];
    for (size_t i = 0; i < plot->count; i++) {
        snprintf(style, sizeof style, "lc rgb '%s' lw 2", ebjr_colour(i));
        ebjr_picture_entry(picture, style, "",
                           entry_of(entry, plot->series[i].name, &lines[i].summary, unit));
    }
    ebjr_picture_plot(picture);
    for (size_t i = 0; i < plot->count; i++)
        fprintf(script,
                "    data index %zu using ($1/unit):(height_of($2)) with lines lc rgb '%s' lw 2, "
                "\\\n",
                i, ebjr_colour(i));
    for (size_t i = 0; i < plot->count; i++)
        fprintf(script,
                "    data index %zu using ($1/unit):(height_of($2)) with points pt 7 ps 0.7 "
                "lc rgb '%s'%s\n",
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
    picture.area = AREA;
    int written = write_data(picture.data, plot, lines, &span);
    status = ebjr_picture_begin(&picture, plot->title, unit.divisor);
    if (status)
        return status;
    write_axes(&picture, &span, unit);
    shade(&picture, plot, unit);
    write_script(&picture, plot, lines, unit);
    status = ebjr_picture_draw(&picture);
    return written ? written : status;
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
