/* The first byte says how much of the rest is a list of pictures; what is left are class names. */
#include "fuzz.h"
#include "runtime/picture_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ebjr_picture_list list;
    struct ebjr_class_file classes;
    char sha256[EBJR_HASH_TEXT];
    if (size < 1)
        return 0;
    size_t share = (size - 1) * data[0] / 255;
    const char *path = fuzz_file(0, "list.csv", data + 1, share);
    const char *names = fuzz_file(1, "names", data + 1 + share, size - 1 - share);
    bool named = ebjr_class_file_read(&classes, names) == 0;
    if (named)
        ebjr_class_names_hash(sha256, &classes.names);
    if (ebjr_picture_list_read(&list, path, named ? &classes : NULL, data[0] & 1) == 0)
        for (size_t i = 0; i < list.count; i++)
            if (list.entries[i].label >= 0 != list.is_labelled ||
                !*ebjr_picture_list_path(&list, i))
                abort();
    ebjr_picture_list_free(&list);
    if (named)
        ebjr_class_file_free(&classes);
    return 0;
}
