#include "plots/region.h"

#include "plots/words.h"

#include <math.h>
#include <stdbool.h>

static void write_end(FILE *script, double end, const char *after)
{
    if (isinf(end))
        fprintf(script, "graph %d%s", end > 0, after);
    else
        fprintf(script, "first %.17g%s", end, after);
}

void ebjr_region_shade(struct ebjr_picture *picture, const struct ebjr_region *region,
                       const char *note)
{
    char caption[EBJR_LINE];
    bool is_shaded = region->text && *region->text;
    snprintf(caption, sizeof caption, "%s%s%s%s", note, *note && is_shaded ? "; " : "",
             is_shaded ? "shaded: " : "", is_shaded ? region->text : "");
    ebjr_picture_caption(picture, caption);
    if (!is_shaded)
        return;
    fprintf(picture->script, "set object 1 rectangle from ");
    write_end(picture->script, region->x_low, ", ");
    write_end(picture->script, region->y_low, " to ");
    write_end(picture->script, region->x_high, ", ");
    write_end(picture->script, region->y_high,
              " behind fillcolor rgb '#009E73' fillstyle transparent solid 0.13 noborder\n");
}
