/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1): keys and values of all
 * heads are products of one latent a token, beside a rotated key that the heads share.  They are
 * made for every head, so that attention is what it is elsewhere: a head of a query or key has D
 * components of which the last DR rotate, one of a value DV, padded to D with zeros.
 */
#include "model/block_acts.h"

/* The norms of latents go by the class's default, whatever the configuration says of others
 * (transformers, modeling_deepseek_v3.py). */
static const float latent_eps = 1e-6f;

static struct fc_split split_of(size_t groups, size_t first, size_t second)
{
	return (struct fc_split){groups, second ? 2 : 1, {first, second, 0}};
}

static void queries(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l, size_t N,
    struct fc_block_acts *a)
{
	const float *x = a->norm1;
	if (c->latent_q) {
		fc_linear_fwd(nn, a->q_latent, x, &l->q_down, N);
		fc_rmsnorm_fwd(nn, a->q_latent, a->q_latent, l->q_latent_norm, N, c->n_query_latent,
		    latent_eps, false);
		x = a->q_latent;
	}
	fc_linear_fwd(nn, a->q, x, &l->q, N);
}

/* a->v: every head's values, and zeros to the width of keys */
static void pad_values(
    struct fc_nn *nn, const struct fc_config *c, size_t N, struct fc_block_acts *a)
{
	const size_t H = c->n_head, D = c->head_dim, DV = c->head_value;
	const struct fc_split padded = split_of(H, DV, D - DV);
	if (D > DV)
		fc_nn_zero(nn, a->pad, N * H * (D - DV) * sizeof *a->pad);
	fc_concat(nn, a->v, (const float *[]){a->value, a->pad}, &padded, N);
}

void fc_block_latent(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    const struct fc_batch *b, const struct fc_kv_seq *kv, struct fc_block_acts *a)
{
	const size_t N = b->off[b->n_seq], H = c->n_head, R = c->n_latent, DR = c->head_rotary;
	const size_t D = c->head_dim, plain = D - DR;
	const struct fc_split down = split_of(1, R, DR), up = split_of(H, plain, c->head_value);
	const struct fc_split key = split_of(H, plain, DR);
	queries(nn, c, l, N, a);
	fc_block_rope(nn, l, a->q + plain, b, kv, H, D, false, a);
	fc_linear_fwd(nn, a->kv_down, a->norm1, &l->kv_down, N);
	fc_split(nn, (float *[]){a->latent, a->key}, a->kv_down, &down, N);
	fc_rmsnorm_fwd(nn, a->latent, a->latent, l->kv_latent_norm, N, R, latent_eps, false);
	fc_block_rope(nn, l, a->key, b, kv, 1, DR, false, a);
	fc_linear_fwd(nn, a->kv_up, a->latent, &l->kv_up, N);
	fc_split(nn, (float *[]){a->plain, a->value}, a->kv_up, &up, N);
	fc_gather_rows(nn, a->keys, a->key, a->head_row, N * H, DR);
	fc_concat(nn, a->k, (const float *[]){a->plain, a->keys}, &key, N);
	pad_values(nn, c, N, a);
}

const float *fc_block_latent_out(
    struct fc_nn *nn, const struct fc_config *c, size_t N, struct fc_block_acts *a)
{
	const size_t D = c->head_dim, DV = c->head_value;
	const struct fc_split padded = split_of(c->n_head, DV, D - DV);
	if (D == DV)
		return a->att;
	fc_split(nn, (float *[]){a->value, a->pad}, a->att, &padded, N);
	return a->value;
}
