/* SPDX-License-Identifier: Apache-2.0 */
#include "model/block.h"

int fc_batch_check(const struct fc_batch *b, const struct fc_model *m, struct fc_err *e)
{
	if (b->off[0] != 0)
		return fc_fail(e, "batch: the first sequence starts at %zu, not 0", b->off[0]);
	for (size_t s = 0; s < b->n_seq; s++) {
		if (b->off[s + 1] < b->off[s] || b->off[s + 1] - b->off[s] > UINT32_MAX)
			return fc_fail(e, "batch: sequence %zu has the range %zu to %zu", s,
			    b->off[s], b->off[s + 1]);
		if (m->position.p && b->off[s + 1] - b->off[s] > m->cfg.n_ctx)
			return fc_fail(e,
			    "a sequence of %zu tokens is over the %zu positions that the model "
			    "has learned",
			    b->off[s + 1] - b->off[s], m->cfg.n_ctx);
		for (size_t n = b->off[s]; n < b->off[s + 1]; n++)
			if (b->tok[n] >= m->cfg.n_vocab)
				return fc_fail(e,
				    "token %u is outside of the model's vocabulary of %zu (does "
				    "the "
				    "tokenizer belong to this model?)",
				    b->tok[n], m->cfg.n_vocab);
	}
	return 0;
}

void fc_model_embed(struct fc_nn *nn, const struct fc_model *m, const uint32_t *tok,
    const uint32_t *pos, size_t N, float *x)
{
	fc_embed_fwd(nn, x, &m->embed, tok, N, m->cfg.embed_scale);
	if (m->position.p)
		fc_embed_add(nn, x, &m->position, pos, N);
}

void fc_model_final_norm(
    struct fc_nn *nn, const struct fc_model *m, float *y, const float *x, size_t N)
{
	const struct fc_config *c = &m->cfg;
	if (c->layer_norm)
		fc_layernorm_fwd(
		    nn, y, x, m->final_norm, m->final_norm_bias, N, c->n_embd, c->norm_eps);
	else
		fc_rmsnorm_fwd(
		    nn, y, x, m->final_norm, N, c->n_embd, c->norm_eps, c->norm_plus_one);
	if (c->logit_scale > 0)
		fc_scale(nn, y, c->logit_scale, N * c->n_embd);
}

int fc_model_hidden(struct fc_nn *nn, const struct fc_model *m, const struct fc_batch *b, float *x,
    struct fc_err *e)
{
	if (fc_batch_check(b, m, e) < 0)
		return -1;
	const size_t N = b->off[b->n_seq];
	const uint32_t *pos = fc_block_positions(nn, m->acts, b, NULL);
	fc_model_embed(nn, m, b->tok, pos, N, x);
	for (size_t i = 0; i < m->cfg.n_layer; i++)
		fc_block_fwd(nn, m, i, x, b, NULL, FC_PASS_ONLY, m->acts);
	fc_model_final_norm(nn, m, x, x, N);
	return 0;
}

struct fc_head fc_model_head(const struct fc_model *m)
{
	return (struct fc_head){m->head, m->cfg.n_vocab, m->cfg.logit_softcap};
}
