#include "runtime/class_map.h"

#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds one output to the text. */
static int append(char out[EBJR_CLASS_MAP_TEXT], const char *line)
{
    char item[16] = "-";
    int64_t label;
    size_t used = strlen(out);
    if (strcmp(line, "other") != 0) {
        int status = ebjr_integer_parse(&label, line, 0, INT32_MAX);
        if (status)
            return status;
        if (*out && ebjr_class_map_output(out, (int32_t)label) >= 0)
            return ebjr_error_set(EBJR_EINVAL, "class %lld stands there twice", (long long)label);
        snprintf(item, sizeof item, "%lld", (long long)label);
    }
    if (used + strlen(item) + 2 > EBJR_CLASS_MAP_TEXT)
        return ebjr_error_set(EBJR_EINVAL, "too many outputs");
    snprintf(out + used, EBJR_CLASS_MAP_TEXT - used, "%s%s", used ? "," : "", item);
    return 0;
}

int ebjr_class_map_read(char out[EBJR_CLASS_MAP_TEXT], const char *path)
{
    char line[64];
    int status = 0, number = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO, "cannot open %s: %s",
                              path, strerror(errno));
    out[0] = 0;
    while (!status && fgets(line, sizeof line, file)) {
        number++;
        line[strcspn(line, "\r\n")] = 0;
        if (*line && append(out, line) != 0)
            status =
                ebjr_error_set(EBJR_EFORMAT, "%s, line %d: %s", path, number, ebjr_error_last());
    }
    if (!status && ferror(file))
        status = ebjr_error_set(EBJR_EIO, "cannot read %s: %s", path, strerror(errno));
    if (!status && !strpbrk(out, "0123456789"))
        status = ebjr_error_set(EBJR_EFORMAT,
                                "%s names no class: a line for each output, its class "
                                "or other",
                                path);
    fclose(file);
    return status;
}

/* The item after this one; NULL at the end. */
static const char *next(const char *item)
{
    const char *comma = strchr(item, ',');
    return comma ? comma + 1 : NULL;
}

static int32_t class_of(const char *item)
{
    return *item == '-' ? EBJR_OTHER : (int32_t)strtol(item, NULL, 10);
}

size_t ebjr_class_map_size(const char *map)
{
    size_t count = 0;
    for (const char *item = *map ? map : NULL; item; item = next(item))
        count++;
    return count;
}

int32_t ebjr_class_map_class(const char *map, size_t output)
{
    if (!*map)
        return (int32_t)output;
    for (const char *item = map; item; item = next(item))
        if (output-- == 0)
            return class_of(item);
    return EBJR_OTHER;
}

int64_t ebjr_class_map_output(const char *map, int32_t label)
{
    int64_t output = 0;
    if (!*map)
        return label;
    for (const char *item = map; item; item = next(item), output++)
        if (class_of(item) == label)
            return output;
    return -1;
}
