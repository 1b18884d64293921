#include "calib/sorter.h"

int ebjr_sorter_at(struct ebjr_point *out, double threshold, ebjr_sorter *sorter)
{
    struct ebjr_point point;
    int more = 0, status = ebjr_sorter_begin(sorter);
    if (status)
        return status;
    *out = (struct ebjr_point){.threshold = threshold};
    while ((more = ebjr_sorter_next(&point, sorter)) > 0 && point.threshold >= threshold)
        *out = point;
    out->threshold = threshold;
    return more < 0 ? more : 0;
}

/*
 * With the right answers that the teacher gains over all samples, and over those up to a group, the
 * gains of those behind the group are known: the trapezoid of summary.c, counted from the other
 * end, twice over so that it is whole.
 */
int ebjr_sorter_deferral_area(double *out, ebjr_sorter *sorter)
{
    struct ebjr_curve totals;
    struct ebjr_point before, point;
    __extension__ typedef __int128 wide;
    wide twice = 0;
    int more = 0, status = ebjr_sorter_begin(sorter);
    if (status)
        return status;
    ebjr_sorter_totals(&totals, sorter);
    int64_t all = totals.teacher_correct - totals.student_correct;
    for (before = (struct ebjr_point){0}; (more = ebjr_sorter_next(&point, sorter)) > 0;
         before = point) {
        int64_t upto = point.harm - point.help, gain = upto - (before.harm - before.help);
        twice += (wide)(point.student - before.student) * (2 * (all - upto) + gain);
    }
    double n = (double)totals.n;
    *out = ((double)totals.student_correct * n + (double)twice / 2) / (n * n);
    return more < 0 ? more : 0;
}
