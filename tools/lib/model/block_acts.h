/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_BLOCK_ACTS_H
#define FC_MODEL_BLOCK_ACTS_H

#include "model/block.h"

/* What one layer computes; only block*.c look inside.  Dimension letters as in nn.h; HD = H*D,
 * GD = G*D.  What a configuration does not have is NULL. */
struct fc_block_acts {
	size_t C, F, HD, GD, H; /* F: the widest of a layer's networks */
	float *mem;             /* the device's memory, everything down to expert_x */
	size_t n_mem;
	float *norm1, *norm2;   /* [N,C] input of q, k, v; of gate, up */
	float *out;             /* [N,C] what is added to the residual stream; backward: d norm */
	float *q, *k, *v;       /* [N,HD] [N,GD] [N,GD] as attention takes them */
	float *q_raw, *k_raw;   /* before the norm of heads */
	float *qkv;             /* [N,HD+2GD] where they are one product; backward: its gradient */
	float *att;             /* [N,HD] output of attention */
	float *gate, *up, *glu; /* [N,F]; glu: what goes into down */
	float *gate_up;         /* [N,2F] like qkv */
	float *attn_raw, *ffn_raw;     /* [N,C] before the norm of what is added */
	float *q_latent;               /* [N,RQ], with latents: see struct fc_config and fc_layer */
	float *kv_down, *latent, *key; /* [N,R+DR] its parts [N,R] [N,DR] */
	float *kv_up, *plain, *value;  /* [N,H*(D-DR+DV)] its parts [N,H*(D-DR)] [N,H*DV]; value:
					* what attention gives, too */
	float *keys, *pad;             /* [N,H*DR] key for every head; [N,H*(D-DV)] zeros */
	float *mid;                    /* [N,C] x after attention */
	float *lse;                    /* [N,H] */
	float *dq, *dk, *dv, *datt;
	float *draw; /* [N,C] gradient of attn_raw, ffn_raw, or of out where that has a factor */
	float *dsum; /* [N,C] gradient of what parallel parts add */
	float *expert_x;                              /* [N,C] input and output of one expert */
	float *expert_dy, *expert_scaled, *expert_dx; /* [N,C] gradients of one expert */
	float *expert_dglu;                           /* [N,F] */
	float *dlogit;                                /* [N,E] of the router */
	uint32_t *pos; /* [N] the device's: tokens' places in their sequences */
	/* host arrays */
	uint32_t *host_pos;
	struct fc_attn_seq *seq; /* [n_seq] */
	struct fc_copy *copy;    /* [2 n_seq] */
	struct fc_attn_grad *grad;
	uint32_t *route, *one_row;        /* [N,K] every token's experts; [N] one expert's tokens */
	float *route_weight, *one_weight; /* [N,K] of every token; of one expert's tokens */
	uint32_t *one_place, *row_number; /* [N] in route; [N] 0, 1, 2, ... */
	uint32_t *head_row;               /* [N*H] every number H times */
	float *route_dot, *one_dot;       /* [N,K] weight times its gradient; of one expert */
	float *host_dlogit;               /* [N,E] */
	float *freq;                      /* [n_rot/2] of a sequence, where its length counts */
	size_t cap_pos, cap_seq, cap_copy, cap_grad, cap_route, cap_dot, cap_head_row;
};

/* Room for N tokens; what was there is lost. */
void fc_block_acts_reserve(struct fc_nn *nn, struct fc_block_acts *a, const struct fc_config *c,
    size_t N, size_t n_seq, bool keep);
/* The positions of another's pass, until its next. */
void fc_block_acts_borrow_positions(struct fc_block_acts *a, const struct fc_block_acts *of);

/* How the columns of the fused products are split. */
struct fc_split fc_block_split_qkv(const struct fc_config *c);
struct fc_split fc_block_split_gate_up(const struct fc_config *c);

/* Rotates heads of all sequences, each for its own length; a head is D apart from the next. */
void fc_block_rope(struct fc_nn *nn, const struct fc_layer *l, float *x, const struct fc_batch *b,
    const struct fc_kv_seq *kv, size_t heads, size_t D, bool inverse, struct fc_block_acts *a);
/* Queries grow with their place, where the config says so; growing is its own way back. */
void fc_block_grow_queries(struct fc_nn *nn, const struct fc_config *c, float *q,
    const struct fc_batch *b, const struct fc_kv_seq *kv);
/* a->q, a->k and a->v of a->norm1, by way of latents. */
void fc_block_latent(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    const struct fc_batch *b, const struct fc_kv_seq *kv, struct fc_block_acts *a);
/* What attention gave, without what values were padded with. */
const float *fc_block_latent_out(
    struct fc_nn *nn, const struct fc_config *c, size_t N, struct fc_block_acts *a);
struct fc_attn fc_block_attn(const struct fc_model *m, const struct fc_layer *l);
/* Describes the sequences that have tokens to attention; appends new keys and values to kv. */
size_t fc_block_gather(struct fc_nn *nn, struct fc_block_acts *a, const struct fc_batch *b,
    const struct fc_kv_seq *kv);

/* a->out = the experts' sum for a->norm2; only who goes where, in a pass that only fills acts. */
void fc_block_moe(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l, size_t N,
    enum fc_pass pass, struct fc_block_acts *a);
/* dnorm = the gradient of norm2 from dy, that of the experts' sum. */
void fc_block_moe_bwd(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    float *dnorm, const float *dy, size_t N, struct fc_block_acts *a,
    const struct fc_layer_grad *g);

#endif
