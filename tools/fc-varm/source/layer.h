/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_LAYER_H
#define FC_VARM_LAYER_H

#include <stddef.h>

/* Names of tensors as models have them: "model.layers.11.self_attn.q_proj.weight". */

/* The length of "model.layers.11": up to the end of the first part that is a number with a name
 * after it; 0 where there is none. */
size_t varm_layer_prefix(const char *name);

/* The kind of a tensor, which those of other layers share: "self_attn.q_proj"; the caller's to
 * free. */
char *varm_layer_kind(const char *name);

#endif
