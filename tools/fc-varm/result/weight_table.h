/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_WEIGHT_TABLE_H
#define FC_VARM_WEIGHT_TABLE_H

#include "base/buf.h"
#include "fc-varm/merge/merge.h"

/* TSV: tensor, elements, the weight of each target; with similarity also the norm of each target's
 * change, and for each pair the cosine and the agreement of signs. */
void varm_weight_table_print(struct fc_buf *b, const struct plan *p, const struct all_measured *r);

/* Notes for the user: the mean weights of each kind of tensor (its name without the layer's
 * number), and warnings where the weights say that something went wrong. */
void varm_weight_table_summarize(const struct plan *p, const struct all_measured *r);
/* The mean weights of each kind of tensor as a table of Markdown. */
void varm_weight_table_markdown(
    struct fc_buf *b, const struct plan *p, const struct all_measured *r);
void varm_weight_table_warn(const struct plan *p, const struct all_measured *r);

#endif
