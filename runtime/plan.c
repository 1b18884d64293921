#include "runtime/plan.h"

#include "base/error.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const char *const modes[EBJR_PLAN_MODES] = {
    [EBJR_PLAN_AS_LOADED] = "as-loaded", [EBJR_PLAN_FROZEN] = "frozen",
    [EBJR_PLAN_OPTIMIZED] = "optimized", [EBJR_PLAN_CHANNELS_LAST] = "channels-last",
    [EBJR_PLAN_DIRECT] = "direct",       [EBJR_PLAN_CUDA_GRAPH] = "cuda-graph",
};

static const char *const dtypes[] = {
    [EBJR_DTYPE_FLOAT32] = "float32",
    [EBJR_DTYPE_BFLOAT16] = "bfloat16",
    [EBJR_DTYPE_FLOAT16] = "float16",
};

enum { DTYPES = sizeof dtypes / sizeof *dtypes };

const char *ebjr_plan_mode_name(enum ebjr_plan_mode mode)
{
    return modes[mode];
}

const char *ebjr_dtype_name(enum ebjr_dtype dtype)
{
    return dtypes[dtype];
}

static int find(size_t *out, const char *what, const char *name, const char *const *names,
                size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return 0;
        }
    const char *nearest = ebjr_name_nearest(name, names, count);
    return ebjr_error_set(EBJR_EINVAL, "there is no %s '%s'%s%s%s", what, name,
                          nearest ? "; did you mean '" : "", nearest ? nearest : "",
                          nearest ? "'?" : "");
}

int ebjr_plan_mode_find(enum ebjr_plan_mode *out, const char *name)
{
    size_t index = 0;
    int status = find(&index, "plan", name, modes, EBJR_PLAN_MODES);
    if (!status)
        *out = (enum ebjr_plan_mode)index;
    return status;
}

int ebjr_dtype_find(enum ebjr_dtype *out, const char *name)
{
    size_t index = 0;
    int status = find(&index, "dtype", name, dtypes, DTYPES);
    if (!status)
        *out = (enum ebjr_dtype)index;
    return status;
}

void ebjr_plan_format(char out[EBJR_PLAN_TEXT], const struct ebjr_plan *plan)
{
    char threads[32] = "default threads";
    if (plan->threads > 0)
        snprintf(threads, sizeof threads, "%zu thread%s", plan->threads,
                 plan->threads == 1 ? "" : "s");
    snprintf(out, EBJR_PLAN_TEXT, "%s, %s, batch %zu, %s", modes[plan->mode], dtypes[plan->dtype],
             plan->batch, threads);
}

int ebjr_plan_parse(struct ebjr_plan *out, const char *text)
{
    char mode[EBJR_PLAN_TEXT], dtype[EBJR_PLAN_TEXT], again[EBJR_PLAN_TEXT];
    struct ebjr_plan plan = {0};
    _Static_assert(EBJR_PLAN_TEXT == 64, "the widths below");
    int found = /* NOLINTNEXTLINE(cert-err34-c): what was read is written again and compared */
        sscanf(text, "%63[^,], %63[^,], batch %zu, %zu", mode, dtype, &plan.batch, &plan.threads);
    if (found >= 3 && ebjr_plan_mode_find(&plan.mode, mode) == 0 &&
        ebjr_dtype_find(&plan.dtype, dtype) == 0) {
        ebjr_plan_format(again, &plan);
        if (strcmp(again, text) == 0) {
            *out = plan;
            return 0;
        }
    }
    return ebjr_error_set(EBJR_EFORMAT, "'%s' is not a plan", text);
}
