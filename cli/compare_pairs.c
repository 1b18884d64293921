/* Each contender against the reference: at equal cost, at equal accuracy, and who is ahead where.
 * A difference goes beyond the band where it holds wherever in their bands both may lie. */
#include "base/error.h"
#include "cli/compare.h"

#include <math.h>
#include <stdlib.h>

static const char *range_name(enum ebjr_range range)
{
    static const char *const names[] = {
        [EBJR_WITHIN] = "within", [EBJR_BELOW] = "below", [EBJR_ABOVE] = "above"};
    return names[range];
}

/* Who is ahead, and whether surely: > 0 the reference, < 0 the contender. */
static struct value ahead_value(int leader)
{
    return text_value(leader > 0 ? "reference" : leader < 0 ? "contender" : "neither");
}

static int sign(double difference)
{
    return (difference > 0) - (difference < 0);
}

/* What is printed of a point of a contender. */
typedef void point_printer(struct table *table, const struct contender *contender,
                           const struct named_offer *point, const struct contender *reference);

/* Of all contenders but the reference, whose own points say nothing about it. */
static int print_points(const struct comparison *comparison, struct table *table,
                        point_printer *print)
{
    const struct contender *reference = &comparison->contenders[comparison->reference];
    table_begin(table);
    for (size_t i = 0; i < comparison->count; i++) {
        const struct contender *contender = &comparison->contenders[i];
        for (size_t j = 0; contender != reference && j < contender->point_count; j++)
            print(table, contender, &contender->points[j], reference);
    }
    return table_end(table);
}

static const struct column cost_columns[] = {
    {"contender", COLUMN_TEXT, 44, false, NULL},
    {"kind", COLUMN_TEXT, 14, false, NULL},
    {"point", COLUMN_TEXT, 18, false, NULL},
    {"flops", COLUMN_REAL, 12, false, NULL},
    {"accuracy", COLUMN_FRACTION, 9, false, NULL},
    {"reference_accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"reference_low", COLUMN_FRACTION, 0, false, NULL},
    {"reference_high", COLUMN_FRACTION, 0, false, NULL},
    {"reference_range", COLUMN_TEXT, 0, false, NULL},
    {"difference", COLUMN_FRACTION, 0, false, NULL},
    {"ahead", COLUMN_TEXT, 9, false, NULL},
    {"beyond_band", COLUMN_FLAG, 0, false, NULL},
};

static void print_equal_cost(struct table *table, const struct contender *contender,
                             const struct named_offer *point, const struct contender *reference)
{
    double accuracy, low, high, cost = point->offer.cost;
    enum ebjr_range range = ebjr_accuracy_at(&accuracy, &reference->curve, cost);
    ebjr_accuracy_at(&low, &reference->low, cost);
    ebjr_accuracy_at(&high, &reference->high, cost);
    double difference = accuracy - point->offer.accuracy;
    struct value values[] = {
        text_value(contender->name),
        text_value(contender_kind_name(contender)),
        text_value(point->name),
        real_value(cost),
        real_value(point->offer.accuracy),
        real_value(accuracy),
        real_value(low),
        real_value(high),
        text_value(range_name(range)),
        real_value(difference),
        isnan(difference) ? text_value(NULL) : ahead_value(sign(difference)),
        {.integer = low > point->high || high < point->low, .missing = isnan(difference)},
    };
    table_row(table, values);
}

int compare_print_equal_cost(const struct comparison *comparison, struct output output)
{
    struct table table = {output, cost_columns, ROWS(cost_columns), 0, false};
    return print_points(comparison, &table, print_equal_cost);
}

static const struct column accuracy_columns[] = {
    {"contender", COLUMN_TEXT, 44, false, NULL},
    {"kind", COLUMN_TEXT, 14, false, NULL},
    {"point", COLUMN_TEXT, 18, false, NULL},
    {"accuracy", COLUMN_FRACTION, 9, false, NULL},
    {"flops", COLUMN_REAL, 12, false, NULL},
    {"reference_flops", COLUMN_REAL, 0, false, NULL},
    {"reference_low", COLUMN_REAL, 0, false, NULL},
    {"reference_high", COLUMN_REAL, 0, false, NULL},
    {"reference_range", COLUMN_TEXT, 0, false, NULL},
    {"ratio", COLUMN_REAL, 8, false, NULL},
    {"ahead", COLUMN_TEXT, 9, false, NULL},
    {"beyond_band", COLUMN_FLAG, 0, false, NULL},
};

/* Who is ahead where the reference must pay `needed` for what the contender has for `cost`. A
 * reference that has nothing so cheap is more accurate for more: neither. */
static int cheaper(double needed, enum ebjr_range range, double cost)
{
    int leader = isnan(needed) ? -1 : sign(cost - needed);
    return range == EBJR_BELOW && leader < 0 ? 0 : leader;
}

static int cheaper_on(double *needed, const struct ebjr_tradeoff_curve *curve, double accuracy,
                      double cost)
{
    enum ebjr_range range = ebjr_cost_at(needed, curve, accuracy);
    return cheaper(*needed, range, cost);
}

static void print_equal_accuracy(struct table *table, const struct contender *contender,
                                 const struct named_offer *point, const struct contender *reference)
{
    double needed, least, most, accuracy = point->offer.accuracy, cost = point->offer.cost, unused;
    enum ebjr_range range = ebjr_cost_at(&needed, &reference->curve, accuracy);
    ebjr_cost_at(&least, &reference->high, accuracy);
    ebjr_cost_at(&most, &reference->low, accuracy);
    int leader = cheaper(needed, range, cost);
    bool beyond = leader > 0
                      ? cheaper_on(&unused, &reference->low, point->high, cost) > 0
                      : leader < 0 && cheaper_on(&unused, &reference->high, point->low, cost) < 0;
    struct value values[] = {
        text_value(contender->name),
        text_value(contender_kind_name(contender)),
        text_value(point->name),
        real_value(accuracy),
        real_value(cost),
        real_value(needed),
        real_value(least),
        real_value(most),
        text_value(range_name(range)),
        real_value(needed / cost),
        ahead_value(leader),
        integer_value(beyond),
    };
    table_row(table, values);
}

int compare_print_equal_accuracy(const struct comparison *comparison, struct output output)
{
    struct table table = {output, accuracy_columns, ROWS(accuracy_columns), 0, false};
    return print_points(comparison, &table, print_equal_accuracy);
}

static const struct column win_columns[] = {
    {"contender", COLUMN_TEXT, 44, false, NULL},
    {"kind", COLUMN_TEXT, 14, false, NULL},
    {"from_flops", COLUMN_REAL, 12, false, NULL},
    {"to_flops", COLUMN_REAL, 12, false, NULL},
    {"ahead", COLUMN_TEXT, 9, false, NULL},
    {"beyond_band", COLUMN_FLAG, 0, false, NULL},
    {"mean_difference", COLUMN_FRACTION, 0, false, NULL},
};

/* Curve against curve, and the two that must win for a difference to go beyond the bands. */
enum { PLAIN, REFERENCE_SURELY, CONTENDER_SURELY, PAIRS };

struct leads {
    struct ebjr_lead *items[PAIRS];
    size_t count[PAIRS];
};

static int leads_make(struct leads *out, const struct contender *reference,
                      const struct contender *contender)
{
    const struct ebjr_tradeoff_curve *pairs[PAIRS][2] = {
        [PLAIN] = {&reference->curve, &contender->curve},
        [REFERENCE_SURELY] = {&reference->low, &contender->high},
        [CONTENDER_SURELY] = {&reference->high, &contender->low}};
    int status = 0;
    *out = (struct leads){0};
    for (int i = 0; !status && i < PAIRS; i++)
        status = ebjr_leads(&out->items[i], &out->count[i], pairs[i][0], pairs[i][1]);
    return status;
}

static void leads_free(struct leads *leads)
{
    for (int i = 0; i < PAIRS; i++)
        free(leads->items[i]);
}

/* The leader just above a cost, and how far that interval goes; 0 where there is none. */
static int leader_after(double *end, const struct ebjr_lead *leads, size_t count, double cost)
{
    for (size_t i = 0; i < count; i++)
        if (leads[i].from <= cost && cost < leads[i].to) {
            *end = fmin(*end, leads[i].to);
            return leads[i].leader;
        }
    return 0;
}

/* Costs between which one leader is surely ahead, or nobody is. */
struct stretch {
    double from, to;
    int sure; /* 1: the reference, -1: the contender, 0: the bands decide nothing */
};

/* The stretch that begins at `from`, as long as no lead changes. */
static struct stretch stretch_from(const struct leads *leads, double from)
{
    struct stretch stretch = {from, INFINITY, 0};
    int of[PAIRS];
    for (int i = 0; i < PAIRS; i++)
        of[i] = leader_after(&stretch.to, leads->items[i], leads->count[i], from);
    if (of[PLAIN] > 0 && of[REFERENCE_SURELY] > 0)
        stretch.sure = 1;
    if (of[PLAIN] < 0 && of[CONTENDER_SURELY] < 0)
        stretch.sure = -1;
    return stretch;
}

/* Where the bands decide nothing, the mean says who is ahead. */
static void print_stretch(struct table *table, const struct contender *contender,
                          const struct contender *reference, const struct stretch *stretch)
{
    double difference = ebjr_mean_accuracy(&reference->curve, stretch->from, stretch->to) -
                        ebjr_mean_accuracy(&contender->curve, stretch->from, stretch->to);
    struct value values[] = {
        text_value(contender->name),
        text_value(contender_kind_name(contender)),
        real_value(stretch->from),
        real_value(stretch->to),
        ahead_value(stretch->sure ? stretch->sure : sign(difference)),
        integer_value(stretch->sure != 0),
        real_value(difference),
    };
    table_row(table, values);
}

static void print_none(struct table *table, const struct contender *contender)
{
    struct value none = {.missing = true};
    struct value values[] = {text_value(contender->name),
                             text_value(contender_kind_name(contender)),
                             none,
                             none,
                             none,
                             none,
                             none};
    table_row(table, values);
}

/* Neighbours that say the same are one. */
static void print_stretches(struct table *table, const struct contender *contender,
                            const struct contender *reference, const struct leads *leads)
{
    size_t count = leads->count[PLAIN];
    double to = leads->items[PLAIN][count - 1].to;
    struct stretch last = stretch_from(leads, leads->items[PLAIN][0].from);
    while (last.to < to) {
        struct stretch next = stretch_from(leads, last.to);
        if (next.sure != last.sure) {
            print_stretch(table, contender, reference, &last);
            last = next;
        }
        last.to = next.to;
    }
    print_stretch(table, contender, reference, &last);
}

int compare_print_wins(const struct comparison *comparison, struct output output)
{
    const struct contender *reference = &comparison->contenders[comparison->reference];
    struct table table = {output, win_columns, ROWS(win_columns), 0, false};
    int status = 0;
    table_begin(&table);
    for (size_t i = 0; !status && i < comparison->count; i++) {
        const struct contender *contender = &comparison->contenders[i];
        struct leads leads;
        if (contender == reference)
            continue;
        status = leads_make(&leads, reference, contender);
        if (!status && leads.count[PLAIN] > 0)
            print_stretches(&table, contender, reference, &leads);
        else if (!status)
            print_none(&table, contender);
        leads_free(&leads);
    }
    return status ? status : table_end(&table);
}
