/* What a command needs to execute models: the data set and how it is preprocessed, the device, and
 * the plan of each model. */
#ifndef EBJR_CLI_LIVE_H
#define EBJR_CLI_LIVE_H

#include "cli/option.h"
#include "db/stored.h"
#include "runtime/detector.h"
#include "runtime/model.h"
#include "runtime/preprocess.h"
#include "runtime/tune.h"

struct live_request {
    const char *dataset, *dataset_name, *scale, *mean, *std, *device, *batch, *plan, *dtype;
    const char *memory, *preset, *interpolation;
    struct option_list libraries;
    struct ebjr_dataset_options dataset_options;
    int64_t threads, workers, resize, crop;
};

#define LIVE_REQUEST \
    { \
        .device = "cpu", .plan = "auto", .dtype = "float32" \
    }

#define LIVE_DATASET_ROWS(r, needed) \
    {"dataset", \
     OPTION_TEXT, \
     &(r).dataset, \
     "KIND:PATH", \
     "cifar10:PATH, cifar100:PATH  the binary format, file or directory\n" \
     "idx:DIR                      the MNIST family, plain or .gz\n" \
     "npy:FILE                     images [n,c,h,w], [n,h,w,c] or [n,h,w]; an array of\n" \
     "                             an .npz: npy:FILE.npz, npy:FILE.npz#ARRAY\n" \
     "images:DIR                   JPEG and PNG, a folder a class (ImageFolder)\n" \
     "images:LIST.csv              the same, listed: columns path and label", \
     needed}, \
        {"split", \
         OPTION_TEXT, \
         &(r).dataset_options.split, \
         "NAME", \
         "of a directory: test (default) or train", \
         false}, \
        {"labels", \
         OPTION_TEXT, \
         &(r).dataset_options.labels, \
         "FILE", \
         "labels of npy: images: .npy, or FILE.npz#ARRAY (of an .npz: its labels or y)", \
         false}, \
        {"layout", \
         OPTION_TEXT, \
         &(r).dataset_options.layout, \
         "NAME", \
         "of npy: images with four dimensions: nchw or nhwc", \
         false}, \
        {"dataset-name", \
         OPTION_TEXT, \
         &(r).dataset_name, \
         "NAME", \
         "what to call the data set (default: from its path)", \
         false}, \
        {"class-names", \
         OPTION_TEXT, \
         &(r).dataset_options.class_names, \
         "FILE", \
         "what classes are called: a name a line, or JSON, {\"0\": \"tench\", ...} or " \
         "ImageNet's\n" \
         "{\"0\": [\"n01440764\", \"tench\"], ...}; it also says which class a folder of images: " \
         "is", \
         false}, \
        {"preset", \
         OPTION_TEXT, \
         &(r).preset, \
         "NAME", \
         "of images: imagenet, which means --resize 256 --crop 224 and ImageNet's mean and std", \
         false}, \
        {"resize", \
         OPTION_INTEGER, \
         &(r).resize, \
         "N", \
         "of images: the shorter side becomes N pixels, antialiased", \
         false}, \
        {"crop", OPTION_INTEGER, &(r).crop, "N", "of images: then the centre, N x N", false}, \
        {"interpolation", \
         OPTION_TEXT, \
         &(r).interpolation, \
         "NAME", \
         "of --resize: bilinear (default) or bicubic", \
         false}, \
        {"skip-bad", \
         OPTION_FLAG, \
         &(r).dataset_options.skip_bad, \
         NULL, \
         "of images: what cannot be decoded is named and left out of the data set", \
         false}, \
        {"workers", \
         OPTION_INTEGER, \
         &(r).workers, \
         "N", \
         "threads that read and decode ahead of the models (default: one a processor)", \
         false}, \
        {"scale", \
         OPTION_TEXT, \
         &(r).scale, \
         "S", \
         "pixels are multiplied by it (default 1/255 for uint8, 1 for float32)", \
         false}, \
        {"mean", OPTION_TEXT, &(r).mean, "M,M,M", "then subtracted, a channel each (default 0)", \
         false}, \
    { \
        "std", OPTION_TEXT, &(r).std, "S,S,S", "then divided by, a channel each (default 1)", \
            false \
    }

#define LIVE_PLAN_ROWS(r) \
    {"device", OPTION_TEXT, &(r).device, "NAME", "cpu (default), cuda or cuda:N", false}, \
        {"plan", \
         OPTION_TEXT, \
         &(r).plan, \
         "NAME", \
         "how models are executed: auto (default: the fastest, by measurement), as-loaded,\n" \
         "frozen, optimized, channels-last, direct (CPU) or cuda-graph (GPU)", \
         false}, \
        {"dtype", \
         OPTION_TEXT, \
         &(r).dtype, \
         "NAME", \
         "of the models' arithmetic: float32 (default), bfloat16 or float16, which change\n" \
         "their answers", \
         false}, \
        {"batch", \
         OPTION_TEXT, \
         &(r).batch, \
         "N", \
         "samples a forward pass (default auto: with the plan)", \
         false}, \
        {"threads", \
         OPTION_INTEGER, \
         &(r).threads, \
         "N", \
         "of the models (default: with the plan; libtorch's own for a plan given by name)", \
         false}, \
        {"library", \
         OPTION_LIST, \
         &(r).libraries, \
         "FILE", \
         "a shared library of operators that models call, loaded before them; any number of\n" \
         "times", \
         false}, \
    { \
        "memory", OPTION_TEXT, &(r).memory, "BYTES", \
            "that models may take (8G; default: what is free, on a CPU), or none", false \
    }

struct live {
    ebjr_dataset *dataset;                     /* NULL: none was given */
    struct ebjr_stored_dataset stored_dataset; /* as the store will know it */
    struct ebjr_preprocessing preprocessing;
    char preprocessing_text[1024];
    struct ebjr_device device;
    int mode; /* of enum ebjr_plan_mode; -1: auto */
    enum ebjr_dtype dtype;
    size_t batch, threads; /* 0: with the plan */
    size_t workers;        /* 0: one a processor */
    bool blas_checked;
};

/* The caller closes *out, also after a failure. Errors: EBJR_EINVAL, and those of the data set. */
int live_open(struct live *out, const struct live_request *request);
void live_close(struct live *live);

/* Puts the data set into a store, and its classes' names: those of a file take the place of others
 * (`named`), those of the data only that of none. */
int live_put_dataset(struct live *live, ebjr_store *store, bool named);

/* "NAME=FILE" or FILE, whose stem is then the name: name, absolute path and hash of a model. A '='
 * after a slash belongs to the file. Errors: EBJR_ENOTFOUND, EBJR_EIO. */
int live_identify(struct ebjr_stored_model *out, const char *text);

/* The name alone. */
void live_model_name(char *out, size_t size, const char *text);

/* The FLOPs of a run of this model: counted, or unknown. */
void live_describe_flops(struct ebjr_stored_run *run, const struct ebjr_model_info *info);

/* Opens a model, completing what is known of it (kind, parameters), and warns of a slow BLAS. */
int live_model_open(ebjr_model **out, struct live *live, struct ebjr_stored_model *stored);

/* The same of a detector. */
int live_detector_open(ebjr_detector **out, struct live *live, struct ebjr_stored_model *stored,
                       const struct ebjr_plan *plan);

/*
 * Prepares a model with its plan: the one named; else the one that the store has found the fastest
 * for batches of `batch` (0: any) on this machine; else the fastest after a search on the data
 * set's first samples, which the store then keeps. store may be NULL: nothing is kept. stored->id
 * is that of the store.
 */
int live_model_prepare(ebjr_model *model, struct live *live, ebjr_store *store,
                       const struct ebjr_stored_model *stored, size_t batch);

/* The same search, whatever the store knows. The caller frees *out with free(). */
int live_model_search(struct ebjr_candidate **out, size_t *count, ebjr_model *model,
                      struct live *live, ebjr_store *store, const struct ebjr_stored_model *stored,
                      size_t batch);

#endif
