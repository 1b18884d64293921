/* Methods side by side: accuracy against cost, cascades as curves with their bands, others as
 * points that lines join within one curve only. */
#ifndef EBJR_PLOTS_COMPARISON_H
#define EBJR_PLOTS_COMPARISON_H

#include "calib/frontier.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_comparison_label {
    struct ebjr_offer at;
    const char *text;
    bool is_mark; /* an operating point */
};

/* A cascade: its curve and band by rising cost, and its labelled points. */
struct ebjr_comparison_cascade {
    const char *name;
    const struct ebjr_offer *offers; /* [count] */
    size_t count;
    const struct ebjr_offer *low, *high; /* [band_count], at the same costs */
    size_t band_count;
    const struct ebjr_comparison_label *labels; /* [label_count] */
    size_t label_count;
};

/* Kinds of methods differ by marker and line. */
enum { EBJR_COMPARISON_KINDS = 5 };

/* Published points, or a single model. Neighbours with the same name and kind share an entry of the
 * key, but not a line. */
struct ebjr_comparison_series {
    const char *name;
    size_t kind;           /* below EBJR_COMPARISON_KINDS */
    const char *kind_name; /* "anytime" */
    size_t colour;         /* of ebjr_colour; the cascades have the first */
    const struct ebjr_offer *offers;
    const char *const *labels; /* [count] beside the points, where series are few; "": none */
    size_t count;
};

struct ebjr_comparison {
    const char *title, *cost_label, *accuracy_label;
    const struct ebjr_comparison_cascade *cascades;
    size_t cascade_count;
    const struct ebjr_comparison_series *series;
    size_t series_count;
};

/* The costs that the picture shows: those of the cascades, from 0, or where there are none those of
 * all points. */
struct ebjr_comparison_window {
    double least, most;
    bool is_logarithmic; /* the dearest point costs over 20 times the cheapest */
    size_t outside;      /* points that are not shown */
};
struct ebjr_comparison_window ebjr_comparison_window_of(const struct ebjr_comparison *plot);

/* Writes DIRECTORY/NAME.dat and NAME.gp, and draws the images. Errors: those of ebjr_picture_draw.
 */
int ebjr_comparison_draw(const struct ebjr_comparison *plot, const char *directory,
                         const char *name);

#ifdef __cplusplus
}
#endif
#endif
