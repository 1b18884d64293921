#include "plots/figure.h"

#include "base/error.h"
#include "plots/html.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The whole file as one text. */
static int read_text(char **out, const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    *out = NULL;
    if (!file)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO, "cannot read %s: %s",
                              path, strerror(errno));
    ssize_t got = getdelim(&text, &size, 0, file);
    bool failed = got < 0 || ferror(file);
    fclose(file);
    if (failed) {
        free(text);
        return ebjr_error_set(EBJR_EIO, "cannot read %s", path);
    }
    *out = text;
    return 0;
}

static bool begins(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

/* Of the element at "<name" or "</name". */
static bool is_known(const char *tag)
{
    static const char *const names[] = {"svg",      "title",  "desc",    "g",           "defs",
                                        "path",     "circle", "rect",    "use",         "text",
                                        "tspan",    "filter", "feFlood", "feComposite", "polygon",
                                        "polyline", "line",   "clipPath"};
    tag += tag[1] == '/' ? 2 : 1;
    size_t length = strcspn(tag, " \t\r\n/>");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == length && strncmp(tag, names[i], length) == 0)
            return true;
    return false;
}

/* Where the tag ends, after its '>', which no quoted value hides; NULL where it does not. */
static const char *tag_end(const char *tag)
{
    char quote = 0;
    for (; *tag; tag++) {
        if (quote)
            quote = (char)(*tag == quote ? 0 : quote);
        else if (*tag == '"' || *tag == '\'')
            quote = *tag;
        else if (*tag == '>')
            return tag + 1;
    }
    return NULL;
}

/* No handler (onload=...), and no reference but to the picture's own ids. */
static bool is_harmless(const char *tag, const char *end)
{
    for (const char *at = tag; at < end; at++) {
        if (isspace((unsigned char)*at) && begins(at + 1, "on"))
            return false;
        if ((begins(at, "href=") && !begins(at + 6, "#")) ||
            (begins(at, "url(") && !begins(at + 4, "#")))
            return false;
    }
    return true;
}

/* A tag, with `id-` before every id in it. */
static void write_tag(FILE *page, const char *tag, const char *end, const char *id)
{
    static const char *const heads[] = {" id='", " id=\"", "href='#", "href=\"#", "url(#"};
    while (tag < end) {
        size_t i = 0;
        while (i < sizeof heads / sizeof *heads && !begins(tag, heads[i]))
            i++;
        if (i < sizeof heads / sizeof *heads) {
            fprintf(page, "%s%s-", heads[i], id);
            tag += strlen(heads[i]);
        } else {
            fputc(*tag++, page);
        }
    }
}

/* `<svg ...>` becomes an image that its title names. */
static void write_root(FILE *page, const char *tag, const char *end, const char *id,
                       const char *title)
{
    fprintf(page, "<svg role=\"img\" aria-labelledby=\"%s-title\" ", id);
    write_tag(page, tag + strlen("<svg"), end, id);
    fprintf(page, "\n<title id=\"%s-title\">", id);
    ebjr_html_text(page, title);
    fprintf(page, "</title>\n");
}

/* The title and description that gnuplot gives every picture stand before all its groups. */
static const char *skip_preface(const char *at)
{
    const char *group = strstr(at, "<g "), *end = strstr(at, "</desc>");
    return end && group && end < group ? end + strlen("</desc>") : at;
}

static int write_picture(FILE *page, const char *text, const char *id, const char *title)
{
    const char *at = strstr(text, "<svg"), *end;
    if (!at)
        return ebjr_error_set(EBJR_EFORMAT, "it is no SVG");
    bool is_root = true;
    while (*at) {
        if (*at != '<') {
            fputc(*at++, page);
            continue;
        }
        end = tag_end(at);
        if (!end || !is_known(at) || !is_harmless(at, end))
            return ebjr_error_set(EBJR_EFORMAT, "it holds what gnuplot does not write: %.40s", at);
        if (is_root)
            write_root(page, at, end, id, title);
        else
            write_tag(page, at, end, id);
        at = is_root ? skip_preface(end) : end;
        is_root = false;
    }
    return 0;
}

int ebjr_figure_inline(FILE *page, const char *path, const char *id, const char *title)
{
    char *text;
    int status = read_text(&text, path);
    if (!status && (status = write_picture(page, text, id, title)))
        ebjr_error_context(status, "%s", path);
    free(text);
    return status;
}
