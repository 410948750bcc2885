/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_KVCACHE_H
#define FC_MODEL_KVCACHE_H

#include "model/block.h"

/* Keys and values of the sequences being generated: n_slot sequences of at most n_ctx tokens.  The
 * result is that of a pass over the whole sequence, also where rotary frequencies go by its length
 * (dynamic, longrope); there it may be such a pass. */
struct fc_kvcache;
struct fc_kvcache *fc_kvcache_new(
    struct fc_nn *nn, const struct fc_model *m, size_t n_slot, size_t n_ctx);
void fc_kvcache_free(struct fc_kvcache *c);
/* Room for n tokens in all, no more: those behind are forgotten; 0 empties the slot and gives its
 * memory back.  Without this the memory
 * doubles as a sequence grows. */
void fc_kvcache_reserve(struct fc_kvcache *c, size_t slot, size_t n);
size_t fc_kvcache_token_bytes(const struct fc_model *m); /* memory a token takes */

/*
 * Runs new tokens of several sequences (sequence s of the batch continues slot[s]) and returns the
 * final hidden state of each sequence's last token: x [n_seq, C].  The caller keeps lengths within
 * n_ctx.
 */
int fc_kvcache_forward(struct fc_nn *nn, const struct fc_model *m, struct fc_kvcache *c,
    const struct fc_batch *b, const size_t *slot, float *x, struct fc_err *e);

#endif
