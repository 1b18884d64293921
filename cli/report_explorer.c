/* Data of a report's explorer. */
#include "base/error.h"
#include "base/text.h"
#include "calib/certify.h"
#include "cli/report.h"

#include <stdlib.h>
#include <string.h>

/* A word of a shell's, in quotes where it needs them. */
static void write_word(FILE *file, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_";
    if (*text && !text[strspn(text, plain)]) {
        fputs(text, file);
        return;
    }
    fputc('\'', file);
    for (; *text; text++)
        fputs(*text == '\'' ? "'\\''" : (char[]){*text, 0}, file);
    fputc('\'', file);
}

static void write_option(FILE *file, const char *name, const char *value)
{
    if (!value)
        return;
    fprintf(file, " --%s ", name);
    write_word(file, value);
}

char *report_command(const struct report *report, const char *verb)
{
    const struct cascade_request *asked = &report->request->cascade;
    const struct ebjr_score_options *options = &report->cascade.options;
    char *text = NULL, number[EBJR_NUMBER_TEXT];
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    fprintf(file, "ebjr %s", verb);
    write_option(file, "db", asked->db);
    write_option(file, "student", asked->student ? asked->student : report->cascade.student.name);
    write_option(file, "teacher", asked->teacher ? asked->teacher : report->cascade.teacher.name);
    write_option(file, "dataset", asked->dataset);
    write_option(file, "flops-convention", asked->convention);
    if (options->precision == EBJR_FLOAT32)
        write_option(file, "precision", "float32");
    if (options->temperature != 1)
        write_option(file, "temperature", ebjr_number_format(number, options->temperature));
    if (options->p != 4)
        write_option(file, "p", ebjr_number_format(number, options->p));
    fclose(file);
    return text;
}

/* Is the policy's router this score, as the report computes it? */
static bool is_policy(const struct report *report, const struct ebjr_score *score)
{
    return report_policy_is_plain(report) && report->policy.stages[0].router.score == score;
}

static int add(struct report_explorer *out, const struct cascade *cascade, const char *name,
               const char *option, const double *scores, const uint8_t *answer)
{
    size_t i = out->explorer.count;
    struct ebjr_curve *curve = &out->curves[i];
    struct ebjr_latency_curve *latency = &out->latencies[i];
    int status = ebjr_sweep(curve, scores, cascade->student_correct, answer, cascade->n);
    if (!status && cascade->student_latency)
        status = ebjr_latency_sweep(latency, curve, scores, cascade->student_latency,
                                    cascade->teacher_latency, cascade->n);
    out->series[i] = (struct ebjr_slider_series){name, option, curve, latency, SIZE_MAX};
    out->explorer.count++;
    return status;
}

/* The policy's point on the last series, which is opened with unless a score was asked for. */
static void mark(struct report_explorer *out, const struct report *report)
{
    size_t last = out->explorer.count - 1;
    out->series[last].mark = ebjr_curve_find(&out->curves[last], report->rule.threshold);
    if (!report->request->score)
        out->explorer.first = last;
}

static bool is_first(const struct report *report, const struct ebjr_score *scores, size_t i)
{
    return report->request->score ? strcmp(report->request->score, scores[i].name) == 0
                                  : i == report->best;
}

/* Every score that a router can compute and, where it is none of them, the policy's own. */
static int add_scores(struct report_explorer *out, const struct report *report,
                      const struct ebjr_score *scores, size_t count, const double *values)
{
    const struct cascade *cascade = &report->cascade;
    bool is_marked = !report->has_policy;
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        if (scores[i].kind != EBJR_SCORE_LOGITS)
            continue;
        status = add(out, cascade, scores[i].name, scores[i].name, values + i * cascade->n,
                     cascade->teacher_correct);
        if (is_first(report, scores, i) && !(report->has_policy && is_marked))
            out->explorer.first = out->explorer.count - 1;
        if (!status && is_policy(report, &scores[i])) {
            mark(out, report);
            is_marked = true;
        }
    }
    if (status || is_marked)
        return status;
    snprintf(out->name, sizeof out->name, "policy (%s)", report->rule.score);
    status = add(out, cascade, out->name, NULL, report->rule.scores, report->rule.answer);
    if (!status)
        mark(out, report);
    return status;
}

int report_explorer_make(struct report_explorer *out, const struct report *report)
{
    const struct cascade *cascade = &report->cascade;
    size_t count;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    double *values = calloc(cascade->n, count * sizeof *values);
    *out = (struct report_explorer){.series = calloc(count + 1, sizeof *out->series),
                                    .curves = calloc(count + 1, sizeof *out->curves),
                                    .latencies = calloc(count + 1, sizeof *out->latencies),
                                    .command = report_command(report, "eval")};
    int status = values && out->series && out->curves && out->latencies && out->command
                     ? cascade_scores(values, cascade, scores, count)
                     : ebjr_error_memory();
    if (!status)
        status = add_scores(out, report, scores, count, values);
    out->explorer.student = cascade->student.name;
    out->explorer.teacher = cascade->teacher.name;
    out->explorer.command = out->command;
    out->explorer.student_flops = cascade->student_flops;
    out->explorer.teacher_flops = cascade->teacher_flops;
    out->explorer.series = out->series;
    free(values);
    return status;
}

void report_explorer_free(struct report_explorer *out)
{
    for (size_t i = 0; i < out->explorer.count; i++) {
        ebjr_curve_free(&out->curves[i]);
        ebjr_latency_curve_free(&out->latencies[i]);
    }
    free(out->series);
    free(out->curves);
    free(out->latencies);
    free(out->command);
}
