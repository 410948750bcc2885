/* SPDX-License-Identifier: Apache-2.0 */
#include "model/family.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static const struct fc_family *const families[] = {&fc_family_llama, &fc_family_mistral,
    &fc_family_mixtral, &fc_family_qwen2, &fc_family_qwen3, &fc_family_gemma, &fc_family_gemma2,
    &fc_family_gemma3, &fc_family_phi3, &fc_family_internlm2, &fc_family_gpt2, &fc_family_gpt_neox,
    &fc_family_mpt, &fc_family_qwen3_moe, &fc_family_granite, &fc_family_smollm3, &fc_family_olmo2,
    &fc_family_olmo3, &fc_family_ministral, &fc_family_ministral3, &fc_family_cohere,
    &fc_family_cohere2, &fc_family_glm, &fc_family_glm4, &fc_family_gpt_oss, &fc_family_deepseek_v2,
    &fc_family_deepseek_v3, &fc_family_kimi_k2};

/* What models that people have do that is not here, for the refusal.  Of a model with images, type
 * may be that of the whole or, with "_text" behind it, of the part. */
static const struct {
	const char *type, *what;
} unknown[] = {
    {"deepseek_v32", "attention to chosen tokens"},
    {"bamba", "state instead of attention"},
    {"dots1", "shared experts, groups of experts"},
    {"ernie4_5_moe", "shared experts"},
    {"exaone4", "layers without rotation beside norms of its own kind"},
    {"exaone_moe", "shared experts"},
    {"falcon_h1", "state instead of attention"},
    {"gemma3n", "per-layer embeddings, AltUp"},
    {"gemma4", "per-layer embeddings"},
    {"glm4_moe", "shared experts, groups of experts"},
    {"glm_moe_dsa", "attention to chosen tokens"},
    {"granitemoe", "experts in one tensor"},
    {"granitemoehybrid", "state instead of attention"},
    {"hunyuan_v1_moe", "shared experts"},
    {"jamba", "state instead of attention"},
    {"kimi_linear", "state instead of attention"},
    {"llama4", "shared experts, attention in chunks"},
    {"lfm2", "convolutions instead of attention"},
    {"mamba", "state instead of attention"},
    {"mamba2", "state instead of attention"},
    {"minimax", "state instead of attention"},
    {"nemotron_h", "state instead of attention"},
    {"olmoe", "weights of experts that are not renormalised"},
    {"phimoe", "routing by sparsemixer"},
    {"qwen2_moe", "shared experts"},
    {"qwen3_5", "state instead of attention"},
    {"qwen3_5_moe", "state instead of attention, shared experts"},
    {"qwen3_next", "state instead of attention, shared experts"},
    {"rwkv", "state instead of attention"},
    {"zamba2", "state instead of attention"},
};

static const char *what_is_missing(const char *type)
{
	for (size_t i = 0; i < FC_LEN(unknown); i++) {
		const size_t n = strlen(unknown[i].type);
		if (!strncmp(type, unknown[i].type, n) && (!type[n] || !strcmp(type + n, "_text")))
			return unknown[i].what;
	}
	return NULL;
}

const struct fc_family *fc_family_find(const char *type, const char *where, struct fc_err *e)
{
	struct fc_buf known = FC_BUF_INIT;
	for (size_t i = 0; i < FC_LEN(families); i++) {
		if (!strcmp(type, families[i]->type)) {
			fc_buf_release(&known);
			return families[i];
		}
		fc_buf_addf(&known, "%s%s", i ? ", " : "", families[i]->type);
	}
	char *list = fc_buf_detach(&known);
	const char *what = what_is_missing(type);
	fc_fail(e, "%s: model_type \"%s\" is not supported%s%s (%s are)", where, type,
	    what ? ": it has " : "", what ? what : "", list);
	free(list);
	return NULL;
}

const char *const *fc_family_prefixes(const struct fc_family *f)
{
	static const char *const defaults[][3] = {
	    {"model.", "", NULL}, {"transformer.", "", NULL}, {"gpt_neox.", "", NULL}};
	static const char *const none[] = {NULL};
	if (f->prefixes)
		return f->prefixes;
	/* the first tensor of a declaration is the embedding */
	for (size_t i = 0; i < FC_LEN(defaults); i++)
		if (!strncmp(f->tensor[0].name, defaults[i][0], strlen(defaults[i][0])))
			return defaults[i];
	return none;
}
