/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_GROUP_H
#define FC_VARM_GROUP_H

#include "fc-varm/merge/merge.h"

/* Which items share their weights.  Gives items of VaRM the same group where settings.by has them
 * together: a module is what follows the layer's number up to the next dot (self_attn, mlp, each
 * norm), a layer all of its tensors, outside of the layers each tensor is its own. */
void varm_group_assign(struct plan *p);

/* The importances of the members (indexes of items, with the same method and number of targets)
 * become their weights. */
void varm_group_weigh(const struct plan *p, const size_t *member, size_t n, struct all_measured *r);

#endif
