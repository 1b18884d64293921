/* Pictures in a folder a class, walked and sorted as torchvision's make_dataset does. */
#include "base/error.h"
#include "runtime/dataset_reader.h"
#include "runtime/picture_list.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* torchvision's IMG_EXTENSIONS. What is no JPEG or PNG is named when it is read: to pass it over
 * here would be another data set. */
static bool is_picture(const char *name)
{
    static const char *const extensions[] = {".jpg", ".jpeg", ".png",  ".ppm", ".bmp",
                                             ".pgm", ".tif",  ".tiff", ".webp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof extensions / sizeof *extensions; i++)
        if (strcasecmp(dot, extensions[i]) == 0)
            return true;
    return false;
}

static int fault_of(const FTSENT *entry)
{
    switch (entry->fts_info) {
    case FTS_DC:
        return ebjr_error_set(EBJR_EFORMAT, "%s: a link to a folder that it lies in",
                              entry->fts_path);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return ebjr_error_set(EBJR_EIO, "cannot read %s: %s", entry->fts_path,
                              strerror(entry->fts_errno));
    default: return 0;
    }
}

/* Every picture within `folder`, unsorted. */
static int walk(struct ebjr_picture_list *list, char *folder, int32_t label)
{
    char *roots[] = {folder, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    int status = tree ? 0 : ebjr_error_memory();
    while (!status) {
        errno = 0;
        const FTSENT *entry = fts_read(tree);
        if (!entry) {
            if (errno)
                status = ebjr_error_set(EBJR_EIO, "cannot read %s: %s", folder, strerror(errno));
            break;
        }
        status = fault_of(entry);
        if (!status && entry->fts_info != FTS_D && entry->fts_info != FTS_DP &&
            is_picture(entry->fts_name))
            status = ebjr_picture_list_add(list, NULL, entry->fts_path, label);
    }
    if (tree)
        fts_close(tree);
    return status;
}

/* Folder by folder, then file by file: "a/z.png", "a-b/c.png", "a/b/c.png". */
static int compare_paths(const void *a, const void *b, void *text)
{
    const char *left = (char *)text + ((const struct ebjr_picture_entry *)a)->path;
    const char *right = (char *)text + ((const struct ebjr_picture_entry *)b)->path;
    const char *left_name = strrchr(left, '/'), *right_name = strrchr(right, '/');
    size_t left_size = (size_t)(left_name - left), right_size = (size_t)(right_name - right);
    size_t shared = left_size < right_size ? left_size : right_size;
    int order = memcmp(left, right, shared);
    if (!order)
        order = (left_size > right_size) - (left_size < right_size);
    return order ? order : strcmp(left_name, right_name);
}

static int add_class(struct ebjr_picture_list *list, const char *directory, const char *name,
                     int32_t label)
{
    char folder[PATH_MAX];
    size_t first = list->count;
    if (snprintf(folder, sizeof folder, "%s/%s", directory, name) >= (int)sizeof folder)
        return ebjr_error_set(EBJR_EFORMAT, "the path %.64s... is too long", directory);
    int status = walk(list, folder, label);
    if (!status && list->count == first)
        return ebjr_error_set(EBJR_EFORMAT, "the class folder %s holds no pictures", folder);
    if (!status)
        qsort_r(list->entries + first, list->count - first, sizeof *list->entries, compare_paths,
                list->text);
    return status;
}

static bool is_in(const char *directory, const struct dirent *entry)
{
    char path[PATH_MAX];
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return false;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
        return entry->d_type == DT_DIR;
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    return ebjr_path_is_directory(path);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_entries(struct dirent **entries, int count)
{
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}

/* The class of a folder: what the file of names calls so, or where none of the folders is known to
 * it, its place among them. */
static int label_folder(int32_t *label, const struct ebjr_class_file *classes, const char *name,
                        int32_t place, bool *known)
{
    *label = -1;
    int status = classes ? ebjr_class_file_label(label, classes, name) : 0;
    if (!status && place > 0 && (*label >= 0) != *known)
        status = ebjr_error_set(EBJR_EFORMAT,
                                "--class-names knows some of the folders, but not all: %s'%s'",
                                *known ? "not " : "", name);
    *known = *label >= 0;
    if (!status && !*known)
        *label = place;
    return status;
}

static int add_flat(struct ebjr_picture_list *list, struct dirent **entries, int count,
                    const char *directory)
{
    int status = 0;
    list->is_labelled = false;
    for (int i = 0; !status && i < count; i++)
        if (is_picture(entries[i]->d_name))
            status = ebjr_picture_list_add(list, directory, entries[i]->d_name, -1);
    return status;
}

int ebjr_picture_list_folders(struct ebjr_picture_list *list, const char *directory,
                              const struct ebjr_class_file *classes, bool may_lack_labels)
{
    struct dirent **entries;
    int32_t label, place = 0;
    bool known = false;
    int count = scandir(directory, &entries, NULL, by_name), status = 0;
    if (count < 0)
        return ebjr_error_set(EBJR_EIO, "cannot read %s: %s", directory, strerror(errno));
    for (int i = 0; !status && i < count; i++) {
        const char *name = entries[i]->d_name;
        if (!is_in(directory, entries[i]))
            continue;
        status = label_folder(&label, classes, name, place, &known);
        if (!status)
            status = ebjr_class_names_set(&list->names, label, name);
        if (!status)
            status = add_class(list, directory, name, label);
        place++;
    }
    if (!status && place == 0 && may_lack_labels)
        status = add_flat(list, entries, count, directory);
    else if (!status && place == 0)
        status = ebjr_error_set(EBJR_EFORMAT, "%s has no folders: it takes one for each class",
                                directory);
    free_entries(entries, count);
    return status;
}
