/*
 * Lists of pictures with labels, from where they lie:
 *
 *   a directory   a folder a class, pictures anywhere within it, as torchvision's ImageFolder has
 *                 it: folders in the order of their names are the classes 0, 1, ..., and pictures
 *                 are sorted within their class. Names compare byte by byte.
 *   a CSV file    the columns `path`, from the list's own folder on, and `label`, an integer or the
 *                 name of a class. Without a file of class names, names in their order are 0, 1,
 * ...
 *
 * Where a file of class names knows the folders or labels, it says which class each is.
 */
#ifndef EBJR_RUNTIME_PICTURE_LIST_H
#define EBJR_RUNTIME_PICTURE_LIST_H

#include "runtime/class_file.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_picture_list {
    struct ebjr_picture_entry {
        size_t path; /* where it begins in `text` */
        int32_t label;
    } * entries;
    size_t count, room;
    char *text; /* paths, each ended by NUL */
    size_t used, text_room;
    bool is_labelled;
    struct ebjr_class_names names; /* of the classes, where the data have any */
};

/* The caller frees *out, also after a failure. `classes` may be NULL. Without labels (only where
 * they may be lacking) each label is -1: a list without the column, a directory without folders.
 * Errors: EBJR_ENOTFOUND, EBJR_EIO; EBJR_EFORMAT no pictures, a class without any, folders that
 * link in a circle, a label that is none. */
int ebjr_picture_list_read(struct ebjr_picture_list *out, const char *path,
                           const struct ebjr_class_file *classes, bool may_lack_labels);
void ebjr_picture_list_free(struct ebjr_picture_list *list);

const char *ebjr_picture_list_path(const struct ebjr_picture_list *list, size_t index);

/* What the two ways of reading have in common. */
int ebjr_picture_list_add(struct ebjr_picture_list *list, const char *directory, const char *name,
                          int32_t label);
int ebjr_picture_list_folders(struct ebjr_picture_list *list, const char *directory,
                              const struct ebjr_class_file *classes, bool may_lack_labels);
int ebjr_picture_list_records(struct ebjr_picture_list *list, const char *path,
                              const struct ebjr_class_file *classes, bool may_lack_labels);

#ifdef __cplusplus
}
#endif
#endif
