/* The formulas of score.h in float32, as scripts that compute in PyTorch's default dtype have them.
 */
#ifndef EBJR_RUNTIME_SCORE_FLOAT_H
#define EBJR_RUNTIME_SCORE_FLOAT_H

#include "runtime/score.h"

float ebjr_float_energy(const float *logits, size_t classes,
                        const struct ebjr_score_options *options);
float ebjr_float_softmax_energy(const float *logits, size_t classes,
                                const struct ebjr_score_options *options);
float ebjr_float_msp(const float *logits, size_t classes, const struct ebjr_score_options *options);
float ebjr_float_margin(const float *logits, size_t classes,
                        const struct ebjr_score_options *options);
float ebjr_float_logit_margin(const float *logits, size_t classes,
                              const struct ebjr_score_options *options);
float ebjr_float_max_logit(const float *logits, size_t classes,
                           const struct ebjr_score_options *options);
float ebjr_float_entropy(const float *logits, size_t classes,
                         const struct ebjr_score_options *options);
float ebjr_float_gini(const float *logits, size_t classes,
                      const struct ebjr_score_options *options);
float ebjr_float_pnorm(const float *logits, size_t classes,
                       const struct ebjr_score_options *options);

#endif
