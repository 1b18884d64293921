#include "runtime/json_lists.h"

#include "base/array.h"
#include "base/error.h"
#include "runtime/gz.h"

#include <stdlib.h>
#include <string.h>

enum { END = -1 };

struct reader {
    gzFile stream;
    unsigned char block[EBJR_GZ_MOST];
    size_t at, filled;
    char *text; /* of the value that was read last */
    size_t length, room;
    struct ebjr_json_list *lists;
    size_t list_count;
    void *context;
};

/* The next byte, which stays; END also where it cannot be read. */
static int peek(struct reader *reader)
{
    if (reader->at == reader->filled) {
        int got = gzread(reader->stream, reader->block, sizeof reader->block);
        reader->at = 0;
        reader->filled = got > 0 ? (size_t)got : 0;
        if (got <= 0)
            return END;
    }
    return reader->block[reader->at];
}

static bool is_blank(int byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static int peek_behind_blanks(struct reader *reader)
{
    while (is_blank(peek(reader)))
        reader->at++;
    return peek(reader);
}

static int unexpected(struct reader *reader, const char *wanted)
{
    int byte = peek(reader);
    if (byte == END)
        return ebjr_gz_failure(reader->stream, "it ends early: truncated?");
    if (byte > ' ' && byte < 0x7f)
        return ebjr_error_set(EBJR_EFORMAT, "'%c' stands where %s should", byte, wanted);
    return ebjr_error_set(EBJR_EFORMAT, "the byte 0x%02x stands where %s should", (unsigned)byte,
                          wanted);
}

/* Passes over one byte between blanks. */
static int pass(struct reader *reader, char byte, const char *wanted)
{
    if (peek_behind_blanks(reader) != byte)
        return unexpected(reader, wanted);
    reader->at++;
    return 0;
}

/* After an element or a member. *more: another follows. */
static int pass_comma(bool *more, struct reader *reader, char closing)
{
    int byte = peek_behind_blanks(reader);
    *more = byte == ',';
    if (byte != ',' && byte != closing)
        return unexpected(reader, closing == ']' ? "',' or ']'" : "',' or '}'");
    reader->at++;
    return 0;
}

static int keep(struct reader *reader, int byte)
{
    if (reader->length == EBJR_JSON_ELEMENT)
        return ebjr_error_set(EBJR_EFORMAT, "it has more than %d bytes", EBJR_JSON_ELEMENT);
    int status = reader->length < reader->room
                     ? 0
                     : ebjr_array_reserve(&reader->text, &reader->room, reader->length, 1, 1);
    if (!status)
        reader->text[reader->length++] = (char)byte;
    return status;
}

/* Takes the bytes of a value, by its brackets and quotes alone: what stands in it is jansson's to
 * judge. */
static int take_text(struct reader *reader)
{
    size_t depth = 0;
    bool quoted = false, escaped = false, whole = false;
    int byte = peek_behind_blanks(reader), status = 0;
    reader->length = 0;
    if (byte == END || strchr(",:]}", byte))
        return unexpected(reader, "a value");
    bool plain = !strchr("\"[{", byte); /* a number or a word ends before what comes behind it */
    while (!status && !whole && (byte = peek(reader)) != END) {
        if (plain && (is_blank(byte) || strchr(",:]}", byte)))
            return 0;
        if (quoted) {
            quoted = escaped || byte != '"';
            escaped = !escaped && byte == '\\';
        } else if (byte == '"') {
            quoted = true;
        } else {
            depth += byte == '[' || byte == '{';
            depth -= depth > 0 && (byte == ']' || byte == '}');
        }
        status = keep(reader, byte);
        whole = !plain && depth == 0 && !quoted;
        reader->at++;
    }
    return status || whole ? status : unexpected(reader, "");
}

static int read_value(json_t **out, struct reader *reader)
{
    json_error_t error;
    int status = take_text(reader);
    if (status)
        return status;
    *out =
        json_loadb(reader->text, reader->length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    return *out ? 0 : ebjr_error_set(EBJR_EFORMAT, "%s", error.text);
}

static int read_element(struct reader *reader, const struct ebjr_json_list *list)
{
    json_t *element = NULL;
    int status = read_value(&element, reader);
    if (!status && list && !json_is_object(element))
        status = ebjr_error_set(EBJR_EFORMAT, "it is no object");
    if (!status && list)
        status = list->take(reader->context, element);
    json_decref(element);
    return status;
}

/* `list` NULL: to pass over it. */
static int read_list(struct reader *reader, const char *name, struct ebjr_json_list *list)
{
    bool more = true;
    int status = pass(reader, '[', "a list");
    if (!status && peek_behind_blanks(reader) == ']') {
        reader->at++;
        more = false;
    }
    for (size_t i = 0; !status && more; i++) {
        status = read_element(reader, list);
        if (!status)
            status = pass_comma(&more, reader, ']');
        if (status)
            return ebjr_error_context(status, "%.64s[%zu]", name, i);
    }
    return status;
}

static int read_member(struct reader *reader, const char *name)
{
    struct ebjr_json_list *list = NULL;
    json_t *passed_over = NULL;
    for (size_t i = 0; i < reader->list_count; i++)
        if (strcmp(reader->lists[i].key, name) == 0)
            list = &reader->lists[i];
    if (list && list->found)
        return ebjr_error_set(EBJR_EFORMAT, "'%s' comes twice", name);
    if (list)
        list->found = true;
    if (peek_behind_blanks(reader) == '[')
        return read_list(reader, name, list);
    int status = list ? unexpected(reader, "a list") : read_value(&passed_over, reader);
    json_decref(passed_over);
    return status ? ebjr_error_context(status, "'%.64s'", name) : 0;
}

static int read_named_member(struct reader *reader)
{
    json_t *name = NULL;
    if (peek_behind_blanks(reader) != '"')
        return unexpected(reader, "a name in quotes");
    int status = read_value(&name, reader);
    if (!status)
        status = pass(reader, ':', "':'");
    if (!status)
        status = read_member(reader, json_string_value(name));
    json_decref(name);
    return status;
}

static int read_lists(struct reader *reader)
{
    bool more = true;
    int status = pass(reader, '{', "an object");
    if (!status && peek_behind_blanks(reader) == '}') {
        reader->at++;
        more = false;
    }
    while (!status && more) {
        status = read_named_member(reader);
        if (!status)
            status = pass_comma(&more, reader, '}');
    }
    for (size_t i = 0; !status && i < reader->list_count; i++)
        if (!reader->lists[i].found)
            status = ebjr_error_set(EBJR_EFORMAT, "it has no list '%s'", reader->lists[i].key);
    return status;
}

static int read_document(struct reader *reader)
{
    if (peek(reader) == 0xef) { /* the byte order mark of UTF-8 */
        for (size_t i = 0; i < 3; i++, reader->at++)
            if (peek(reader) != (unsigned char)"\xef\xbb\xbf"[i])
                return unexpected(reader, "JSON");
    }
    int status = reader->lists[0].key ? read_lists(reader) : read_list(reader, "", reader->lists);
    if (!status && peek_behind_blanks(reader) != END)
        status = ebjr_error_set(EBJR_EFORMAT, "it goes on after its end");
    if (!status && !ebjr_gz_is_whole(reader->stream))
        status = ebjr_gz_failure(reader->stream, "it ends before its checksum: truncated?");
    return status;
}

int ebjr_json_lists_read(const char *path, struct ebjr_json_list *lists, size_t count,
                         void *context)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return ebjr_error_memory();
    reader->lists = lists;
    reader->list_count = count;
    reader->context = context;
    int status = ebjr_gz_open(&reader->stream, path);
    if (!status) {
        status = read_document(reader);
        if (status)
            ebjr_error_context(status, "%s", path);
        gzclose(reader->stream);
    }
    free(reader->text);
    free(reader);
    return status;
}
