/* COCO's JSON: each input as an instances file and as a results file. */
#include "fuzz.h"
#include "runtime/coco_file.h"

#include <math.h>

static void check_box(const struct ebjr_box *box)
{
    if (!isfinite(box->x) || !isfinite(box->y) || !(box->width >= 0) || !(box->height >= 0) ||
        isinf(box->width * box->height))
        abort();
}

static void check_truth(const struct ebjr_stored_truth *truth, const struct ebjr_class_names *names)
{
    for (size_t i = 1; i < truth->truth.images; i++)
        if (truth->images[i - 1].number >= truth->images[i].number)
            abort();
    for (size_t i = 0; i < truth->truth.count; i++) {
        const struct ebjr_object *object = &truth->objects[i];
        check_box(&object->box);
        if (object->image >= truth->truth.images || !ebjr_class_name(names, object->category) ||
            (i > 0 && object->image < truth->objects[i - 1].image) || !(object->area >= 0) ||
            isinf(object->area))
            abort();
    }
}

static void check_detections(const struct ebjr_detections *detections)
{
    for (size_t i = 0; i < detections->count; i++) {
        const struct ebjr_detection *detection = &detections->items[i];
        check_box(&detection->box);
        if (detection->image > 2 || detection->category > 3 || !isfinite(detection->score) ||
            (i > 0 && detection->image < detection[-1].image))
            abort();
    }
    for (size_t i = 0; i < detections->count * detections->classes; i++)
        if (!isfinite(detections->logits[i]))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ebjr_image images[] = {{.number = 1}, {.number = 2}, {.number = 7}};
    const struct ebjr_stored_truth known = {.images = images,
                                            .truth = {.images = 3, .categories = 4}};
    struct ebjr_stored_truth truth;
    struct ebjr_class_names names;
    struct ebjr_stored_detections detections;
    const char *path = fuzz_file(0, "file.json", data, size);
    if (ebjr_coco_truth_read(&truth, &names, path) == 0) {
        check_truth(&truth, &names);
        ebjr_stored_truth_free(&truth);
        ebjr_class_names_free(&names);
    }
    if (ebjr_coco_detections_read(&detections, path, &known) == 0) {
        check_detections(&detections.detections);
        ebjr_stored_detections_free(&detections);
    }
    return 0;
}
