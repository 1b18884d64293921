#include "runtime/flops.h"

#include <stdio.h>
#include <string.h>

enum kind {
    FREE,        /* counts nothing in either convention */
    CONVOLUTION, /* input, weight [out, in/groups, k...] */
    LINEAR,      /* input [..., in], weight [out, in], bias [out] */
    PRODUCT,     /* a [..., m, k], b [..., k, n] */
    ADD_PRODUCT, /* bias, a, b */
    RELU,
    POOLING,
    ADAPTIVE_POOLING,
    ELEMENTWISE, /* op-counter ought to count it and does not know how; mac2 leaves it out */
};

/* aten operators by name, without "aten::" and without the _ of the in-place form. */
static const struct {
    enum kind kind;
    const char *names; /* separated by blanks */
} operators[] = {
    {CONVOLUTION, "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d "
                  "_convolution convolution _convolution_mode"},
    {LINEAR, "linear"},
    {PRODUCT, "matmul mm bmm mv"},
    {ADD_PRODUCT, "addmm baddbmm"},
    {RELU, "relu"},
    {POOLING, "avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d"},
    {ADAPTIVE_POOLING, "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
                       "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d"},
    {ELEMENTWISE, "gelu silu sigmoid tanh hardswish hardsigmoid hardtanh relu6 leaky_relu elu selu "
                  "mish softplus prelu layer_norm group_norm instance_norm upsample_nearest2d "
                  "upsample_bilinear2d"},
    /* batch norm, softmax, dropout, sums of branches, and whatever moves, cuts, joins, masks or
       reduces */
    {FREE, "batch_norm softmax log_softmax dropout feature_dropout alpha_dropout add sub rsub mul "
           "div neg pow sqrt rsqrt exp abs square mean sum max min amax amin argmax clamp norm "
           "floor_divide remainder floor cat concat stack chunk split split_with_sizes "
           "tensor_split unbind view view_as reshape flatten unflatten squeeze unsqueeze permute "
           "transpose t numpy_T movedim contiguous clone detach to type_as float expand expand_as "
           "repeat slice select narrow index index_select gather roll flip pad constant_pad_nd "
           "reflection_pad2d replication_pad2d channel_shuffle native_channel_shuffle "
           "pixel_shuffle zeros ones full zeros_like ones_like full_like empty arange tensor "
           "scalar_tensor where masked_fill eq ne lt gt le ge logical_not logical_and embedding "
           "identity alias lift_fresh copy"},
};

/* Whether `word`, of `length` characters, is one of the words of a list. */
static bool has_word(const char *list, const char *word, size_t length)
{
    while (*list) {
        size_t span = strcspn(list, " ");
        if (span == length && strncmp(list, word, length) == 0)
            return true;
        list += span + strspn(list + span, " ");
    }
    return false;
}

/* Whether the operator is in the table; *kind where it is. */
static bool classify(enum kind *kind, const char *name)
{
    if (strncmp(name, "aten::", 6) != 0)
        return false;
    name += 6;
    size_t length = strlen(name);
    if (length > 1 && name[length - 1] == '_')
        length--;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (has_word(operators[i].names, name, length)) {
            *kind = operators[i].kind;
            return true;
        }
    }
    return false;
}

static int64_t elements(const struct ebjr_tensor_shape *shape)
{
    int64_t product = shape->present ? 1 : 0;
    for (size_t i = 0; i < shape->rank; i++)
        product *= shape->size[i];
    return product;
}

/* Adds `name` to a comma-separated list once; "..." where the list is full. */
static void name_uncounted(char list[EBJR_UNCOUNTED_TEXT], const char *name)
{
    size_t used = strlen(list), length = strlen(name);
    for (const char *at = strstr(list, name); at; at = strstr(at + 1, name))
        if ((at == list || at[-1] == ' ') && (at[length] == ',' || !at[length]))
            return;
    if (used + length + 8 < EBJR_UNCOUNTED_TEXT)
        snprintf(list + used, EBJR_UNCOUNTED_TEXT - used, "%s%s", used ? ", " : "", name);
    else if (used < 3 || strcmp(list + used - 3, "...") != 0)
        snprintf(list + used, EBJR_UNCOUNTED_TEXT - used, ", ...");
}

/* Each output element of a convolution sums over in/groups x window inputs, which are the elements
 * of weight [out, in/groups, k...] that belong to one output channel. Transposed, the same products
 * are seen from the input: weight is [in, out/groups, k...]. */
static int64_t convolution_macs(const struct ebjr_operator *op)
{
    const struct ebjr_tensor_shape *weight = &op->inputs[1];
    if (!weight->present || weight->size[0] == 0)
        return 0;
    int64_t taps = elements(weight) / weight->size[0];
    return taps * elements(op->transposed ? &op->inputs[0] : &op->output);
}

/* Each output element of a @ b sums over a's last dimension. */
static int64_t product_macs(const struct ebjr_operator *op, const struct ebjr_tensor_shape *a)
{
    return a->present && a->rank > 0 ? elements(&op->output) * a->size[a->rank - 1] : 0;
}

static int64_t linear_biases(const struct ebjr_operator *op)
{
    return op->inputs[2].present ? elements(&op->output) : 0;
}

static bool in_pooling_module(const struct ebjr_operator *op)
{
    return strncmp(op->module, "torch.nn.modules.pooling.", 25) == 0;
}

static void add_both(struct ebjr_flops *flops, int64_t macs, int64_t extra)
{
    flops->mac2 += 2 * macs;
    flops->op_counter += 2 * (macs + extra);
}

void ebjr_flops_add(struct ebjr_flops *flops, const struct ebjr_operator *op)
{
    enum kind kind;
    if (!classify(&kind, op->name)) {
        name_uncounted(flops->uncounted, op->name);
        name_uncounted(flops->uncounted_mac2, op->name);
        return;
    }
    switch (kind) {
    case FREE: break;
    case CONVOLUTION:
        add_both(flops, convolution_macs(op), 0);
        flops->depth++;
        break;
    case LINEAR:
        add_both(flops, product_macs(op, &op->inputs[0]), linear_biases(op));
        flops->depth++;
        break;
    case PRODUCT: add_both(flops, product_macs(op, &op->inputs[0]), 0); break;
    case ADD_PRODUCT:
        add_both(flops, product_macs(op, &op->inputs[1]), elements(&op->output));
        flops->depth++; /* how older graphs write a linear layer */
        break;
    case RELU: flops->op_counter += 2 * elements(&op->output); break;
    case POOLING:
        if (in_pooling_module(op) && op->window > 0)
            flops->op_counter += 2 * elements(&op->output) * op->window;
        else if (in_pooling_module(op) || !*op->module)
            name_uncounted(flops->uncounted, op->name);
        break;
    case ADAPTIVE_POOLING:
        if (in_pooling_module(op))
            flops->op_counter += 2 * elements(&op->inputs[0]);
        else if (!*op->module)
            name_uncounted(flops->uncounted, op->name);
        break;
    case ELEMENTWISE: name_uncounted(flops->uncounted, op->name); break;
    }
}
