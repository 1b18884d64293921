#include "plots/html.h"

#include "plots/utf8.h"

#include <string.h>

static const char *entity(unsigned char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return c < ' ' || c == 0x7f ? " " : NULL;
    }
}

/* U+FFFD */
static const char replacement[] = "\xef\xbf\xbd";

void ebjr_html_text(FILE *file, const char *text)
{
    while (*text) {
        const unsigned char *at = (const unsigned char *)text;
        int length = ebjr_utf8_length(text);
        if (length == 0)
            fputs(replacement, file);
        else if (entity(*at))
            fputs(entity(*at), file);
        else
            fwrite(text, 1, (size_t)length, file);
        text += length ? length : 1;
    }
}

void ebjr_html_json(FILE *file, const char *text)
{
    fputc('"', file);
    while (*text) {
        unsigned char c = (unsigned char)*text;
        int length = ebjr_utf8_length(text);
        if (length == 0)
            fputs(replacement, file);
        else if (c < ' ' || c == 0x7f || strchr("\"\\<>&", c))
            fprintf(file, "\\u%04x", c);
        else
            fwrite(text, 1, (size_t)length, file);
        text += length ? length : 1;
    }
    fputc('"', file);
}
