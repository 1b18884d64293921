#include "cli/told.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/live.h"

#include <string.h>

static const int64_t MOST_FLOPS = 9000000000000000;

/* What stands behind "NAME="; NULL: it is about another model. */
static const char *of_model(const char *item, const char *name)
{
    size_t length = strlen(name);
    return strncmp(item, name, length) == 0 && item[length] == '=' ? item + length + 1 : NULL;
}

int told_flops_check(const struct option_list *flops, const struct option_list *models)
{
    char name[sizeof(((struct ebjr_stored_model *)NULL)->name)];
    for (size_t i = 0; i < flops->count; i++) {
        bool is_known = false;
        for (size_t j = 0; j < models->count; j++) {
            live_model_name(name, sizeof name, models->items[j]);
            is_known |= of_model(flops->items[i], name) != NULL;
        }
        if (!is_known)
            return ebjr_error_set(EBJR_EINVAL, "--flops %s: say NAME=N, with the name of a --model",
                                  flops->items[i]);
    }
    return 0;
}

int told_flops(int64_t *out, const struct ebjr_stored_model *model, const struct option_list *flops)
{
    int status = 0;
    *out = EBJR_UNKNOWN;
    for (size_t i = 0; !status && i < flops->count; i++) {
        const char *said = of_model(flops->items[i], model->name);
        if (said)
            status = ebjr_integer_parse(out, said, 0, MOST_FLOPS);
    }
    return status ? ebjr_error_context(status, "--flops of '%s'", model->name) : 0;
}
