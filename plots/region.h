/* A part of a picture that is shaded: what a policy certifies, or where the student answers. */
#ifndef EBJR_PLOTS_REGION_H
#define EBJR_PLOTS_REGION_H

#include "plots/picture.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A rectangle in the units of the axes as they are drawn; an infinite end is the axes' own. */
struct ebjr_region {
    double x_low, x_high, y_low, y_high;
    const char *text; /* "certified: ..."; "" or NULL: there is no region */
};

#define EBJR_REGION_ALL \
    { \
        -INFINITY, INFINITY, -INFINITY, INFINITY, NULL \
    }

/* Shades it, and writes the caption: `note` ("" is none), and what is shaded. */
void ebjr_region_shade(struct ebjr_picture *picture, const struct ebjr_region *region,
                       const char *note);

#ifdef __cplusplus
}
#endif
#endif
