/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_GGUF_ROPE_H
#define FC_STORE_GGUF_ROPE_H

#include "store/gguf_hf.h"

/* Adds rope_scaling to a config that has the rest: from metadata, and from the tensors in which
 * GGUF keeps the scaling of Llama 3 and of Phi 3. */
int fc_gguf_rope(
    const struct fc_gguf *g, const struct fc_gguf_family *f, json_t *config, struct fc_err *e);

/* A float of a file as the decimal number it was: 1e-05, not 9.99999974737875e-06. */
double fc_gguf_decimal(double v);

#endif
