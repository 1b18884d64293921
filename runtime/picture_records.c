/* Pictures that a CSV file lists with their labels. */
#include "base/error.h"
#include "base/records.h"
#include "base/text.h"
#include "runtime/picture_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands in the column `label`: numbers, or texts that are yet to be numbered. */
struct labels {
    struct ebjr_picture_list texts; /* each a "path", its label the place of the entry */
    bool numbers;
    const char *path;
};

static int compare_texts(const void *a, const void *b, void *text)
{
    const struct ebjr_picture_entry *left = a, *right = b;
    return strcmp((char *)text + left->path, (char *)text + right->path);
}

static int take_label(int32_t *out, struct labels *labels, const char *text, size_t place,
                      bool has_names, int64_t line)
{
    int64_t number = -1;
    bool is_number = !has_names && ebjr_integer_parse(&number, text, 0, INT32_MAX) == 0;
    if (place == 0)
        labels->numbers = is_number;
    if (!*text || is_number != labels->numbers)
        return ebjr_error_set(EBJR_EFORMAT,
                              "%s, line %lld: the label '%.64s' is %s; labels are all integers or "
                              "all names of classes",
                              labels->path, (long long)line, text,
                              !*text      ? "empty"
                              : is_number ? "an integer"
                                          : "no integer");
    *out = (int32_t)number;
    return is_number ? 0 : ebjr_picture_list_add(&labels->texts, NULL, text, (int32_t)place);
}

/* With a file of class names a label is one of its names, or else an integer. */
static int look_up(int32_t *out, const struct labels *labels, const struct ebjr_class_file *classes,
                   const char *text)
{
    int64_t number;
    int status = ebjr_class_file_label(out, classes, text);
    if (status || *out >= 0)
        return status;
    if (ebjr_integer_parse(&number, text, 0, INT32_MAX) != 0)
        return ebjr_error_set(EBJR_EFORMAT, "%s: --class-names knows no class '%.64s'",
                              labels->path, text);
    *out = (int32_t)number;
    return 0;
}

/* Numbers the texts: once each, as they are sorted. */
static int number_texts(struct ebjr_picture_list *list, struct labels *labels,
                        const struct ebjr_class_file *classes)
{
    struct ebjr_picture_list *texts = &labels->texts;
    const char *before = NULL;
    int32_t label = -1;
    int status = 0;
    if (texts->count > 0)
        qsort_r(texts->entries, texts->count, sizeof *texts->entries, compare_texts, texts->text);
    for (size_t i = 0; !status && i < texts->count; i++) {
        const char *text = ebjr_picture_list_path(texts, i);
        bool is_new = !before || strcmp(text, before) != 0;
        before = text;
        if (is_new && classes)
            status = look_up(&label, labels, classes, text);
        else if (is_new)
            status = ebjr_class_names_set(&list->names, ++label, text);
        list->entries[texts->entries[i].label].label = label;
    }
    return status;
}

static void folder_of(char *out, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

static int read_all(struct ebjr_picture_list *list, struct labels *labels, ebjr_records *records,
                    bool has_names)
{
    char *folder = strdup(labels->path);
    int path = ebjr_records_find(records, "path"), label = ebjr_records_find(records, "label");
    int more = folder ? 1 : ebjr_error_memory();
    if (folder)
        folder_of(folder, strlen(folder) + 1, labels->path);
    while (more > 0 && (more = ebjr_records_next(records)) > 0) {
        int32_t number = -1;
        int64_t line = ebjr_records_line(records);
        int status = 0;
        if (list->count == INT32_MAX)
            status = ebjr_error_set(EBJR_EFORMAT, "%s lists too many pictures", labels->path);
        else if (!*ebjr_records_field(records, (size_t)path))
            status = ebjr_error_set(EBJR_EFORMAT, "%s, line %lld: the path is empty", labels->path,
                                    (long long)line);
        if (!status && list->is_labelled)
            status = take_label(&number, labels, ebjr_records_field(records, (size_t)label),
                                list->count, has_names, line);
        if (!status)
            status = ebjr_picture_list_add(list, folder, ebjr_records_field(records, (size_t)path),
                                           number);
        if (status)
            more = status;
    }
    free(folder);
    return more;
}

int ebjr_picture_list_records(struct ebjr_picture_list *list, const char *path,
                              const struct ebjr_class_file *classes, bool may_lack_labels)
{
    struct labels labels = {.path = path};
    ebjr_records *records;
    int status = ebjr_records_open(&records, path);
    if (status)
        return status;
    list->is_labelled = ebjr_records_find(records, "label") >= 0;
    if (ebjr_records_find(records, "path") < 0 || (!list->is_labelled && !may_lack_labels))
        status = ebjr_error_set(EBJR_EFORMAT,
                                "%s: a list of pictures has the columns path and label", path);
    if (!status)
        status = read_all(list, &labels, records, classes != NULL);
    if (!status && list->is_labelled)
        status = number_texts(list, &labels, classes);
    ebjr_picture_list_free(&labels.texts);
    ebjr_records_close(records);
    return status;
}
