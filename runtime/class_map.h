/*
 * Class maps of specialised models, which know only some of a data set's classes, and "other". A
 * map says for each output which class it stands for. As text it is "3,0,-": output 0 is class 3,
 * output 1 class 0, output 2 "other". The empty text is the identity.
 */
#ifndef EBJR_RUNTIME_CLASS_MAP_H
#define EBJR_RUNTIME_CLASS_MAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_OTHER = -1, EBJR_CLASS_MAP_TEXT = 4096 };

/* From a file with a line for each output, its class or the word "other", to the text. Errors:
 * EBJR_ENOTFOUND, EBJR_EIO; EBJR_EFORMAT with the line, a class twice, or no class at all. */
int ebjr_class_map_read(char out[EBJR_CLASS_MAP_TEXT], const char *path);

/* The number of outputs that a map speaks of; 0 for the identity. */
size_t ebjr_class_map_size(const char *map);

/* The class of an output; EBJR_OTHER. O(output). */
int32_t ebjr_class_map_class(const char *map, size_t output);

/* The output that stands for a class; -1 where the map has none. O(size). */
int64_t ebjr_class_map_output(const char *map, int32_t label);

#ifdef __cplusplus
}
#endif
#endif
