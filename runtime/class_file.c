#include "runtime/class_file.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 64 << 20 };

/* "name", or ["key", "name"]. */
static int add(struct ebjr_class_file *out, int64_t label, const json_t *value)
{
    const char *name = json_string_value(value), *key = NULL;
    if (json_array_size(value) == 2) {
        key = json_string_value(json_array_get(value, 0));
        name = key ? json_string_value(json_array_get(value, 1)) : NULL;
    }
    if (!name)
        return ebjr_error_set(EBJR_EFORMAT,
                              "class %lld is neither \"name\" nor [\"key\", \"name\"]",
                              (long long)label);
    int status = ebjr_class_names_set(&out->names, label, name);
    if (!status && key)
        status = ebjr_class_names_set(&out->keys, label, key);
    return status;
}

static int add_object(struct ebjr_class_file *out, json_t *object)
{
    const char *text;
    json_t *value;
    int status = 0;
    json_object_foreach(object, text, value)
    {
        int64_t label;
        if (!status)
            status = ebjr_integer_parse(&label, text, 0, EBJR_CLASS_NAMES - 1);
        if (!status && ebjr_class_name(&out->names, label))
            status = ebjr_error_set(EBJR_EFORMAT, "class %lld comes twice", (long long)label);
        if (!status)
            status = add(out, label, value);
    }
    return status;
}

static int parse_json(struct ebjr_class_file *out, const char *text, size_t size)
{
    json_error_t error;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    int status = 0;
    if (!json)
        return ebjr_error_set(EBJR_EFORMAT, "line %d: %s", error.line, error.text);
    if (json_is_object(json))
        status = add_object(out, json);
    for (size_t i = 0; !status && i < json_array_size(json); i++)
        status = add(out, (int64_t)i, json_array_get(json, i));
    json_decref(json);
    return status;
}

/* Cuts `text` into lines in place. A blank line at the end is none. */
static int parse_lines(struct ebjr_class_file *out, char *text, size_t size)
{
    int64_t line = 0;
    int status = 0;
    if (memchr(text, 0, size))
        return ebjr_error_set(EBJR_EFORMAT, "it has a NUL byte, which is no text");
    while (!status && *text) {
        size_t length = strcspn(text, "\n");
        char *next = text + length + (text[length] == '\n');
        text[length] = 0;
        if (length > 0 && text[length - 1] == '\r')
            text[length - 1] = 0;
        if (*text || *next)
            status = ebjr_class_names_set(&out->names, line++, text);
        text = next;
    }
    return status;
}

int ebjr_class_file_read(struct ebjr_class_file *out, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    *out = (struct ebjr_class_file){0};
    int status = ebjr_file_read(&text, &size, path, LARGEST_FILE);
    if (status)
        return status;
    char *start = text + (strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    size -= (size_t)(start - text);
    char first = start[strspn(start, " \t\r\n")];
    status =
        first == '{' || first == '[' ? parse_json(out, start, size) : parse_lines(out, start, size);
    free(text);
    if (!status && out->names.count == 0)
        status = ebjr_error_set(EBJR_EFORMAT, "it names no class");
    if (!status)
        return 0;
    ebjr_class_file_free(out);
    return ebjr_error_context(status == EBJR_EINVAL ? EBJR_EFORMAT : status, "%s", path);
}

void ebjr_class_file_free(struct ebjr_class_file *file)
{
    ebjr_class_names_free(&file->names);
    ebjr_class_names_free(&file->keys);
}

static int find(int32_t *label, const struct ebjr_class_names *names, const char *text)
{
    *label = -1;
    for (size_t i = 0; i < names->count; i++) {
        if (!names->name[i] || strcmp(names->name[i], text) != 0)
            continue;
        if (*label >= 0)
            return ebjr_error_set(EBJR_EFORMAT, "'%s' is the name of the classes %d and %zu", text,
                                  *label, i);
        *label = (int32_t)i;
    }
    return 0;
}

int ebjr_class_file_label(int32_t *label, const struct ebjr_class_file *file, const char *text)
{
    int status = find(label, &file->keys, text);
    return status || *label >= 0 ? status : find(label, &file->names, text);
}
