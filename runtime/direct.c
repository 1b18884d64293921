#include "runtime/direct.h"
#include "base/error.h"
#include <stdlib.h>
int ebjr_graph_append(struct ebjr_graph *g, struct ebjr_layer *l)
{
    (void)g;
    free(l->inputs);
    free(l->weight);
    free(l->bias);
    return ebjr_error_set(EBJR_EDEVICE, "stub");
}
int ebjr_graph_simplify(struct ebjr_graph *g)
{
    (void)g;
    return 0;
}
void ebjr_layer_clear(struct ebjr_layer *l)
{
    free(l->inputs);
    free(l->weight);
    free(l->bias);
}
void ebjr_graph_clear(struct ebjr_graph *g)
{
    (void)g;
}
int ebjr_direct_compile(ebjr_direct **o, const struct ebjr_graph *g, size_t b, size_t t)
{
    (void)o;
    (void)g;
    (void)b;
    (void)t;
    return -9;
}
void ebjr_direct_free(ebjr_direct *d)
{
    (void)d;
}
int ebjr_direct_forward(ebjr_direct *d, float *l, const float *i, size_t c)
{
    (void)d;
    (void)l;
    (void)i;
    (void)c;
    return -9;
}
