/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_LAYERNAME_H
#define FC_VARM_LAYERNAME_H

#include <stdbool.h>

#include "base/buf.h"

/* The layer a tensor belongs to: the first part of its name that is a number, as in
 * "model.layers.11.mlp.up_proj.weight".  -1: it is of no layer.  *at is where the number begins,
 * *n how many digits it has. */
int varm_layername_find(const char *name, size_t *at, size_t *n);

/* The name in another layer; a name of no layer stays as it is. */
void varm_layername_set(struct fc_buf *out, const char *name, int layer);

/* Whether it comes before the layers (an embedding) or after them (the final norm, the head). */
bool varm_layername_is_embedding(const char *name);
/* Whether its first dimension is the vocabulary: an embedding of tokens, or the head. */
bool varm_layername_is_vocabulary(const char *name);
/* Whether it is the output layer's. */
bool varm_layername_is_head(const char *name);

#endif
