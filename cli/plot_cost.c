#include "cli/plot_cost.h"

#include "base/error.h"
#include "calib/measured.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool plot_cost_is(const char *cost, const char *name)
{
    return strcmp(cost ? cost : "flops", name) == 0;
}

int plot_cost_price(struct ebjr_tradeoff *plot, char label[128], const struct cascade *cascade,
                    const char *cost)
{
    struct ebjr_measured_summary student, teacher;
    int status = 0;
    plot->cost_label = label;
    if (plot_cost_is(cost, "latency")) {
        snprintf(label, 128, "mean latency of a sample");
        status = ebjr_measured_summarise(&student, cascade->student_latency, cascade->n);
        if (!status)
            status = ebjr_measured_summarise(&teacher, cascade->teacher_latency, cascade->n);
        if (status)
            return status;
        plot->student_cost = student.mean;
        plot->teacher_cost = teacher.mean;
        plot->is_time = true;
    } else if (plot_cost_is(cost, "teacher-rate")) {
        snprintf(label, 128, "teacher rate (%%)");
        plot->student_cost = 0;
        plot->teacher_cost = 100;
    } else {
        snprintf(label, 128, "FLOPs a sample (%s)",
                 strcmp(cascade->convention, "mac2") == 0 ? "2 x multiply-adds" : "op-counter");
        plot->student_cost = cascade->student_flops;
        plot->teacher_cost = cascade->teacher_flops;
    }
    return status;
}

int plot_cost_check(const struct cascade *cascade, const char *cost)
{
    if (plot_cost_is(cost, "latency") && !cascade->student_latency)
        return ebjr_error_set(EBJR_ENOTFOUND,
                              "%s holds no latencies of both models: ebjr bench measures them, "
                              "ebjr import --latency-ns takes them",
                              cascade->db);
    if (plot_cost_is(cost, "flops") && isnan(cascade->student_flops + cascade->teacher_flops))
        return ebjr_error_set(EBJR_EINVAL, "the FLOPs of a model are unknown, and so is the axis; "
                                           "import it with --flops N");
    return 0;
}
