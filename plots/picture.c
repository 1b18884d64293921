#include "plots/picture.h"

#include "base/error.h"
#include "plots/gnuplot.h"
#include "style_gp.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* Widths of texts are in columns of letters (words.h); all else is in points. */
enum { TITLE_WIDTH = 56, TITLE_LINES = 3, CAPTION_WIDTH = 66, KEY_WIDTH = 56, KEY_COLUMNS = 3 };
static const double WIDTH = 440, TITLE_LINE = 17, CAPTION_LINE = 14, AREA = 190;
static const double ABOVE = 8, AXIS = 56, BELOW = 6; /* all else; the x axis' marks and label */
static const double KEY_LINE = 16, KEY_LETTER = 7.4, KEY_SAMPLE = 18, KEY_GAP = 8;

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
    for (const char *c = name; *c; c++)
        if (iscntrl((unsigned char)*c))
            return ebjr_error_set(EBJR_EINVAL,
                                  "the file name %.64s... has a control character, which "
                                  "gnuplot could not be told",
                                  name);
    *out = (struct ebjr_picture){.directory = directory, .name = name, .area = AREA};
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

int ebjr_picture_begin(struct ebjr_picture *picture, const char *title, double unit)
{
    int status = close_written(picture->data, picture);
    if (!status)
        status = open_beside(&picture->script, picture->directory, picture->name, "gp");
    if (status)
        return status;
    fprintf(picture->script, "name = ");
    ebjr_gnuplot_quote(picture->script, picture->name);
    fprintf(picture->script, "\nfile = './'.name\ndata = file.'.dat'\nunit = %.1f\n", unit);
    write_id(picture->script, picture->name);
    fprintf(picture->script, "\n%s\n", ebjr_style_gp);
    ebjr_words_wrap(&picture->title, title, TITLE_WIDTH, TITLE_LINES);
    return 0;
}

void ebjr_picture_caption(struct ebjr_picture *picture, const char *text)
{
    picture->caption.count = 0;
    if (*text)
        ebjr_words_wrap(&picture->caption, text, CAPTION_WIDTH, EBJR_LINES);
}

void ebjr_picture_entry(struct ebjr_picture *picture, const char *line, const char *point,
                        const char *text)
{
    if (picture->key_count == EBJR_KEY)
        return;
    struct ebjr_key_entry *entry = &picture->key[picture->key_count++];
    snprintf(entry->line, sizeof entry->line, "%s", line);
    snprintf(entry->point, sizeof entry->point, "%s", point);
    ebjr_words_shorten(entry->text, text, KEY_WIDTH);
}

struct key {
    size_t rows;
    double column, left; /* width of a column, and where the first begins */
};

static struct key key_of(const struct ebjr_picture *picture)
{
    size_t widest = 0, count = picture->key_count;
    for (size_t i = 0; i < count; i++) {
        size_t width = ebjr_words_width(picture->key[i].text);
        widest = width > widest ? width : widest;
    }
    struct key key = {.column = KEY_SAMPLE + 5 + KEY_LETTER * (double)widest + KEY_GAP};
    size_t columns = (size_t)((WIDTH + KEY_GAP) / key.column);
    columns = columns < 1 ? 1 : columns > KEY_COLUMNS ? KEY_COLUMNS : columns;
    key.rows = (count + columns - 1) / columns;
    columns = key.rows ? (count + key.rows - 1) / key.rows : 1;
    key.left = fmax(8, (WIDTH - key.column * (double)columns + KEY_GAP) / 2);
    return key;
}

/* gnuplot guesses how wide texts are, and each terminal guesses another way; this key is alike in
 * all. Samples are arrows and labels 1101, 1102, ...; texts are labels 1201, ... */
static void write_key(struct ebjr_picture *picture, const struct key *key)
{
    char command[32], place[128];
    for (size_t i = 0; i < picture->key_count; i++) {
        const struct ebjr_key_entry *entry = &picture->key[i];
        size_t column = i / key->rows, below = key->rows - i % key->rows;
        double left = key->left + key->column * (double)column;
        double up = BELOW + KEY_LINE * ((double)below - 0.5);
        if (*entry->line)
            fprintf(picture->script,
                    "set arrow %zu from screen %.1f/width, screen %.1f/height to screen "
                    "%.1f/width, screen %.1f/height nohead %s\n",
                    1101 + i, left, up, left + KEY_SAMPLE, up, entry->line);
        if (*entry->point)
            fprintf(picture->script,
                    "set label %zu '' at screen %.1f/width, screen %.1f/height point %s\n",
                    1101 + i, left + KEY_SAMPLE / 2, up, entry->point);
        snprintf(command, sizeof command, "label %zu", 1201 + i);
        snprintf(place, sizeof place, " left at screen %.1f/width, screen %.1f/height @entry",
                 left + KEY_SAMPLE + 5, up);
        ebjr_picture_set(picture, command, entry->text, place);
    }
}

/* Labels in the middle, the first `top` points below the upper edge. */
static void write_lines(struct ebjr_picture *picture, const struct ebjr_lines *lines, int label,
                        double top, double step, const char *style)
{
    char command[32], place[128];
    for (size_t i = 0; i < lines->count; i++) {
        snprintf(command, sizeof command, "label %d", label + (int)i);
        snprintf(place, sizeof place, " center at screen 0.5, screen 1 - %.1f/height %s",
                 top + ((double)i + 0.5) * step, style);
        ebjr_picture_set(picture, command, lines->line[i], place);
    }
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
    struct key key = key_of(picture);
    double title = TITLE_LINE * (double)picture->title.count;
    double top = ABOVE + title + CAPTION_LINE * (double)picture->caption.count;
    double bottom = BELOW + KEY_LINE * (double)key.rows + AXIS;
    fprintf(picture->script,
            "\nheight = %.0f.0\nset tmargin at screen 1 - %.0f/height\n"
            "set bmargin at screen %.0f/height\n",
            top + picture->area + bottom, top + 6, bottom);
    write_lines(picture, &picture->title, 1001, ABOVE / 2, TITLE_LINE, "@heading");
    write_lines(picture, &picture->caption, 1011, ABOVE / 2 + title + 1, CAPTION_LINE, "@small");
    write_key(picture, &key);
    fprintf(picture->script, "\neval svg\nset output file.'.svg'\nplot \\\n");
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
