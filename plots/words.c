#include "plots/words.h"

#include "plots/utf8.h"

#include <stdbool.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd", ellipsis[] = "\xe2\x80\xa6";

/* One character as it is shown: its bytes, how many of the text it stands for, its columns. */
struct character {
    const char *bytes;
    size_t size, taken, width;
};

static struct character character_at(const char *text)
{
    unsigned char first = (unsigned char)*text;
    size_t length = (size_t)ebjr_utf8_length(text);
    if (first < ' ' || first == 0x7f)
        return (struct character){" ", 1, 1, 1};
    if (length == 0)
        return (struct character){replacement, 3, 1, 1};
    bool is_wide = first >= 0xe3 && first != 0xef; /* U+3000 .. U+EFFF and beyond U+FFFF */
    return (struct character){text, length, length, is_wide ? 2 : 1};
}

size_t ebjr_words_width(const char *text)
{
    size_t width = 0;
    for (struct character next; *text; text += next.taken) {
        next = character_at(text);
        width += next.width;
    }
    return width;
}

/* Copies what fits of `text`; returns where it stopped. */
static const char *copy(char out[EBJR_LINE], const char *text, const char *end, size_t width)
{
    size_t used = 0;
    while (text < end && *text) {
        struct character next = character_at(text);
        if (next.width > width || used + next.size + sizeof ellipsis > EBJR_LINE)
            break;
        memcpy(out + used, next.bytes, next.size);
        used += next.size;
        width -= next.width;
        text += next.taken;
    }
    out[used] = 0;
    return text;
}

void ebjr_words_shorten(char out[EBJR_LINE], const char *text, size_t width)
{
    const char *end = text + strlen(text);
    if (*copy(out, text, end, width)) {
        copy(out, text, end, width - 1);
        memcpy(out + strlen(out), ellipsis, sizeof ellipsis);
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

/* Where the line that begins at `text` ends: at its last blank, else where it is full. */
static const char *line_end(char line[EBJR_LINE], const char *text, size_t width)
{
    const char *full = copy(line, text, text + strlen(text), width), *end = full;
    if (!*full)
        return full;
    while (end > text && !is_blank(*end))
        end--;
    while (end > text && is_blank(end[-1]))
        end--;
    return end > text ? end : full;
}

void ebjr_words_wrap(struct ebjr_lines *out, const char *text, size_t width, size_t most)
{
    out->count = 0;
    do {
        char *line = out->line[out->count++];
        const char *end = line_end(line, text, width);
        if (out->count == most) {
            ebjr_words_shorten(line, text, width);
            return;
        }
        copy(line, text, end, width);
        for (text = end; is_blank(*text);)
            text++;
    } while (*text);
}
