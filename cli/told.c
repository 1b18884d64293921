#include "cli/told.h"

#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int told_integer(int64_t *out, double value, const char *option)
{
    *out = EBJR_UNKNOWN;
    if (isnan(value))
        return 0;
    if (value < 0 || value > 9e15)
        return ebjr_error_set(EBJR_EINVAL, "--%s: %g is no such figure", option, value);
    *out = (int64_t)(value + 0.5);
    return 0;
}

/* What stands behind "NAME="; NULL: it is about another model. */
static const char *of_model(const char *item, const char *name)
{
    size_t length = strlen(name);
    return strncmp(item, name, length) == 0 && item[length] == '=' ? item + length + 1 : NULL;
}

int told_flops_check(const struct option_list *flops, const struct option_list *models)
{
    struct ebjr_stored_model model;
    for (size_t i = 0; i < flops->count; i++) {
        bool is_known = false;
        for (size_t j = 0; j < models->count; j++) {
            live_model_name(model.name, sizeof model.name, models->items[j]);
            is_known |= of_model(flops->items[i], model.name) != NULL;
        }
        if (!is_known)
            return ebjr_error_set(EBJR_EINVAL,
                                  "--flops %s: say NAME=N or NAME=FILE, with the name of a --model",
                                  flops->items[i]);
    }
    return 0;
}

static int count(struct ebjr_stored_run *run, struct ebjr_stored_model *model, const char *path,
                 const struct live *live)
{
    static const struct ebjr_device cpu = {0};
    ebjr_model *sibling;
    if (!live->dataset)
        return ebjr_error_set(EBJR_EINVAL, "FLOPs of a detector depend on the picture, and cannot "
                                           "be counted from a file; say a number");
    int status =
        ebjr_model_open(&sibling, path, &cpu, &ebjr_dataset_describe(live->dataset)->shape);
    if (status)
        return status;
    const struct ebjr_model_info *info = ebjr_model_describe(sibling);
    if (info->is_counted) {
        live_describe_flops(run, info);
        model->parameters = info->parameters;
    } else {
        status = ebjr_error_set(EBJR_EMODEL, "%s: FLOPs are counted from TorchScript", path);
    }
    ebjr_model_close(sibling);
    return status;
}

int told_flops(struct ebjr_stored_run *run, struct ebjr_stored_model *model,
               const struct option_list *flops, const struct live *live)
{
    double value;
    const char *said = NULL;
    for (size_t i = 0; i < flops->count; i++) {
        const char *here = of_model(flops->items[i], model->name);
        said = here ? here : said;
    }
    if (!said)
        return 0;
    int status;
    if (ebjr_number_parse(&value, said) == 0) {
        status = told_integer(&run->flops, value, "flops");
        run->flops_mac2 = run->flops;
        run->depth = EBJR_UNKNOWN;
        snprintf(run->flops_source, sizeof run->flops_source, "given");
    } else if (access(said, F_OK) == 0) {
        status = count(run, model, said, live);
    } else {
        status = ebjr_error_set(EBJR_EINVAL, "'%s' is neither a number nor a file", said);
    }
    return status ? ebjr_error_context(status, "--flops of '%s'", model->name) : 0;
}
