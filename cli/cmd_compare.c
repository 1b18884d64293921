/* ebjr compare: cascades beside published methods, other cascades and single models. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/compare.h"

#include <math.h>
#include <string.h>

static int check(const struct compare_request *request)
{
    const struct cascade_request *cascade = &request->cascade;
    bool stored =
        cascade->student || cascade->teacher || request->cascades.count || request->models.count;
    bool one_score = request->score && strcmp(request->score, "auto") != 0;
    if (!cascade->student != !cascade->teacher)
        return ebjr_error_set(EBJR_EINVAL, "--student and --teacher go together");
    if (stored && !cascade->db)
        return ebjr_error_set(EBJR_EINVAL,
                              "cascades and models are in a store: --db or EBJR_DB names it");
    if (cascade->db && !stored && request->baselines.count == 0)
        return ebjr_error_set(EBJR_EINVAL, "of --db, name --student and --teacher, --cascade or "
                                           "--model");
    if (!isnan(request->threshold) && !(cascade->student && one_score))
        return ebjr_error_set(EBJR_EINVAL,
                              "--threshold is of --student, --teacher and one --score");
    return comparison_check_view(request->what);
}

static int compare(const struct compare_request *request, struct output output)
{
    struct comparison comparison;
    int status = comparison_load(&comparison, request);
    if (!status && request->plot)
        status = compare_draw(&comparison, request);
    if (!status && request->plot)
        say("drew %s.svg, .png and .pdf", request->plot);
    if (!status) {
        const struct contender *reference = &comparison.contenders[comparison.reference];
        say("reference: %s (%s)%s%s", reference->name, contender_kind_name(reference),
            comparison.convention ? "; FLOPs of the store: " : "",
            comparison.convention ? comparison.convention : "");
        status = comparison_print(&comparison, request->what, output);
    }
    comparison_free(&comparison);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct compare_request request = {.cascade = CASCADE_REQUEST,
                                      .what = "summary",
                                      .threshold = NAN,
                                      .bootstrap = {.level = 0.95}};
    const char *format_name = NULL;
    int64_t resamples = 1000, seed = 1;
    const struct option_row rows[] = {
        CASCADE_ROWS_WHERE(request.cascade, false, false),
        {"score", OPTION_TEXT, &request.score, "NAME",
         "of the cascades; auto (default): the one with the largest deferral area", false},
        {"threshold", OPTION_NUMBER, &request.threshold, "T",
         "the operating point of student and teacher", false},
        {"cascade", OPTION_LIST, &request.cascades, "S,T[,SCORE]",
         "another cascade of the store; may be given again", false},
        {"model", OPTION_LIST, &request.models, "NAME", "a model of it alone; again", false},
        {"baselines", OPTION_LIST, &request.baselines, "FILE",
         "published results (CSV), or one of those that come with ebjr: cifar10; again", false},
        {"reference", OPTION_TEXT, &request.reference, "NAME",
         "the contender that the others are set against (default: the first cascade,\n"
         "else the first contender)",
         false},
        {"what", OPTION_TEXT, &request.what, "VIEW",
         "summary (default), points, dominance, equal-cost, equal-accuracy, wins", false},
        {"plot", OPTION_TEXT, &request.plot, "PATH",
         "draws PATH.svg, PATH.png and PATH.pdf, from PATH.dat and PATH.gp", false},
        {"title", OPTION_TEXT, &request.title, "TEXT", "of the picture (default: the data set)",
         false},
        {"resamples", OPTION_INTEGER, &resamples, "N", "of the bootstrap (default 1000)", false},
        {"bootstrap-seed", OPTION_INTEGER, &seed, "N", "of the bootstrap (default 1)", false},
        FORMAT_ROW(&format_name),
    };
    struct output output;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    request.bootstrap.resamples = (size_t)resamples;
    request.bootstrap.seed = (uint64_t)seed;
    status = output_parse(&output, format_name);
    if (!status)
        status = check(&request);
    if (!status)
        status = compare(&request, output);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_compare = {
    "compare", "cascades beside published methods, other cascades, single models",
    "Baselines are CSV files, of which bench/baselines/ holds some (CIFAR-10 and -100, ImageNet,\n"
    "COCO); its README.md says how to add one. Every cost is in FLOPs = 2 x multiply-adds. Each\n"
    "method is a contender, and so is each family of its results: anytime (every sample stops at\n"
    "one cost) and budgeted-batch (thresholds meet a mean cost) are never of one curve.\n\n"
    "Views, one row a contender or a point, formulas in calib/frontier.h:\n"
    "  summary         costs and accuracies; how many offers nothing dominates; hypervolume: the\n"
    "                  part dominated of [0, dearest] x [accuracy of the cheapest, 1], both of "
    "the\n"
    "                  reference; mean accuracy over the costs shared with the reference, and the\n"
    "                  reference's; APGR and CPT as RouteLLM defines them\n"
    "  points          student, teacher and cascade at --threshold, models, published points:\n"
    "                  accuracy, FLOPs, and of the store's depth (convolutions and linear layers)\n"
    "                  and mean latency where they are known\n"
    "  dominance       which contenders cost no more and are no less accurate than a point\n"
    "  equal-cost      the reference's accuracy at the cost of each point\n"
    "  equal-accuracy  the least cost at which the reference is as accurate as each point\n"
    "  wins            the intervals of cost on which the reference or the contender is ahead\n"
    "                  beyond the bands, and those on which neither is: there by the mean;\n"
    "                  none (-) where the two share no interval\n\n"
    "Between neighbouring points of one contender stand straight lines; nothing is extrapolated:\n"
    "reference_range says where it would be. beyond_band: the difference holds wherever within\n"
    "their bands both lie: of a cascade the 95 % bootstrap band, pointwise, of a published point\n"
    "the error of reading its accuracy.\n\n"
    "Examples:\n"
    "  ebjr compare --db cifar10.db --student small --teacher large --score softmax-energy \\\n"
    "               --threshold 2.46 --baselines bench/baselines/cifar10.csv --plot "
    "pictures/cifar10\n"
    "  ebjr compare --db cifar10.db --student small --teacher large \\\n"
    "               --baselines bench/baselines/cifar10.csv --what wins --format csv\n"
    "  ebjr compare --db cifar10.db --student small --teacher large --score softmax-energy \\\n"
    "               --cascade small,large,msp --model large --what equal-cost\n"
    "  ebjr compare --baselines bench/baselines/coco.csv --plot coco\n",
    run};
