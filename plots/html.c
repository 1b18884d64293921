#include "plots/html.h"

#include <stdbool.h>
#include <string.h>

/* The bytes of the UTF-8 character at `text`, 0 where there is none (Unicode 15, table 3-7). */
static int utf8_length(const unsigned char *text)
{
    unsigned char first = text[0];
    int length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first > 0xf4)
        return 0;
    for (int i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool is_outside = (first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) ||
                      (first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f);
    return is_outside ? 0 : length;
}

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
        int length = utf8_length(at);
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
        int length = utf8_length((const unsigned char *)text);
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
