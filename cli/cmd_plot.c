/* ebjr plot: accuracy against FLOPs, one curve a score. */
#include "base/error.h"
#include "calib/sweep.h"
#include "cli/cascade.h"
#include "cli/commands.h"
#include "plots/tradeoff.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_SERIES = 16 };

struct figure {
    struct ebjr_curve curves[MOST_SERIES];
    struct ebjr_tradeoff_series series[MOST_SERIES];
    size_t count;
};

static int add_curve(struct figure *figure, const struct cascade *cascade,
                     const struct ebjr_score *score, double *values)
{
    struct ebjr_curve *curve = &figure->curves[figure->count];
    int status = cascade_score(values, cascade, score);
    if (!status)
        status = ebjr_sweep(curve, values, cascade->student_correct, cascade->teacher_correct,
                            cascade->n);
    if (!status)
        figure->series[figure->count++] = (struct ebjr_tradeoff_series){score->name, curve, NULL};
    return status;
}

/* The chosen scores, then the bounds that every picture shows. */
static int fill(struct figure *figure, const struct cascade *cascade,
                const struct ebjr_score *scores, size_t count, double *values)
{
    static const char *const bounds[] = {"random", "oracle"};
    int status = 0;
    for (size_t i = 0; !status && i < count; i++)
        if (scores[i].kind == EBJR_SCORE_LOGITS)
            status = add_curve(figure, cascade, &scores[i], values);
    for (size_t i = 0; !status && i < ROWS(bounds); i++) {
        const struct ebjr_score *score;
        status = ebjr_score_find(&score, bounds[i]);
        if (!status)
            status = add_curve(figure, cascade, score, values);
    }
    return status;
}

/* "pictures/curve" is the directory "pictures", made where it is missing, and the name "curve". */
static int split_path(char directory[PATH_MAX], const char **name, const char *path)
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    snprintf(directory, PATH_MAX, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    if (slash == path)
        snprintf(directory, PATH_MAX, "/");
    if (!**name || strlen(*name) > 200)
        return ebjr_error_set(EBJR_EINVAL, "--out %s: give the picture a name, without ending",
                              path);
    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return ebjr_error_set(EBJR_EIO, "cannot make %s: %s", directory, strerror(errno));
    return 0;
}

static int draw(const struct cascade *cascade, const struct figure *figure, const char *title,
                const struct ebjr_point *mark, const char *path)
{
    char directory[PATH_MAX], heading[1024], label[128];
    const char *name;
    int status = split_path(directory, &name, path);
    if (status)
        return status;
    if (isnan(cascade->student_flops) || isnan(cascade->teacher_flops))
        return ebjr_error_set(EBJR_EINVAL, "the FLOPs of a model are unknown, and so is the axis; "
                                           "import it with --flops N");
    snprintf(heading, sizeof heading, "%s: %s to %s", cascade->dataset.name, cascade->student.name,
             cascade->teacher.name);
    snprintf(label, sizeof label, "FLOPs a sample (%s)",
             strcmp(cascade->convention, "mac2") == 0 ? "2 x multiply-adds" : "op-counter");
    struct ebjr_tradeoff plot = {
        .title = title ? title : heading,
        .student = cascade->student.name,
        .teacher = cascade->teacher.name,
        .student_cost = cascade->student_flops,
        .teacher_cost = cascade->teacher_flops,
        .cost_label = label,
        .series = figure->series,
        .count = figure->count,
        .mark = mark,
    };
    status = ebjr_tradeoff_draw(&plot, directory, name);
    if (!status)
        printf("%s.svg\n%s.png\n%s.gp\n%s.dat\n", path, path, path, path);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct cascade_request request = CASCADE_REQUEST;
    const char *score_name = "all", *title = NULL, *out = "tradeoff";
    double threshold = NAN;
    const struct option_row rows[] = {
        CASCADE_ROWS(request, true),
        {"score", OPTION_TEXT, &score_name, "NAME", "one score, or all (default)", false},
        {"threshold", OPTION_NUMBER, &threshold, "T", "marks the operating point of a single score",
         false},
        {"title", OPTION_TEXT, &title, "TEXT", "of the picture (default: data set and models)",
         false},
        {"out", OPTION_TEXT, &out, "PATH", "without ending (default tradeoff)", false},
    };
    struct cascade cascade = {0};
    struct figure figure = {0};
    struct ebjr_point mark;
    const struct ebjr_score *scores;
    size_t count;
    double *values = NULL;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    bool marked = !isnan(threshold);
    status = cascade_select_scores(&scores, &count, score_name);
    if (!status && marked && (count > 1 || scores->kind != EBJR_SCORE_LOGITS))
        status = ebjr_error_set(EBJR_EINVAL, "--threshold marks a point of one --score");
    if (!status)
        status = cascade_load(&cascade, &request);
    if (!status && !(values = malloc(cascade.n * sizeof *values)))
        status = ebjr_error_memory();
    if (!status)
        status = fill(&figure, &cascade, scores, count, values);
    if (!status && marked) {
        status = cascade_score(values, &cascade, scores);
        ebjr_sweep_at(&mark, threshold, values, cascade.student_correct, cascade.teacher_correct,
                      cascade.n);
    }
    if (!status) {
        cascade_warn(&cascade);
        status = draw(&cascade, &figure, title, marked ? &mark : NULL, out);
    }
    for (size_t i = 0; i < figure.count; i++)
        ebjr_curve_free(&figure.curves[i]);
    free(values);
    cascade_free(&cascade);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_plot = {
    "plot", "the accuracy/FLOPs trade-off as SVG and PNG",
    "Writes PATH.dat and PATH.gp, and draws PATH.svg and PATH.png from them with gnuplot; prints\n"
    "their names. The picture is redrawn from the two alone: cd DIRECTORY && gnuplot NAME.gp\n\n"
    "Example:\n"
    "  ebjr plot --db cifar10.db --student small --teacher large --out pictures/cifar10\n",
    run};
