/* The budgets of a pick as a person types them. */
#include "base/error.h"
#include "base/text.h"
#include "cli/pick.h"

#include <math.h>
#include <string.h>

int pick_parse_limits(double *limit, const struct pick_request *request)
{
    bool any = false;
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        bool is_time = b == EBJR_MAX_LATENCY || b == EBJR_MAX_P95 || b == EBJR_MAX_P99;
        limit[b] = NAN;
        if (!request->limit[b])
            continue;
        any = true;
        int status = is_time ? ebjr_time_parse(&limit[b], request->limit[b])
                             : ebjr_number_parse(&limit[b], request->limit[b]);
        if (status)
            return ebjr_error_context(status, "--%s", ebjr_budget_name(b));
        bool is_fraction =
            b == EBJR_MIN_ACCURACY || b == EBJR_MAX_DROP || b == EBJR_MAX_TEACHER_RATE;
        if (is_fraction && !(limit[b] >= 0 && limit[b] <= 1))
            return ebjr_error_set(EBJR_EINVAL, "--%s is a fraction, 0 to 1 (0.95, not 95)",
                                  ebjr_budget_name(b));
    }
    if (!any)
        return ebjr_error_set(EBJR_EINVAL, "no budget is given: --max-drop 0.01, --max-flops 130M, "
                                           "--max-p99 20ms, ...; --help lists them");
    return 0;
}

int pick_check_delta(const struct pick_request *request)
{
    bool fits = request->delta > 0 && request->delta < 1;
    return fits ? 0 : ebjr_error_set(EBJR_EINVAL, "--delta lies between 0 and 1");
}

int pick_parse_objective(enum ebjr_objective *out, const struct pick_request *request,
                         const struct cascade *cascade)
{
    static const char *const names[] = {"flops", "latency", "teacher-rate"};
    if (request->minimize && request->maximize)
        return ebjr_error_set(EBJR_EINVAL, "either --minimize or --maximize");
    if (request->maximize) {
        *out = EBJR_MAXIMIZE_ACCURACY;
        return strcmp(request->maximize, "accuracy") == 0
                   ? 0
                   : ebjr_error_set(EBJR_EINVAL, "--maximize knows accuracy only");
    }
    if (!request->minimize) {
        /* a demand on accuracy is met as cheaply as can be; a cap on cost is used to the full */
        bool demands = request->limit[EBJR_MIN_ACCURACY] || request->limit[EBJR_MAX_DROP];
        bool known = !isnan(cascade->student_flops) && !isnan(cascade->teacher_flops);
        *out = !demands ? EBJR_MAXIMIZE_ACCURACY
               : known  ? EBJR_MINIMIZE_FLOPS
                        : EBJR_MINIMIZE_TEACHER_RATE;
        return 0;
    }
    for (size_t i = 0; i < ROWS(names); i++) {
        if (strcmp(request->minimize, names[i]) == 0) {
            *out = (enum ebjr_objective)i;
            return 0;
        }
    }
    return ebjr_error_set(EBJR_EINVAL, "--minimize is flops, latency or teacher-rate, not '%s'",
                          request->minimize);
}
