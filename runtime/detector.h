/*
 * A detector: TorchScript that finds objects in a picture, by the convention of torchvision's. Its
 * input is a list of one image, float32 [3, height, width], RGB from 0 to 1, as torchvision's
 * to_tensor makes it. It returns
 *
 *   boxes [k, 4] (x1, y1, x2, y2 in pixels), labels [k] (integers: COCO's category ids), scores
 * [k], and, if it likes, logits [k, classes], of which the score of each comes,
 *
 * as a dictionary with these keys, a list of one such dictionary, what scripted detectors of
 * torchvision return (losses, list), or a tuple in this order.
 *
 * Source: docs.pytorch.org/vision/stable/models.html#object-detection.
 */
#ifndef EBJR_RUNTIME_DETECTOR_H
#define EBJR_RUNTIME_DETECTOR_H

#include "base/detection.h"
#include "runtime/device.h"
#include "runtime/picture.h"
#include "runtime/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_detector_info {
    const char *backend; /* "torchscript" */
    int64_t parameters;
};

typedef struct ebjr_detector ebjr_detector;

/*
 * Opens a detector, to be executed by `plan`: as loaded or frozen, in float32, a picture at a time.
 * The caller owns *out. Errors: EBJR_ENOTFOUND no such file; EBJR_EDEVICE no such device, or a
 * program built without a backend; EBJR_EMODEL not a model, or one that takes no list of images;
 * EBJR_EINVAL another plan.
 */
int ebjr_detector_open(ebjr_detector **out, const char *path, const struct ebjr_device *device,
                       const struct ebjr_plan *plan);
void ebjr_detector_close(ebjr_detector *detector);

const struct ebjr_detector_info *ebjr_detector_describe(const ebjr_detector *detector);
const struct ebjr_plan *ebjr_detector_plan(const ebjr_detector *detector);

/*
 * What it finds in the picture, as detections of `image`, in its order, valid until the next call.
 * out->classes is known, where it returns logits, even if it finds nothing. Errors: EBJR_EMODEL it
 * raised, or returned what is not as above; EBJR_EFORMAT a number that is not finite, a box whose
 * corners are the wrong way round, a label that is no category (db/class_name.h).
 */
int ebjr_detector_find(struct ebjr_detections *out, ebjr_detector *detector,
                       const struct ebjr_picture *picture, uint32_t image);

#ifdef __cplusplus
}
#endif
#endif
