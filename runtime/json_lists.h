/* JSON that is too large for a tree: an object of lists of objects, or one such list, plain or .gz,
 * an element at a time. */
#ifndef EBJR_RUNTIME_JSON_LISTS_H
#define EBJR_RUNTIME_JSON_LISTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { EBJR_JSON_ELEMENT = 8 << 20 }; /* bytes of the largest */

struct ebjr_json_list {
    const char *key; /* of the document; NULL: the document is this list alone */
    /* Called with each element, an object, in their order. */
    int (*take)(void *context, const json_t *element);
    bool found;
};

/*
 * Reads all of a document; what is not in `lists` is passed over, and they may come in any order.
 * Errors, with the path and the element, "annotations[17]": those of `take`; EBJR_ENOTFOUND;
 * EBJR_EIO; EBJR_EFORMAT it is no JSON (RFC 8259: no NaN), a name comes twice in an object, an
 * element is no object or too large, a list is missing.
 */
int ebjr_json_lists_read(const char *path, struct ebjr_json_list *lists, size_t count,
                         void *context);

#endif
