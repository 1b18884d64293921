#include "plots/classes.h"

#include "base/error.h"
#include "plots/gnuplot.h"
#include "plots/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HARM "pt 7 ps 0.6 lw 1.5 lc rgb '#D55E00'"
#define HELP "pt 9 ps 0.6 lw 1.5 lc rgb '#009E73'"
#define ALL "lw 1.5 dt 3 lc rgb '#D55E00'"
#define LIMIT "lw 1.5 lc rgb '#444444'"

static const double ROW = 15; /* points */
enum { NAME_WIDTH = 16, MARKS = 4 };

static int compare(const void *a, const void *b)
{
    const struct ebjr_slice *x = a, *y = b;
    if (x->harm.estimate != y->harm.estimate)
        return x->harm.estimate < y->harm.estimate ? 1 : -1;
    if (x->harm.low != y->harm.low)
        return x->harm.low < y->harm.low ? 1 : -1;
    return (x->group > y->group) - (x->group < y->group);
}

static size_t shown(const struct ebjr_classes_plot *plot)
{
    return plot->count < EBJR_CLASSES_SHOWN ? plot->count : EBJR_CLASSES_SHOWN;
}

static void write_interval(FILE *data, const struct ebjr_interval *interval)
{
    fprintf(data, " %.17g %.17g %.17g", 100 * interval->estimate, 100 * interval->low,
            100 * interval->high);
}

static void write_data(FILE *data, const struct ebjr_classes_plot *plot,
                       const struct ebjr_slice *order)
{
    fprintf(data, "# row, class, samples; harm, help, teacher rate, each (%%) with its interval\n");
    for (size_t i = 0; i < plot->count; i++) {
        fprintf(data, "%zu %d %" PRId64, i, (int)order[i].group, order[i].n);
        write_interval(data, &order[i].harm);
        write_interval(data, &order[i].help);
        write_interval(data, &order[i].teacher_rate);
        fputc('\n', data);
    }
}

static void write_name(FILE *script, const struct ebjr_classes_plot *plot, int32_t class)
{
    char whole[EBJR_CLASS_NAME_BYTES + 16], text[EBJR_LINE];
    const char *name = plot->names ? ebjr_class_name(plot->names, class) : NULL;
    if (!name) {
        fprintf(script, "'%d'", (int)class);
        return;
    }
    snprintf(whole, sizeof whole, "%d %s", (int)class, name); /* two may have the same name */
    ebjr_words_shorten(text, whole, NAME_WIDTH);
    ebjr_gnuplot_quote(script, text);
}

static void write_marks(FILE *script, const struct ebjr_classes_plot *plot,
                        const struct ebjr_slice *order)
{
    fprintf(script, "set ytics scale 0 (");
    for (size_t i = 0; i < shown(plot); i++) {
        fputs(i ? ", " : "", script);
        write_name(script, plot, order[i].group);
        fprintf(script, " %zu", i);
    }
    fprintf(script, ")\nset y2tics scale 0 (");
    for (size_t i = 0; i < shown(plot); i++)
        fprintf(script, "%s'%.0f %%%%' %zu", i ? ", " : "", 100 * order[i].teacher_rate.estimate,
                i);
    fprintf(script, ")\n");
}

static void write_caption(struct ebjr_picture *picture, const struct ebjr_classes_plot *plot)
{
    char caption[256], which[64] = "";
    if (shown(plot) < plot->count)
        snprintf(which, sizeof which, "the %zu most harmed of %zu classes; ", shown(plot),
                 plot->count);
    snprintf(caption, sizeof caption,
             "%s, %sall %zu x 4 intervals hold together with %.4g %% confidence, if the threshold "
             "was not chosen on these samples",
             plot->rule, which, plot->count, 100 * (1 - plot->delta));
    ebjr_picture_caption(picture, caption);
}

/* Harm of all classes together, and what is certified of it. */
static void add_entries(struct ebjr_picture *picture, const struct ebjr_classes_plot *plot)
{
    char limit[128];
    ebjr_picture_entry(picture, "", HARM, "harm: only the teacher right");
    ebjr_picture_entry(picture, "", HELP, "help: only the student right");
    ebjr_picture_entry(picture, ALL, "", "harm of all classes");
    if (isnan(plot->limit))
        return;
    snprintf(limit, sizeof limit, "certified: <= %.4g %%", 100 * plot->limit);
    ebjr_picture_entry(picture, LIMIT, "", limit);
}

static void write_vertical(FILE *script, double per_cent, const char *style)
{
    fprintf(script, "set arrow from first %.17g, graph 0 to first %.17g, graph 1 nohead back %s\n",
            per_cent, per_cent, style);
}

/* Names leave room for a few marks only: 1, 2 or 5 times a power of ten apart. */
static void write_few_marks(FILE *script, double widest)
{
    double least = widest / MARKS, ten = pow(10, floor(log10(least)));
    double step = least <= ten       ? ten
                  : least <= 2 * ten ? 2 * ten
                  : least <= 5 * ten ? 5 * ten
                                     : 10 * ten;
    if (isfinite(step) && step > 0)
        fprintf(script, "set xtics %.17g\n", step);
}

static void write_axes(struct ebjr_picture *picture, const struct ebjr_classes_plot *plot,
                       const struct ebjr_slice *order)
{
    FILE *script = picture->script;
    size_t last = shown(plot) - 1;
    double widest = fmax(plot->harm, isnan(plot->limit) ? 0 : plot->limit);
    for (size_t i = 0; i <= last; i++)
        widest = fmax(widest, fmax(order[i].harm.high, order[i].help.high));
    write_marks(script, plot, order);
    write_caption(picture, plot);
    fprintf(script,
            "set xlabel 'of the samples of the class (%%)'\nset ylabel 'class'\n"
            "set y2label 'teacher rate'\nset xrange [0:%.17g]\n"
            "set yrange [%zu.6:-0.6]\nset y2range [%zu.6:-0.6]\nset border 1\n",
            103 * widest, last, last);
    if (plot->names && plot->names->count > 0)
        write_few_marks(script, 103 * widest);
    write_vertical(script, 100 * plot->harm, ALL);
    if (!isnan(plot->limit))
        write_vertical(script, 100 * plot->limit, LIMIT);
    add_entries(picture, plot);
    picture->area = fmax(picture->area, ROW * (double)shown(plot));
}

static void write_script(struct ebjr_picture *picture, const struct ebjr_classes_plot *plot,
                         const struct ebjr_slice *order)
{
    size_t last = shown(plot) - 1;
    write_axes(picture, plot, order);
    ebjr_picture_plot(picture);
    fprintf(picture->script,
            "    data every ::0::%zu using 4:($1 - 0.14):5:6 with xerrorbars " HARM ", \\\n"
            "    data every ::0::%zu using 7:($1 + 0.14):8:9 with xerrorbars " HELP "\n",
            last, last);
}

static int draw(const struct ebjr_classes_plot *plot, const struct ebjr_slice *order,
                const char *directory, const char *name)
{
    struct ebjr_picture picture;
    int status = ebjr_picture_open(&picture, directory, name);
    if (status)
        return status;
    write_data(picture.data, plot, order);
    status = ebjr_picture_begin(&picture, plot->title, 1);
    if (status)
        return status;
    write_script(&picture, plot, order);
    return ebjr_picture_draw(&picture);
}

int ebjr_classes_draw(const struct ebjr_classes_plot *plot, const char *directory, const char *name)
{
    struct ebjr_slice *order = malloc(plot->count * sizeof *order);
    if (!order)
        return ebjr_error_memory();
    memcpy(order, plot->slices, plot->count * sizeof *order);
    qsort(order, plot->count, sizeof *order, compare);
    int status = draw(plot, order, directory, name);
    free(order);
    return status;
}
