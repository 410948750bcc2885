/* SPDX-License-Identifier: Apache-2.0 */
/* DeepSeek-V2 and V3 (also R1, Moonlight, Kimi K2): keys and values made of latents
 * (block_latent.c), experts beside a network for all tokens, the first layers without experts. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/family.h"

enum { MAX_EXPERT = 512, MAX_WIDTH = 1 << 20, MAX_PART = 1024 };

static const struct fc_family_tensor tensors[] = {
    {FC_TENSOR_EMBED, "model.embed_tokens.weight"},
    {FC_TENSOR_ATTN_NORM, "model.layers.*.input_layernorm.weight"},
    {FC_TENSOR_Q, "model.layers.*.self_attn.q_proj.weight"},
    {FC_TENSOR_Q_DOWN, "model.layers.*.self_attn.q_a_proj.weight"},
    {FC_TENSOR_Q_LATENT_NORM, "model.layers.*.self_attn.q_a_layernorm.weight"},
    {FC_TENSOR_Q_UP, "model.layers.*.self_attn.q_b_proj.weight"},
    {FC_TENSOR_KV_DOWN, "model.layers.*.self_attn.kv_a_proj_with_mqa.weight"},
    {FC_TENSOR_KV_LATENT_NORM, "model.layers.*.self_attn.kv_a_layernorm.weight"},
    {FC_TENSOR_KV_UP, "model.layers.*.self_attn.kv_b_proj.weight"},
    {FC_TENSOR_O, "model.layers.*.self_attn.o_proj.weight"},
    {FC_TENSOR_FFN_NORM, "model.layers.*.post_attention_layernorm.weight"},
    {FC_TENSOR_DENSE_GATE, "model.layers.*.mlp.gate_proj.weight"},
    {FC_TENSOR_DENSE_UP, "model.layers.*.mlp.up_proj.weight"},
    {FC_TENSOR_DENSE_DOWN, "model.layers.*.mlp.down_proj.weight"},
    {FC_TENSOR_ROUTER, "model.layers.*.mlp.gate.weight"},
    {FC_TENSOR_ROUTER_CHOICE, "model.layers.*.mlp.gate.e_score_correction_bias"},
    {FC_TENSOR_EXPERT_GATE, "model.layers.*.mlp.experts.*.gate_proj.weight"},
    {FC_TENSOR_EXPERT_UP, "model.layers.*.mlp.experts.*.up_proj.weight"},
    {FC_TENSOR_EXPERT_DOWN, "model.layers.*.mlp.experts.*.down_proj.weight"},
    {FC_TENSOR_SHARED_GATE, "model.layers.*.mlp.shared_experts.gate_proj.weight"},
    {FC_TENSOR_SHARED_UP, "model.layers.*.mlp.shared_experts.up_proj.weight"},
    {FC_TENSOR_SHARED_DOWN, "model.layers.*.mlp.shared_experts.down_proj.weight"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

/* The text that a member has, or none; any other is refused. */
static int expect_text(
    const struct fc_fields *s, const char *key, const char *const *words, const char **out)
{
	if (fc_json_str(s->o, key, words[0], out, s->where, s->e) < 0)
		return -1;
	for (; *words; words++)
		if (!strcmp(*out, *words))
			return 0;
	return fc_fail(s->e, "%s: %s \"%s\" is not supported", s->where, key, *out);
}

/* With yarn the scores grow by the square of what mscale_all_dim says (yarn_apply_mscale() of
 * transformers, modeling_deepseek_v2.py). */
static int read_score_scale(struct fc_config *c, const struct fc_fields *s)
{
	const char *key = fc_fields_has(s, "rope_parameters") ? "rope_parameters" : "rope_scaling";
	const json_t *rope = json_object_get(s->o, key);
	double all_dim = 0, grown = 1;
	if (c->rope.scaling != FC_ROPE_PLAIN &&
	    fc_json_real(rope, "mscale_all_dim", 0, &all_dim, s->where, s->e) < 0)
		return -1;
	if (all_dim > 0 && c->rope.factor > 1)
		grown = 0.1 * all_dim * log(c->rope.factor) + 1;
	c->query_scale = (double)c->head_dim / pow(grown, 4);
	return 0;
}

/* head_dim is, so far, that of the part that rotates. */
static int read_latents(struct fc_config *c, const struct fc_fields *s)
{
	size_t plain;
	c->head_rotary = c->head_dim;
	if (fc_fields_size(s, "kv_lora_rank", 512, MAX_WIDTH, &c->n_latent) < 0 ||
	    fc_fields_size(s, "qk_nope_head_dim", 128, MAX_PART, &plain) < 0 ||
	    fc_fields_size(s, "v_head_dim", 128, MAX_PART, &c->head_value) < 0)
		return -1;
	const json_t *query = json_object_get(s->o, "q_lora_rank"); /* null: none */
	c->latent_q = !query || !json_is_null(query);
	if (c->latent_q &&
	    fc_fields_size(s, "q_lora_rank", 1536, MAX_WIDTH, &c->n_query_latent) < 0)
		return -1;
	c->head_dim = plain + c->head_rotary;
	if (c->head_dim > MAX_PART || c->head_value > c->head_dim)
		return fc_fail(s->e,
		    "%s: heads of %zu and %zu components with values of %zu are not supported",
		    s->where, plain, c->head_rotary, c->head_value);
	if (c->n_head_kv != c->n_head)
		return fc_fail(s->e, "%s: num_key_value_heads %zu of %zu heads is not supported",
		    s->where, c->n_head_kv, c->n_head);
	return read_score_scale(c, s);
}

static int read_experts(struct fc_config *c, const struct fc_fields *s, int64_t n_expert,
    int64_t n_shared, int64_t n_dense)
{
	size_t shared, turn;
	c->n_ff_dense = c->n_ff;
	if (fc_fields_natural(s, "n_routed_experts", n_expert, 1, MAX_EXPERT, &c->n_expert) < 0 ||
	    fc_fields_natural(s, "num_experts_per_tok", 8, 1, MAX_EXPERT, &c->n_expert_used) < 0 ||
	    fc_fields_size(s, "moe_intermediate_size", 0, MAX_WIDTH, &c->n_ff) < 0 ||
	    fc_fields_natural(s, "n_shared_experts", n_shared, 0, MAX_EXPERT, &shared) < 0 ||
	    fc_fields_natural(s, "first_k_dense_replace", n_dense, 0, INT32_MAX, &c->n_dense) < 0 ||
	    fc_fields_natural(s, "moe_layer_freq", 1, 0, INT32_MAX, &turn) < 0)
		return -1;
	if (turn != 1)
		return fc_fail(s->e, "%s: moe_layer_freq other than 1 is not supported", s->where);
	if (c->n_expert_used > c->n_expert)
		return fc_fail(s->e, "%s: num_experts_per_tok: %zu of %zu experts", s->where,
		    c->n_expert_used, c->n_expert);
	c->n_ff_shared = shared * c->n_ff;
	return 0;
}

/* n, used: where config.json does not say; best: how many scores a group's is the sum of. */
static int read_groups(
    struct fc_config *c, const struct fc_fields *s, int64_t n, int64_t used, size_t best)
{
	struct fc_router *r = &c->router;
	if (fc_fields_natural(s, "n_group", n, 1, FC_ROUTER_GROUPS, &r->n_group) < 0 ||
	    fc_fields_natural(s, "topk_group", used, 1, FC_ROUTER_GROUPS, &r->n_group_used) < 0)
		return -1;
	r->n_group_best = best;
	if (r->n_group == 1)
		r->n_group = 0; /* all experts are in it */
	else if (c->n_expert % r->n_group || c->n_expert / r->n_group < best ||
	    r->n_group_used > r->n_group ||
	    c->n_expert_used > r->n_group_used * (c->n_expert / r->n_group))
		return fc_fail(s->e, "%s: %zu of %zu experts in %zu of %zu groups", s->where,
		    c->n_expert_used, c->n_expert, r->n_group_used, r->n_group);
	return 0;
}

/* What no published model has. */
static int refuse_others(const struct fc_fields *s)
{
	if (fc_fields_refuse(s, "attention_bias") < 0 || fc_fields_refuse(s, "mlp_bias") < 0)
		return -1;
	return 0;
}

static int read_scale(struct fc_config *c, const struct fc_fields *s, double scale)
{
	if (fc_fields_positive(s, "routed_scaling_factor", &scale) < 0)
		return -1;
	c->router.scale = (float)scale;
	return 0;
}

static int read_deepseek_v2(struct fc_config *c, const struct fc_fields *s)
{
	static const char *const methods[] = {"greedy", "group_limited_greedy", NULL};
	static const char *const scores[] = {"softmax", NULL};
	const char *method, *score;
	if (read_latents(c, s) < 0 || read_experts(c, s, 64, 2, 0) < 0 || read_scale(c, s, 1) < 0 ||
	    expect_text(s, "topk_method", methods, &method) < 0 ||
	    expect_text(s, "scoring_func", scores, &score) < 0 ||
	    fc_fields_refuse(s, "norm_topk_prob") < 0 || refuse_others(s) < 0)
		return -1;
	c->router.score = FC_ROUTER_SOFTMAX;
	return !strcmp(method, "greedy") ? 0 : read_groups(c, s, 1, 1, 1);
}

static int read_deepseek_v3(struct fc_config *c, const struct fc_fields *s)
{
	static const char *const methods[] = {"noaux_tc", NULL};
	static const char *const scores[] = {"sigmoid", NULL};
	const char *text;
	bool neighbours = true;
	c->router.score = FC_ROUTER_SIGMOID;
	c->router.normalised = true;
	c->choice_bias = true;
	if (read_latents(c, s) < 0 || read_experts(c, s, 256, 1, 3) < 0 ||
	    read_scale(c, s, 2.5) < 0 || expect_text(s, "topk_method", methods, &text) < 0 ||
	    expect_text(s, "scoring_func", scores, &text) < 0 ||
	    fc_fields_flag(s, "norm_topk_prob", &c->router.normalised) < 0 ||
	    fc_fields_flag(s, "rope_interleave", &neighbours) < 0 ||
	    fc_fields_natural(s, "num_nextn_predict_layers", 1, 0, 1000, &c->n_extra_layer) < 0 ||
	    refuse_others(s) < 0)
		return -1;
	c->rope.interleaved = neighbours;
	return read_groups(c, s, 8, 4, 2);
}

#define DEEPSEEK(TYPE, ARCHITECTURE, N_CTX, READ)                                                  \
	{                                                                                          \
		.type = TYPE, .architecture = ARCHITECTURE,                                        \
		.preset = {.n_ctx = N_CTX,                                                         \
		    .head_dim = 64,                                                                \
		    .norm_eps = 1e-6f,                                                             \
		    .rope = {.theta = 1e4, .interleaved = true},                                   \
		    .gated = true},                                                                \
		.keys = {.head_dim = "qk_rope_head_dim"}, .tensor = tensors, .read = READ          \
	}

const struct fc_family fc_family_deepseek_v2 =
    DEEPSEEK("deepseek_v2", "DeepseekV2ForCausalLM", 2048, read_deepseek_v2);
const struct fc_family fc_family_deepseek_v3 =
    DEEPSEEK("deepseek_v3", "DeepseekV3ForCausalLM", 4096, read_deepseek_v3);
/* What Kimi K2's config.json calls a DeepSeek-V3. */
const struct fc_family fc_family_kimi_k2 =
    DEEPSEEK("kimi_k2", "DeepseekV3ForCausalLM", 4096, read_deepseek_v3);
