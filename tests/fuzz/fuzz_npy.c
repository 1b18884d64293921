/* The first byte chooses the layout, whether the labels are the same file or none, and .npz. */
#include "read_dataset.h"
#include "runtime/npy.h"

static void read_array(const char *path)
{
    enum { ELEMENTS = 4096 };
    static union {
        double widest[ELEMENTS];
        float floats[ELEMENTS];
        int64_t integers[ELEMENTS];
    } room;
    ebjr_npy *npy;
    if (ebjr_npy_open(&npy, path) != 0)
        return;
    const struct ebjr_npy_shape *shape = ebjr_npy_describe(npy);
    if (shape->size[0] > 0 && shape->row > 0 && shape->row <= ELEMENTS) {
        ebjr_npy_read(npy, 0, 1, room.widest);
        ebjr_npy_read_float(npy, shape->size[0] - 1, 1, room.floats);
        ebjr_npy_read_integer(npy, 0, 1, room.integers);
    }
    ebjr_npy_close(npy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char spec[256];
    if (size < 1)
        return 0;
    const char *name = data[0] & 4 ? "images.npz" : "images.npy";
    const char *path = fuzz_file(0, name, data + 1, size - 1);
    snprintf(spec, sizeof spec, "npy:%s", path);
    read_array(path);
    read_dataset(spec, &(struct ebjr_dataset_options){.layout = data[0] & 1 ? "nchw" : "nhwc",
                                                      .labels = data[0] & 2 ? path : NULL,
                                                      .may_lack_labels = !(data[0] & 2)});
    return 0;
}
