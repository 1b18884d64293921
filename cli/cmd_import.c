/* ebjr import: logits or detections that another program computed, stored exactly like a run's. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/import.h"
#include "cli/progress.h"

#include <math.h>
#include <string.h>

static int find_task(bool *detection, const struct import_request *request)
{
    const char *task = request->task ? request->task : "classification";
    *detection = strcmp(task, "detection") == 0;
    if (*detection || strcmp(task, "classification") == 0)
        return 0;
    return ebjr_error_set(EBJR_EINVAL, "--task is classification or detection, not '%s'", task);
}

/* Options of one task are refused by the other. */
static int check_options(const struct import_request *request, bool detection)
{
    const struct {
        const char *name;
        bool given, of_detection;
    } options[] = {
        {"logits", request->logits, false},
        {"probabilities", request->probabilities, false},
        {"labels", request->labels, false},
        {"student-classes", request->class_map, false},
        {"class-names", request->class_names, false},
        {"detections", request->detections, true},
        {"truth", request->truth, true},
    };
    for (size_t i = 0; i < ROWS(options); i++)
        if (options[i].given && options[i].of_detection != detection)
            return ebjr_error_set(EBJR_EINVAL, "--%s is for --task %s", options[i].name,
                                  detection ? "classification" : "detection");
    if (detection ? !request->detections : !request->logits)
        return ebjr_error_set(EBJR_EINVAL, "--%s FILE is missing; ebjr import --help explains",
                              detection ? "detections" : "logits");
    if (detection && !request->truth == !request->dataset)
        return ebjr_error_set(EBJR_EINVAL, "the truth comes from one place: --truth FILE, or "
                                           "--dataset NAME of a stored data set");
    return 0;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct import_request request = {.flops = NAN, .parameters = NAN};
    const struct option_row rows[] = {
        {"db", OPTION_TEXT, &request.db, "FILE", "the store; made where it does not exist", true},
        {"name", OPTION_TEXT, &request.name, "NAME", "what to call the model", true},
        {"task", OPTION_TEXT, &request.task, "NAME",
         "classification (default): --logits, with labels\n"
         "detection: --detections, with the truth",
         false},
        {"logits", OPTION_TEXT, &request.logits, "FILE",
         ".npy [n, classes] of float32 or float64, or CSV: a row a sample, a column a\n"
         "class; a column named label holds the labels",
         false},
        {"probabilities", OPTION_FLAG, &request.probabilities, NULL,
         "the file holds probabilities of all classes, not logits", false},
        {"labels", OPTION_TEXT, &request.labels, "FILE", ".npy of integers, or one integer a line",
         false},
        {"detections", OPTION_TEXT, &request.detections, "FILE",
         "COCO's results format, JSON or .gz: a list of image_id, category_id, bbox, score,\n"
         "and where they are known logits, a list",
         false},
        {"truth", OPTION_TEXT, &request.truth, "FILE",
         "COCO's instances format, JSON or .gz: images, annotations, categories", false},
        {"dataset", OPTION_TEXT, &request.dataset, "NAME",
         "a stored data set that is answered, instead of labels (in its order) or truth", false},
        {"dataset-name", OPTION_TEXT, &request.dataset_name, "NAME",
         "what to call a data set that is new (default: from its hash)", false},
        {"flops", OPTION_NUMBER, &request.flops, "N",
         "of the model, a sample or image (1.3e8, 130M)", false},
        {"parameters", OPTION_NUMBER, &request.parameters, "N", "of the model", false},
        {"student-classes", OPTION_TEXT, &request.class_map, "FILE",
         "of a specialised model: a line for each output, its class or other", false},
        {"class-names", OPTION_TEXT, &request.class_names, "FILE",
         "what classes are called: a name a line, or JSON (see ebjr run)", false},
        {"model-sha256", OPTION_TEXT, &request.model_sha256, "HEX",
         "of the model that made the outputs, so that its imports on several data sets are\n"
         "of one model (default: of the outputs, which are then a model of their own)",
         false},
        {"latency-ns", OPTION_TEXT, &request.latency, "FILE",
         "nanoseconds that the model takes for each sample, alone: .npy of integers, or\none a "
         "line",
         false},
        FORMAT_ROW(&request.format),
    };
    struct output output;
    bool detection = false;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    progress_catch_signals();
    status = output_parse(&output, request.format);
    if (!status)
        status = find_task(&detection, &request);
    if (!status)
        status = check_options(&request, detection);
    if (!status)
        status = detection ? import_detections(&request, output) : import_logits(&request, output);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_import = {
    "import", "store logits or detections that another program computed",
    "They are stored exactly like a run's, and any stored model can be student or teacher of any\n"
    "other on the same data set. Imports with the same labels, or truth, are on the same data "
    "set.\n\n"
    "CSV may have columns named logit_0, logit_1, ... or prob_0, ..., or a column logits (or "
    "prob)\n"
    "of lists, \"[0.1, -2.5]\"; columns that are neither these nor label are then passed over. So\n"
    "timm's inference.py writes with --topk 0 (better with --output-type logit, and with\n"
    "--results-separate-col, which keeps all digits), and so do pandas and Hugging Face's "
    "datasets.\n"
    "Of probabilities the logarithms are stored: logits up to a constant a sample, on which all\n"
    "scores but energy and max-logit are the same. Files of the best classes only (top-k) are "
    "refused.\n\n"
    "The order of detections within an image is kept. The truth is stored with the first import\n"
    "over it, with the names of its categories; its images are in the order of their ids.\n\n"
    "Examples:\n"
    "  ebjr import --db s.db --name small --logits small.npy --labels labels.npy --flops 55M\n"
    "  ebjr import --db s.db --name large --logits large.npy --labels labels.npy --flops 292M\n"
    "  ebjr import --db d.db --task detection --name small --detections small.json \\\n"
    "      --truth instances_val2017.json --flops 8.7G\n",
    run};
