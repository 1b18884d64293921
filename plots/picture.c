#include "plots/picture.h"

#include "base/error.h"
#include "plots/gnuplot.h"
#include "plots/words.h"
#include "style_gp.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* Of texts, in columns of letters; the picture is 440 points across. */
enum { TITLE_WIDTH = 52, CAPTION_WIDTH = 70, KEY_ACROSS = 58 };
static const double TITLE_LINE = 16, CAPTION_LINE = 14, KEY_LINE = 15, PLAIN_HEIGHT = 255;

static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                      "#E69F00", "#56B4E9", "#7F7F7F", "#000000"};

size_t ebjr_colours(void)
{
    return sizeof colours / sizeof *colours;
}

const char *ebjr_colour(size_t i)
{
    return colours[i % ebjr_colours()];
}

static int open_beside(FILE **out, const char *directory, const char *name, const char *ending)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s.%s", directory, name, ending) >= (int)sizeof path)
        return ebjr_error_set(EBJR_EINVAL, "the path %.64s... is too long", path);
    *out = fopen(path, "w");
    return *out ? 0 : ebjr_error_set(EBJR_EIO, "cannot write %s: %s", path, strerror(errno));
}

static int close_written(FILE *file, const struct ebjr_picture *picture)
{
    int failed = ferror(file);
    if (fclose(file) != 0 || failed)
        return ebjr_error_set(EBJR_EIO, "cannot write %s/%s: %s", picture->directory, picture->name,
                              strerror(errno));
    return 0;
}

int ebjr_picture_open(struct ebjr_picture *out, const char *directory, const char *name)
{
    *out = (struct ebjr_picture){.directory = directory, .name = name, .height = PLAIN_HEIGHT};
    return open_beside(&out->data, directory, name, "dat");
}

/* What ids in the SVG begin with: pictures are put together in pages. */
static void write_id(FILE *script, const char *name)
{
    fprintf(script, "id = 'ebjr_");
    for (; *name; name++)
        fputc(isalnum((unsigned char)*name) ? *name : '_', script);
    fprintf(script, "'\n");
}

/* Lines as one string expression. */
static void write_lines(FILE *script, const struct ebjr_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        fputs(i ? ".\"\\n\"." : "", script);
        ebjr_gnuplot_quote(script, lines->line[i]);
    }
}

int ebjr_picture_begin(struct ebjr_picture *picture, const char *title, double unit)
{
    struct ebjr_lines lines;
    int status = close_written(picture->data, picture);
    if (!status)
        status = open_beside(&picture->script, picture->directory, picture->name, "gp");
    if (status)
        return status;
    fprintf(picture->script, "name = ");
    ebjr_gnuplot_quote(picture->script, picture->name);
    fprintf(picture->script, "\nfile = './'.name\ndata = file.'.dat'\nunit = %.1f\n", unit);
    write_id(picture->script, picture->name);
    fprintf(picture->script, "\n%s\nset title ", ebjr_style_gp);
    ebjr_words_wrap(&lines, title, TITLE_WIDTH, 3);
    write_lines(picture->script, &lines);
    fprintf(picture->script, " noenhanced\n");
    picture->height += TITLE_LINE * (double)lines.count;
    return 0;
}

void ebjr_picture_caption(struct ebjr_picture *picture, const char *text)
{
    struct ebjr_lines lines;
    if (!*text)
        return;
    ebjr_words_wrap(&lines, text, CAPTION_WIDTH, EBJR_LINES);
    fprintf(picture->script, "set title offset 0,%.1f\nset label 100 ", 0.85 * (double)lines.count);
    write_lines(picture->script, &lines);
    fprintf(picture->script, " @small noenhanced center at graph 0.5, graph 1 offset 0,%.1f\n",
            0.85 * (double)lines.count - 0.1);
    picture->height += CAPTION_LINE * (double)lines.count;
}

void ebjr_picture_key(struct ebjr_picture *picture, size_t entries, size_t width)
{
    size_t across = KEY_ACROSS / (width + 6);
    across = across < 1 ? 1 : across > 3 ? 3 : across;
    fprintf(picture->script, "set key maxcols %zu\n", across);
    picture->height += KEY_LINE * (double)((entries + across - 1) / across);
}

void ebjr_picture_grow(struct ebjr_picture *picture, double points)
{
    picture->height += points;
}

void ebjr_picture_entry(struct ebjr_picture *picture, const char *text)
{
    char entry[EBJR_LINE];
    ebjr_words_shorten(entry, text, EBJR_KEY_WIDTH);
    fprintf(picture->script, "title ");
    ebjr_gnuplot_quote(picture->script, entry);
}

void ebjr_picture_vertical(struct ebjr_picture *picture, double x)
{
    fprintf(picture->script,
            "set arrow from first %.17g, graph 0 to first %.17g, graph 1 nohead "
            "lc rgb '#444444' dt (6,4) lw 1.5\n",
            x, x);
}

void ebjr_picture_plot(struct ebjr_picture *picture)
{
    fprintf(picture->script, "height = %.0f\n\neval svg\nset output file.'.svg'\nplot \\\n",
            picture->height);
}

static _Thread_local bool svg_alone;

void ebjr_picture_svg_alone(bool is_alone)
{
    svg_alone = is_alone;
}

int ebjr_picture_draw(struct ebjr_picture *picture)
{
    static const char *const others[] = {"png", "pdf"};
    for (size_t i = 0; !svg_alone && i < sizeof others / sizeof *others; i++)
        fprintf(picture->script, "\neval %s\nset output file.'.%s'\nreplot\n", others[i],
                others[i]);
    int status = close_written(picture->script, picture);
    return status ? status : ebjr_gnuplot_run(picture->directory, picture->name);
}

void ebjr_picture_set(struct ebjr_picture *picture, const char *command, const char *text,
                      const char *rest)
{
    fprintf(picture->script, "set %s ", command);
    ebjr_gnuplot_quote(picture->script, text);
    fprintf(picture->script, " noenhanced%s\n", rest);
}

static struct ebjr_unit unit_of(double value, const struct ebjr_unit *units, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++)
        if (value >= units[i].divisor)
            return units[i];
    return units[count - 1];
}

struct ebjr_unit ebjr_unit_of_count(double count)
{
    static const struct ebjr_unit units[] = {
        {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}};
    return unit_of(count, units, sizeof units / sizeof *units);
}

struct ebjr_unit ebjr_unit_of_time(double ns)
{
    static const struct ebjr_unit units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    return unit_of(ns, units, sizeof units / sizeof *units);
}

void ebjr_picture_logscale(struct ebjr_picture *picture, const char *axis, double low, double high)
{
    static const double steps[] = {1, 2, 5};
    const char *separator = "";
    low /= 1.15;
    high *= 1.15;
    fprintf(picture->script, "set logscale %s\nset %srange [%.17g:%.17g]\nset %stics (", axis, axis,
            low, high, axis);
    for (int exponent = (int)floor(log10(low)); exponent <= (int)floor(log10(high)); exponent++)
        for (size_t i = 0; i < 3; i++) {
            double mark = steps[i] * pow(10, exponent);
            if (mark >= low && mark <= high) {
                fprintf(picture->script, "%s'%g' %.17g", separator, mark, mark);
                separator = ", ";
            }
        }
    fprintf(picture->script, ")\n");
}
