/* Records of text in CSV, and published results in them. */
#include "base/records.h"
#include "bench/baselines.h"
#include "fuzz.h"

static void read_records(const char *path)
{
    ebjr_records *records;
    if (ebjr_records_open(&records, path) != 0)
        return;
    int first = ebjr_records_find(records, "dataset");
    while (ebjr_records_next(records) > 0)
        if (first >= 0 && strlen(ebjr_records_field(records, (size_t)first)) > EBJR_RECORD_SIZE)
            abort();
    ebjr_records_close(records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ebjr_baselines baselines = {0};
    const char *path = fuzz_file(0, "baselines.csv", data, size);
    read_records(path);
    if (ebjr_baselines_read(&baselines, path) == 0)
        ebjr_baselines_sort(&baselines);
    for (size_t i = 0; i < baselines.count; i++)
        if (!(baselines.points[i].flops > 0) || !(baselines.points[i].accuracy <= 1))
            abort();
    ebjr_baselines_free(&baselines);
    return 0;
}
