/* The first byte: whether the files are called .gz, and how many bytes, in 1/128, are images. */
#include "read_dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int last = -1;
    char spec[256], name[64];
    if (size < 1)
        return 0;
    int is_gz = data[0] & 1;
    size_t images = (size - 1) * (data[0] >> 1) / 128;
    const char *ending = is_gz ? ".gz" : "";
    if (last >= 0 && last != is_gz) /* of the other kind none may be left */
        fuzz_remove();
    if (last != is_gz)
        *fuzz_directory = 0;
    last = is_gz;
    snprintf(name, sizeof name, "t10k-images-idx3-ubyte%s", ending);
    fuzz_file(0, name, data + 1, images);
    snprintf(name, sizeof name, "t10k-labels-idx1-ubyte%s", ending);
    fuzz_file(1, name, data + 1 + images, size - 1 - images);
    snprintf(spec, sizeof spec, "idx:%s", fuzz_directory);
    read_dataset(spec, &(struct ebjr_dataset_options){0});
    return 0;
}
