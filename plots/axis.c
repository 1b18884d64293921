#include "plots/axis.h"

#include "base/error.h"
#include "calib/quantile.h"
#include "calib/sweep.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MARKS = 5 };
static const double NEAREST = 1e-12; /* to a bound: nearer is drawn there */

static bool is_logarithmic(const struct ebjr_axis *axis)
{
    return !isnan(axis->bound);
}

static double place(const struct ebjr_axis *axis, double score)
{
    return is_logarithmic(axis) ? -log10(fmax(axis->bound - score, NEAREST)) : score;
}

double ebjr_axis_position(const struct ebjr_axis *axis, double score)
{
    return fmin(fmax(place(axis, score), axis->low), axis->high);
}

int ebjr_axis_fit(struct ebjr_axis *out, const char *name, const double *score, size_t n,
                  double bound, double threshold)
{
    double *finite = malloc(n * sizeof *finite);
    size_t count = 0;
    if (!finite)
        return ebjr_error_memory();
    for (size_t i = 0; i < n; i++)
        if (isfinite(score[i]) && score[i] > EBJR_NEVER)
            finite[count++] = score[i];
    size_t stray = count / 1000;
    double low = count ? ebjr_select(finite, count, 1 + stray) : 0;
    double high = count ? ebjr_select(finite, count, count - stray) : 0;
    double median = count ? ebjr_select(finite, count, (count + 1) / 2) : 0;
    free(finite);
    *out = (struct ebjr_axis){.name = name, .bound = NAN};
    if (bound - median < (bound - low) / 20)
        out->bound = bound;
    out->low = place(out, low);
    out->high = place(out, high);
    if (isfinite(threshold) && threshold > EBJR_NEVER) {
        out->low = fmin(out->low, place(out, threshold));
        out->high = fmax(out->high, place(out, threshold));
    }
    if (!(out->high > out->low)) {
        out->low -= 0.5;
        out->high += 0.5;
    }
    return 0;
}

/* A score 10^-decade below the bound: "0.99", "1-1e-5", "-0.01". */
static void write_mark(FILE *script, const struct ebjr_axis *axis, int decade)
{
    enum { PLAIN = 4 };
    if (decade <= PLAIN)
        fprintf(script, "'%.7g' %d", axis->bound - pow(10, -decade), decade);
    else if (axis->bound == 0)
        fprintf(script, "'-1e-%d' %d", decade, decade);
    else
        fprintf(script, "'%.5g-1e-%d' %d", axis->bound, decade, decade);
}

void ebjr_axis_write(struct ebjr_picture *picture, const struct ebjr_axis *axis)
{
    FILE *script = picture->script;
    fprintf(script, "set xrange [%.17g:%.17g]\n", axis->low, axis->high);
    ebjr_picture_set(picture, "xlabel", axis->name, "");
    if (!is_logarithmic(axis))
        return;
    int first = (int)ceil(axis->low), last = (int)floor(axis->high),
        step = (last - first) / MARKS + 1;
    fprintf(script, "set xtics (");
    for (int decade = first; decade <= last; decade += step) {
        fputs(decade > first ? ", " : "", script);
        write_mark(script, axis, decade);
    }
    fprintf(script, ")\n");
}
