#include "plots/picture.h"

#include "base/error.h"
#include "plots/gnuplot.h"
#include "style_gp.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

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
    *out = (struct ebjr_picture){.directory = directory, .name = name};
    return open_beside(&out->data, directory, name, "dat");
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
    fprintf(picture->script, "\nfile = './'.name\ndata = file.'.dat'\nunit = %.1f\n\n%s\n", unit,
            ebjr_style_gp);
    ebjr_picture_set(picture, "title", title, "");
    return 0;
}

int ebjr_picture_draw(struct ebjr_picture *picture)
{
    fprintf(picture->script, "\neval png\nset output file.'.png'\nreplot\n");
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
