#include "read_dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char spec[256];
    const char *kind = size > 0 && data[0] & 1 ? "cifar10" : "cifar100";
    snprintf(spec, sizeof spec, "%s:%s", kind, fuzz_file(0, "test_batch.bin", data, size));
    read_dataset(spec, &(struct ebjr_dataset_options){0});
    return 0;
}
