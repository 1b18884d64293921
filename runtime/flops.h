/*
 * FLOPs of one sample, from the operators that a model executes. Two conventions:
 *
 *   op-counter  2 x the count of the original's op_counter: multiply-adds of convolutions (no
 * bias), elements into ReLUs, window elements of pooling modules (the input's elements for adaptive
 * ones), multiply-adds and biases of linear layers. Functional pooling, batch norm, softmax,
 * additions and everything that moves data count nothing. mac2        2 x multiply-adds of
 * convolutions and matrix products, and nothing else.
 *
 * Matrix products (matmul, bmm, ...) are counted as linear layers are. An operator that a
 * convention ought to count and cannot is named in the `uncounted` list.
 */
#ifndef EBJR_RUNTIME_FLOPS_H
#define EBJR_RUNTIME_FLOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_OPERATOR_RANK = 8, EBJR_OPERATOR_TENSORS = 3, EBJR_UNCOUNTED_TEXT = 1024 };

struct ebjr_tensor_shape {
    bool present;
    size_t rank;
    int64_t size[EBJR_OPERATOR_RANK];
};

/* One execution of an operator. */
struct ebjr_operator {
    const char *name;   /* "aten::conv2d" */
    const char *module; /* class of the innermost module around it,
                           "torch.nn.modules.pooling.AvgPool2d"; "" where there is none */
    struct ebjr_tensor_shape
        inputs[EBJR_OPERATOR_TENSORS]; /* its first tensor arguments, in place */
    struct ebjr_tensor_shape output;   /* its first tensor result */
    bool transposed;                   /* a transposed convolution */
    int64_t window; /* elements of a pooling window; 0: not a pooling operator, or unknown */
};

struct ebjr_flops {
    int64_t op_counter, mac2;
    int64_t depth;                            /* convolutions and linear layers executed */
    char uncounted[EBJR_UNCOUNTED_TEXT];      /* "aten::gelu, aten::layer_norm"; "" complete */
    char uncounted_mac2[EBJR_UNCOUNTED_TEXT]; /* the same for mac2 */
};

/* Adds one operator to *flops, which starts as {0}. */
void ebjr_flops_add(struct ebjr_flops *flops, const struct ebjr_operator *op);

#ifdef __cplusplus
}
#endif
#endif
