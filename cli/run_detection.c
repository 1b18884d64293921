#include "cli/run_detection.h"

#include "base/error.h"
#include "base/hash.h"
#include "runtime/coco_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = EBJR_COCO_KIND ":";

bool run_detection_is_asked(const struct live_request *request)
{
    return strncmp(request->dataset, prefix, sizeof prefix - 1) == 0;
}

/* Pictures go to a detector as they are. */
static int check_options(const struct live_request *request, const char *images)
{
    const struct ebjr_dataset_options *options = &request->dataset_options;
    const struct {
        const char *name;
        bool given;
    } others[] = {
        {"split", options->split != NULL},   {"labels", options->labels != NULL},
        {"layout", options->layout != NULL}, {"class-names", options->class_names != NULL},
        {"preset", request->preset != NULL}, {"resize", request->resize != 0},
        {"crop", request->crop != 0},        {"interpolation", request->interpolation != NULL},
        {"skip-bad", options->skip_bad},     {"scale", request->scale != NULL},
        {"mean", request->mean != NULL},     {"std", request->std != NULL},
    };
    for (size_t i = 0; i < ROWS(others); i++)
        if (others[i].given)
            return ebjr_error_set(EBJR_EINVAL,
                                  "--%s does not go with coco:, whose pictures are given to "
                                  "detectors whole, RGB from 0 to 1",
                                  others[i].name);
    if (!images)
        return ebjr_error_set(EBJR_EINVAL, "coco: needs --images DIR, where the pictures are");
    return 0;
}

static int describe_dataset(struct ebjr_stored_dataset *stored, const struct run_detection *self,
                            const struct live_request *request)
{
    char sha256[EBJR_HASH_TEXT], absolute[PATH_MAX];
    const char *path = request->dataset + sizeof prefix - 1;
    int status = ebjr_hash_file(sha256, &stored->bytes, path);
    if (!status)
        status = ebjr_truth_hash(stored->sha256, &self->truth);
    if (status)
        return status;
    snprintf(stored->kind, sizeof stored->kind, EBJR_COCO_KIND);
    snprintf(stored->path, sizeof stored->path, "%s", realpath(path, absolute) ? absolute : path);
    stored->samples = (int64_t)self->truth.truth.images;
    int length =
        request->dataset_name
            ? snprintf(stored->name, sizeof stored->name, "%s", request->dataset_name)
            : snprintf(stored->name, sizeof stored->name, EBJR_COCO_KIND "-%.8s", stored->sha256);
    return length < (int)sizeof stored->name
               ? 0
               : ebjr_error_set(EBJR_EINVAL, "--dataset-name: at most %zu bytes",
                                sizeof stored->name - 1);
}

static int open_truth(struct run_detection *out, struct live *live,
                      const struct live_request *request)
{
    const char *path = request->dataset + sizeof prefix - 1;
    int status = ebjr_coco_truth_read(&out->truth, &out->names, path);
    if (!status && out->truth.truth.images == 0)
        status = ebjr_error_set(EBJR_EFORMAT, "%s holds no images", path);
    return status ? status : describe_dataset(&live->stored_dataset, out, request);
}

int run_detection_open(struct run_detection *out, struct live *live,
                       const struct live_request *request, const char *images)
{
    struct live_request alone = *request;
    alone.dataset = NULL;
    *out = (struct run_detection){0};
    int status = check_options(request, images);
    if (!status)
        status = live_open(live, &alone);
    if (!status)
        status = open_truth(out, live, request);
    if (!status)
        status = ebjr_coco_pictures_open(&out->pictures, &out->truth, images, live->workers);
    if (!status)
        snprintf(live->preprocessing_text, sizeof live->preprocessing_text,
                 "{\"scale\":\"1/255\",\"pictures\":\"%s\"}",
                 ebjr_coco_pictures_sha256(out->pictures));
    return status;
}

void run_detection_close(struct run_detection *detection)
{
    ebjr_coco_pictures_close(detection->pictures);
    ebjr_class_names_free(&detection->names);
    ebjr_stored_truth_free(&detection->truth);
}

int run_detection_put_dataset(const struct run_detection *detection, struct live *live,
                              ebjr_store *store)
{
    struct ebjr_stored_dataset *stored = &live->stored_dataset;
    int status = ebjr_truth_put(store, stored, &detection->truth);
    if (!status && detection->names.count > 0 && !*stored->names)
        status = ebjr_class_names_put(store, stored, &detection->names);
    return status;
}

struct ebjr_plan run_detection_plan(const struct live *live)
{
    return (struct ebjr_plan){.mode = live->mode < 0 ? EBJR_PLAN_AS_LOADED
                                                     : (enum ebjr_plan_mode)live->mode,
                              .dtype = live->dtype,
                              .batch = live->batch ? live->batch : 1,
                              .threads = live->threads};
}
