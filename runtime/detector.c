#include "runtime/detector.h"

#include "base/array.h"
#include "base/error.h"
#include "db/class_name.h"
#include "runtime/backend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ebjr_detector {
    const struct ebjr_backend *backend;
    struct ebjr_detector_info info;
    struct ebjr_plan plan;
    void *handle;
    struct ebjr_detection *items; /* [room] */
    size_t room;
};

static int check_plan(const struct ebjr_plan *plan)
{
    if (plan->mode != EBJR_PLAN_AS_LOADED && plan->mode != EBJR_PLAN_FROZEN)
        return ebjr_error_set(EBJR_EINVAL,
                              "detectors are executed as-loaded or frozen, not by plan '%s'",
                              ebjr_plan_mode_name(plan->mode));
    if (plan->dtype != EBJR_DTYPE_FLOAT32 || plan->batch != 1)
        return ebjr_error_set(EBJR_EINVAL,
                              "detectors are executed in float32, a picture at a time");
    return 0;
}

static int probe(ebjr_detector *detector)
{
    const struct ebjr_backend *backend = detector->backend;
    detector->info.backend = backend->name;
    if (!backend->detect)
        return ebjr_error_set(EBJR_EMODEL, "a model of kind %s cannot be a detector",
                              backend->name);
    return backend->parameters(&detector->info.parameters, detector->handle);
}

static int prepare(ebjr_detector *detector)
{
    void *frozen;
    if (detector->plan.mode == EBJR_PLAN_AS_LOADED)
        return 0;
    int status = detector->backend->prepare(&frozen, detector->handle, &detector->plan, NULL);
    if (status)
        return status;
    detector->backend->close(detector->handle);
    detector->handle = frozen;
    return 0;
}

int ebjr_detector_open(ebjr_detector **out, const char *path, const struct ebjr_device *device,
                       const struct ebjr_plan *plan)
{
    if (!ebjr_libtorch())
        return EBJR_EDEVICE;
    int status = check_plan(plan);
    if (status)
        return status;
    if (access(path, R_OK) != 0)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO,
                              "cannot read the model %s: %s", path, strerror(errno));
    ebjr_detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ebjr_error_memory();
    detector->plan = *plan;
    status = ebjr_backend_open(&detector->backend, &detector->handle, path, device);
    if (!status)
        status = probe(detector);
    if (!status)
        status = prepare(detector);
    if (status) {
        ebjr_error_context(status, "%s", path);
        ebjr_detector_close(detector);
        return status;
    }
    *out = detector;
    return 0;
}

void ebjr_detector_close(ebjr_detector *detector)
{
    if (!detector)
        return;
    if (detector->handle)
        detector->backend->close(detector->handle);
    free(detector->items);
    free(detector);
}

const struct ebjr_detector_info *ebjr_detector_describe(const ebjr_detector *detector)
{
    return &detector->info;
}

const struct ebjr_plan *ebjr_detector_plan(const ebjr_detector *detector)
{
    return &detector->plan;
}

static int check_box(const double corners[4])
{
    for (int i = 0; i < 4; i++)
        if (!isfinite(corners[i]))
            return ebjr_error_set(EBJR_EFORMAT, "a corner of its box is %g", corners[i]);
    if (corners[2] < corners[0] || corners[3] < corners[1])
        return ebjr_error_set(EBJR_EFORMAT,
                              "its box is from %g, %g to %g, %g; boxes are x1, y1, x2, y2 with "
                              "x1 <= x2 and y1 <= y2",
                              corners[0], corners[1], corners[2], corners[3]);
    return 0;
}

static int check_found(const struct ebjr_found *found, size_t i)
{
    int status = check_box(found->boxes + 4 * i);
    if (status)
        return status;
    if (found->labels[i] < 0 || found->labels[i] >= EBJR_CLASS_NAMES)
        return ebjr_error_set(EBJR_EFORMAT, "its label is %lld; categories are 0 to %d",
                              (long long)found->labels[i], EBJR_CLASS_NAMES - 1);
    if (!isfinite(found->scores[i]))
        return ebjr_error_set(EBJR_EFORMAT, "its score is %g", found->scores[i]);
    for (size_t k = 0; k < found->classes; k++) {
        float logit = found->logits[i * found->classes + k];
        if (!isfinite(logit))
            return ebjr_error_set(EBJR_EFORMAT, "its logit of class %zu is %g", k, (double)logit);
    }
    return 0;
}

static struct ebjr_detection detection_of(const struct ebjr_found *found, size_t i, uint32_t image)
{
    const double *corners = found->boxes + 4 * i;
    return (struct ebjr_detection){
        .image = image,
        .category = (uint32_t)found->labels[i],
        .box = {corners[0], corners[1], corners[2] - corners[0], corners[3] - corners[1]},
        .score = found->scores[i]};
}

int ebjr_detector_find(struct ebjr_detections *out, ebjr_detector *detector,
                       const struct ebjr_picture *picture, uint32_t image)
{
    struct ebjr_found found = {0};
    ebjr_backend_set_threads(detector->plan.threads);
    int status = detector->backend->detect(detector->handle, &found, picture);
    if (!status)
        status = ebjr_array_reserve(&detector->items, &detector->room, 0, found.count,
                                    sizeof *detector->items);
    for (size_t i = 0; !status && i < found.count; i++) {
        status = check_found(&found, i);
        if (status)
            return ebjr_error_context(status, "detection %zu", i);
        detector->items[i] = detection_of(&found, i, image);
    }
    if (status)
        return status;
    *out = (struct ebjr_detections){.items = detector->items,
                                    .count = found.count,
                                    .logits = found.logits,
                                    .classes = found.classes};
    return 0;
}
