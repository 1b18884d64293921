/* Logits, labels, latencies and class maps of other programs. */
#include "fuzz.h"
#include "runtime/class_map.h"
#include "runtime/integer_file.h"
#include "runtime/logits_file.h"

static void read_logits(const char *path)
{
    enum { BLOCK = 5, MOST_CLASSES = 1 << 16 };
    ebjr_logits_file *file;
    if (ebjr_logits_file_open(&file, path) != 0)
        return;
    const struct ebjr_logits_info *info = ebjr_logits_file_describe(file);
    float *logits =
        info->classes <= MOST_CLASSES ? calloc(BLOCK * info->classes + 1, sizeof *logits) : NULL;
    int32_t labels[BLOCK] = {0};
    for (int64_t i = 0; logits && i < info->samples; i += BLOCK) {
        size_t count = (size_t)(info->samples - i < BLOCK ? info->samples - i : BLOCK);
        if (ebjr_logits_file_read(file, count, logits, info->has_labels ? labels : NULL) != 0)
            break;
    }
    free(logits);
    ebjr_logits_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char map[EBJR_CLASS_MAP_TEXT];
    const char *path = fuzz_file(0, "file", data, size);
    int64_t *integers = NULL, count;
    int32_t *labels = NULL;
    read_logits(path);
    if (ebjr_integers_read(&integers, &count, path) == 0)
        free(integers);
    if (ebjr_labels_read(&labels, &count, path) == 0)
        free(labels);
    if (ebjr_class_map_read(map, path) == 0)
        for (size_t i = 0; i < ebjr_class_map_size(map); i++)
            if (ebjr_class_map_class(map, i) >= 0 &&
                ebjr_class_map_output(map, ebjr_class_map_class(map, i)) != (int64_t)i)
                abort();
    return 0;
}
