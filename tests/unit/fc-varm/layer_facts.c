/* SPDX-License-Identifier: Apache-2.0 */
/* Rules by a layer's number as lists.  The kinds are those that Transformers 5.24's configurations
 * of seven layers have: AutoConfig.for_model(type, num_hidden_layers=7, ...).layer_types. */
#include "fc-varm/result/layer_facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "t.h"

enum { LAYERS = 7 };

static const struct {
	const char *config;
	const char *kinds; /* S slides, F is full; "": no list */
	const char *rotates;
} families[] = {
    {"{'model_type': 'gemma3_text'}", "SSSSSFS", ""},
    {"{'model_type': 'gemma3_text', 'sliding_window_pattern': 3}", "SSFSSFS", ""},
    {"{'model_type': 'gemma2'}", "SFSFSFS", ""},
    {"{'model_type': 'qwen2', 'use_sliding_window': true, 'max_window_layers': 3}", "FFFSSSS", ""},
    {"{'model_type': 'qwen3', 'use_sliding_window': true, 'max_window_layers': 2}", "FFSSSSS", ""},
    /* all are full there, which needs no list */
    {"{'model_type': 'qwen2', 'sliding_window': 4096, 'max_window_layers': 3}", "", ""},
    {"{'model_type': 'qwen2_moe', 'use_sliding_window': false, 'sliding_window': 9}", "", ""},
    {"{'model_type': 'cohere2', 'sliding_window_pattern': 2}", "SFSFSFS", ""},
    {"{'model_type': 'cohere2'}", "SSSFSSS", ""},
    {"{'model_type': 'smollm3'}", "", "1110111"},
    {"{'model_type': 'smollm3', 'no_rope_layer_interval': 2, 'use_sliding_window': true,"
     " 'sliding_window': 8}",
	"FSFSFSF", "1010101"},
    {"{'model_type': 'olmo3'}", "SSSFSSS", ""},
    {"{'model_type': 'exaone4', 'sliding_window_pattern': 2, 'sliding_window': 8}", "SFSFSFS", ""},
    {"{'model_type': 'gpt_oss'}", "SFSFSFS", ""},
    {"{'model_type': 'mistral', 'sliding_window': 8}", "", ""},
    {"{'model_type': 'granite'}", "", ""},
    {"{'model_type': 'gpt2', 'scale_attn_by_inverse_layer_idx': false}", "", ""},
};

/* Rules that are refused, and by which name. */
static const struct {
	const char *config, *name;
} refused[] = {
    {"{'model_type': 'new', 'sliding_window': 8}", "\"sliding_window\""},
    {"{'model_type': 'new', 'sliding_window_pattern': 2}", "\"sliding_window_pattern\""},
    {"{'model_type': 'gemma2', 'sliding_window_pattern': 3}", "\"sliding_window_pattern\""},
    {"{'model_type': 'gemma3_text', 'sliding_window_pattern': 0}", "sliding_window_pattern"},
    {"{'model_type': 'exaone4', 'sliding_window_pattern': 'LLLG'}", "sliding_window_pattern"},
    {"{'model_type': 'qwen2_moe', 'use_sliding_window': true}", "\"use_sliding_window\""},
    {"{'model_type': 'new', 'no_rope_layer_interval': 4}", "\"no_rope_layer_interval\""},
    {"{'model_type': 'new', 'full_attention_interval': 4}", "\"full_attention_interval\""},
    {"{'model_type': 'gpt2', 'scale_attn_by_inverse_layer_idx': true}",
	"\"scale_attn_by_inverse_layer_idx\""},
    {"{'model_type': 'deepseek_v3', 'first_k_dense_replace': 3}", "\"first_k_dense_replace\""},
};

static json_t *read_config(const char *quoted)
{
	char *text = fc_strdup(quoted);
	for (char *p = text; (p = strchr(p, '\''));)
		*p = '"';
	json_t *config = json_loads(text, 0, NULL);
	free(text);
	return config;
}

/* The list in letters: S and F, or 0 and 1. */
static const char *letters(const json_t *list, char *to)
{
	const json_t *v;
	size_t i;
	char *at = to;
	json_array_foreach(list, i, v)
	{
		const char *kind = json_string_value(v);
		if (!kind)
			*at++ = (char)('0' + json_integer_value(v));
		else
			*at++ = strcmp(kind, "sliding_attention") ? 'F' : 'S';
	}
	*at = 0;
	return to;
}

static void test_families(void)
{
	struct fc_err e;
	char kinds[LAYERS + 1], rotates[LAYERS + 1];
	for (size_t i = 0; i < FC_LEN(families); i++) {
		json_t *c = read_config(families[i].config);
		*e.msg = 0;
		int ret = varm_layer_facts_complete(c, LAYERS, "c", &e);
		letters(json_object_get(c, "layer_types"), kinds);
		letters(json_object_get(c, "no_rope_layers"), rotates);
		if (!T_OK(ret == 0 && !strcmp(kinds, families[i].kinds) &&
			    !strcmp(rotates, families[i].rotates),
			"%s", families[i].config))
			printf("# %s, %s %s\n", kinds, rotates, e.msg);
		json_decref(c);
	}
}

static void test_refusals(void)
{
	struct fc_err e;
	for (size_t i = 0; i < FC_LEN(refused); i++) {
		json_t *c = read_config(refused[i].config);
		int ret = varm_layer_facts_complete(c, LAYERS, "c", &e);
		if (!T_OK(ret < 0 && strstr(e.msg, refused[i].name), "refused: %s",
			refused[i].config))
			printf("# %s\n", ret < 0 ? e.msg : "taken");
		json_decref(c);
	}
}

/* Qwen3 MoE: a layer is dense where it is listed, and where (layer + 1) % step is not 0. */
static void test_dense(void)
{
	struct fc_err e;
	json_t *c = read_config("{'model_type': 'qwen3_moe', 'decoder_sparse_step': 2, "
				"'mlp_only_layers': [1]}");
	json_t *want = read_config("{'model_type': 'qwen3_moe', 'decoder_sparse_step': 1, "
				   "'mlp_only_layers': [0, 1, 2, 4, 6]}");
	T_OK(varm_layer_facts_complete(c, LAYERS, "c", &e) == 0, "dense layers as a list");
	varm_layer_facts_finish(c);
	T_OK(json_equal(c, want), "and back as numbers");
	json_decref(c);
	json_decref(want);
}

static void test_finish(void)
{
	json_t *c = read_config("{'layer_types': ['full_attention', 'sliding_attention'], "
				"'sliding_window_pattern': 2, 'max_window_layers': 7}");
	varm_layer_facts_finish(c);
	T_OK(!json_object_get(c, "sliding_window_pattern") &&
		json_integer_value(json_object_get(c, "max_window_layers")) == 1,
	    "rules that differ from the list go, one that can say the same does");
	json_decref(c);
	c = read_config("{'layer_types': ['sliding_attention', 'full_attention'], "
			"'sliding_window_pattern': 2}");
	varm_layer_facts_finish(c);
	T_OK(json_integer_value(json_object_get(c, "sliding_window_pattern")) == 2,
	    "a rule that says the same stays");
	json_decref(c);
}

int main(void)
{
	test_families();
	test_refusals();
	test_dense();
	test_finish();
	return t_done();
}
