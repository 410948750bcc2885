/* SPDX-License-Identifier: Apache-2.0 */
/* MPT: ALiBi (arXiv 2108.12409) instead of positions, norms without bias, no biases at all. */
#include "model/family.h"

#include <string.h>

enum { MAX_RATIO = 64 };

static const struct fc_family_tensor tensors[] = {
    {FC_TENSOR_EMBED, "transformer.wte.weight"},
    {FC_TENSOR_ATTN_NORM, "transformer.blocks.*.norm_1.weight"},
    {FC_TENSOR_QKV, "transformer.blocks.*.attn.Wqkv.weight"},
    {FC_TENSOR_O, "transformer.blocks.*.attn.out_proj.weight"},
    {FC_TENSOR_FFN_NORM, "transformer.blocks.*.norm_2.weight"},
    {FC_TENSOR_UP, "transformer.blocks.*.ffn.up_proj.weight"},
    {FC_TENSOR_DOWN, "transformer.blocks.*.ffn.down_proj.weight"},
    {FC_TENSOR_FINAL_NORM, "transformer.norm_f.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

/* The classes of transformers rotate nothing and learn no positions, whatever the file says; we say
 * so instead. */
static int read_attention(struct fc_config *c, const struct fc_fields *s)
{
	double clip = 0, scale = 0, slope = (double)c->alibi_max;
	const char *type;
	bool alibi = true;
	if (fc_json_str(s->o, "attn_type", "multihead_attention", &type, s->where, s->e) < 0 ||
	    fc_fields_flag(s, "alibi", &alibi) < 0 || fc_fields_refuse(s, "qk_ln") < 0 ||
	    fc_fields_refuse(s, "prefix_lm") < 0 || fc_fields_positive(s, "clip_qkv", &clip) < 0 ||
	    fc_fields_positive(s, "softmax_scale", &scale) < 0 ||
	    fc_fields_positive(s, "alibi_bias_max", &slope) < 0)
		return -1;
	if (strcmp(type, "multihead_attention"))
		return fc_fail(s->e, "%s: attn_type \"%s\" is not supported", s->where, type);
	if (!alibi)
		return fc_fail(s->e, "%s: a model without alibi is not supported", s->where);
	c->alibi_max = (float)slope;
	c->qkv_clip = (float)clip;
	if (scale > 0)
		c->query_scale = 1 / (scale * scale);
	return 0;
}

/* The classes of transformers have a LayerNorm whatever the file says; its makers' code has others,
 * which have a weight, too. */
static int check_norm(const struct fc_fields *s)
{
	const char *type;
	if (fc_json_str(s->o, "norm_type", "layernorm", &type, s->where, s->e) < 0)
		return -1;
	if (strcmp(type, "layernorm") && strcmp(type, "low_precision_layernorm"))
		return fc_fail(s->e, "%s: norm_type \"%s\" is not supported", s->where, type);
	return 0;
}

static int read_mpt(struct fc_config *c, const struct fc_fields *s)
{
	bool no_bias = true;
	size_t ratio;
	const json_t *scale = json_object_get(s->o, "logit_scale");
	const struct fc_fields attention = {json_object_get(s->o, "attn_config"), s->where, s->e};
	if (fc_fields_natural(s, "expansion_ratio", 4, 1, MAX_RATIO, &ratio) < 0 ||
	    fc_fields_flag(s, "no_bias", &no_bias) < 0 || check_norm(s) < 0)
		return -1;
	if (!no_bias)
		return fc_fail(s->e, "%s: no_bias false is not supported", s->where);
	if (scale && !json_is_null(scale))
		return fc_fail(s->e, "%s: logit_scale is not supported", s->where);
	c->n_ff = ratio * c->n_embd;
	return read_attention(c, &attention);
}

const struct fc_family fc_family_mpt = {
    .type = "mpt",
    .architecture = "MptForCausalLM",
    .preset = {.n_ctx = 2048,
	.norm_eps = 1e-5f,
	.layer_norm = true,
	.position = FC_POS_ALIBI,
	.alibi_max = 8,
	.act = FC_ACT_GELU,
	.qkv = FC_QKV_STACKED,
	.tied = true},
    .keys = {.n_embd = "d_model",
	.n_layer = "n_layers",
	.n_head = "n_heads",
	.n_head_kv = "n_heads",
	.n_ctx = "max_seq_len",
	.norm_eps = "layer_norm_epsilon"},
    .n_ff_by_embd = 4,
    .tensor = tensors,
    .read = read_mpt,
    .trains = true,
};
