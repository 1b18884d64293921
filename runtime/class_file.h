/*
 * Files of class names, in the order of the labels:
 *
 *   text   a name a line
 *   JSON   ["tench", ...], {"0": "tench", ...}, or as ImageNet's {"0": ["n01440764", "tench"],
 * ...}, where the first of the two is what a folder or a list calls the class
 */
#ifndef EBJR_RUNTIME_CLASS_FILE_H
#define EBJR_RUNTIME_CLASS_FILE_H

#include "db/class_name.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_class_file {
    struct ebjr_class_names names;
    struct ebjr_class_names keys; /* what data call a class, where that is not its name */
};

/* The caller frees *out. Errors: EBJR_ENOTFOUND, EBJR_EIO; EBJR_EFORMAT with the line or class. */
int ebjr_class_file_read(struct ebjr_class_file *out, const char *path);
void ebjr_class_file_free(struct ebjr_class_file *file);

/* The label of what data call `text`, a key or a name; -1: it is neither. Errors: EBJR_EFORMAT it
 * is the name of two classes. */
int ebjr_class_file_label(int32_t *label, const struct ebjr_class_file *file, const char *text);

#ifdef __cplusplus
}
#endif
#endif
