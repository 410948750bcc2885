/* SPDX-License-Identifier: Apache-2.0 */
/* GPT-2: learned positions, norms with bias, matrices stored [in, out]. */
#include "model/family.h"

static const struct fc_family_tensor tensors[] = {
    {FC_TENSOR_EMBED, "transformer.wte.weight"},
    {FC_TENSOR_POSITION, "transformer.wpe.weight"},
    {FC_TENSOR_ATTN_NORM, "transformer.h.*.ln_1.weight"},
    {FC_TENSOR_ATTN_NORM_BIAS, "transformer.h.*.ln_1.bias"},
    {FC_TENSOR_QKV, "transformer.h.*.attn.c_attn.weight"},
    {FC_TENSOR_QKV_BIAS, "transformer.h.*.attn.c_attn.bias"},
    {FC_TENSOR_O, "transformer.h.*.attn.c_proj.weight"},
    {FC_TENSOR_O_BIAS, "transformer.h.*.attn.c_proj.bias"},
    {FC_TENSOR_FFN_NORM, "transformer.h.*.ln_2.weight"},
    {FC_TENSOR_FFN_NORM_BIAS, "transformer.h.*.ln_2.bias"},
    {FC_TENSOR_UP, "transformer.h.*.mlp.c_fc.weight"},
    {FC_TENSOR_UP_BIAS, "transformer.h.*.mlp.c_fc.bias"},
    {FC_TENSOR_DOWN, "transformer.h.*.mlp.c_proj.weight"},
    {FC_TENSOR_DOWN_BIAS, "transformer.h.*.mlp.c_proj.bias"},
    {FC_TENSOR_FINAL_NORM, "transformer.ln_f.weight"},
    {FC_TENSOR_FINAL_NORM_BIAS, "transformer.ln_f.bias"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

static int read_gpt2(struct fc_config *c, const struct fc_fields *s)
{
	bool scaled = true;
	if (fc_fields_flag(s, "scale_attn_weights", &scaled) < 0 ||
	    fc_fields_flag(s, "scale_attn_by_inverse_layer_idx", &c->scale_by_layer) < 0)
		return -1;
	if (!scaled)
		c->query_scale = 1;
	return fc_fields_refuse(s, "add_cross_attention");
}

static const char *const prefixes[] = {"transformer.", "", NULL};

const struct fc_family fc_family_gpt2 = {
    .type = "gpt2",
    .architecture = "GPT2LMHeadModel",
    .preset = {.n_ctx = 1024,
	.norm_eps = 1e-5f,
	.layer_norm = true,
	.norm_bias = true,
	.position = FC_POS_LEARNED,
	.act = FC_ACT_GELU_TANH,
	.qkv = FC_QKV_STACKED,
	.qkv_bias = true,
	.o_bias = true,
	.mlp_bias = true,
	.conv1d = true,
	.tied = true},
    .keys = {.n_embd = "n_embd",
	.n_ff = "n_inner",
	.n_layer = "n_layer",
	.n_head = "n_head",
	.n_head_kv = "n_head",
	.n_ctx = "n_positions",
	.norm_eps = "layer_norm_epsilon",
	.act = "activation_function"},
    .n_ff_by_embd = 4,
    .tensor = tensors,
    .prefixes = prefixes,
    .read = read_gpt2,
    .trains = true,
};
