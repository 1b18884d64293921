#include "runtime/picture_list.h"

#include "base/array.h"
#include "base/error.h"
#include "runtime/dataset_reader.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char *ebjr_picture_list_path(const struct ebjr_picture_list *list, size_t index)
{
    return list->text + list->entries[index].path;
}

int ebjr_picture_list_add(struct ebjr_picture_list *list, const char *directory, const char *name,
                          int32_t label)
{
    size_t head = directory && *name != '/' ? strlen(directory) + 1 : 0, tail = strlen(name) + 1;
    if (head + tail > PATH_MAX)
        return ebjr_error_set(EBJR_EFORMAT, "the path %.64s... is too long", name);
    int status =
        ebjr_array_reserve(&list->entries, &list->room, list->count, 1, sizeof *list->entries);
    if (!status)
        status = ebjr_array_reserve(&list->text, &list->text_room, list->used, head + tail, 1);
    if (status)
        return status;
    list->entries[list->count++] = (struct ebjr_picture_entry){list->used, label};
    if (head > 0) {
        memcpy(list->text + list->used, directory, head - 1);
        list->text[list->used + head - 1] = '/';
    }
    memcpy(list->text + list->used + head, name, tail);
    list->used += head + tail;
    return 0;
}

int ebjr_picture_list_read(struct ebjr_picture_list *out, const char *path,
                           const struct ebjr_class_file *classes, bool may_lack_labels)
{
    *out = (struct ebjr_picture_list){.is_labelled = true};
    int status = ebjr_path_is_directory(path)
                     ? ebjr_picture_list_folders(out, path, classes, may_lack_labels)
                     : ebjr_picture_list_records(out, path, classes, may_lack_labels);
    if (!status && out->count == 0)
        status = ebjr_error_set(EBJR_EFORMAT, "%s lists no pictures", path);
    if (!status && classes) {
        ebjr_class_names_free(&out->names);
        status = ebjr_class_names_copy(&out->names, &classes->names);
    }
    return status;
}

void ebjr_picture_list_free(struct ebjr_picture_list *list)
{
    free(list->entries);
    free(list->text);
    ebjr_class_names_free(&list->names);
    *list = (struct ebjr_picture_list){0};
}
