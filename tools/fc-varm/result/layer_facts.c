/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/layer_facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define KINDS "layer_types"
#define NO_ROPE "no_rope_layers"
#define DENSE "mlp_only_layers"
#define DENSE_LIST                                                                                 \
	"(dense)" /* while layers move: a truth a layer in place of numbers of layers              \
		   */

json_t *varm_layer_facts_part(json_t *config, const char **count_key)
{
	static const char *const keys[] = {
	    "num_hidden_layers", "n_layer", "num_layers", "n_layers"};
	json_t *parts[] = {config, json_object_get(config, "text_config")};
	for (size_t k = 0; k < FC_LEN(parts); k++) {
		for (size_t i = 0; i < FC_LEN(keys); i++) {
			if (!json_is_integer(json_object_get(parts[k], keys[i])))
				continue;
			*count_key = keys[i];
			return parts[k];
		}
	}
	return NULL;
}

/* Rules by a layer's number that are not turned into lists; 0, 1, false, null and an empty list
 * mean that there is none. */
static const char *const foreign_rules[] = {"scale_attn_by_inverse_layer_idx",
    "first_k_dense_replace", "moe_layer_freq", "moe_layer_interval", "moe_layer_start_index",
    "moe_layer_end_index", "moe_layers", "attn_layer_period", "attn_layer_offset",
    "expert_layer_period", "expert_layer_offset", "interleave_moe_layer_step",
    "cross_attention_layers", "hybrid_override_pattern", "attention_types",
    "global_attn_every_n_layers", "num_kv_shared_layers", "num_nextn_predict_layers",
    "full_attn_idxs", "cla_share_factor", "layer_group_size", "block_types"};

static bool is_neutral(const json_t *v)
{
	return !v || json_is_null(v) || json_is_false(v) ||
	    (json_is_integer(v) && json_integer_value(v) <= 1) ||
	    (json_is_array(v) && !json_array_size(v));
}

static int refuse(const char *where, const char *key, const char *why, struct fc_err *e)
{
	return fc_fail(e, "%s: \"%s\" %s: layers can't be sliced", where, key, why);
}

static int check_foreign(const json_t *part, int n_layer, const char *where, struct fc_err *e)
{
	for (size_t i = 0; i < FC_LEN(foreign_rules); i++) {
		const json_t *v = json_object_get(part, foreign_rules[i]);
		if (!is_neutral(v) && !varm_layer_facts_is_list(foreign_rules[i], v, n_layer))
			return refuse(where, foreign_rules[i],
			    "goes by the numbers of layers, in a way that is not known here", e);
	}
	return 0;
}

bool varm_layer_facts_is_list(const char *key, const json_t *value, int n_layer)
{
	static const char *const others[] = {DENSE, "architectures", "keys_to_ignore_at_inference",
	    "suppress_tokens", "begin_suppress_tokens", "moe_layers"};
	for (size_t i = 0; i < FC_LEN(others); i++)
		if (!strcmp(key, others[i]))
			return false;
	return json_is_array(value) && json_array_size(value) == (size_t)n_layer &&
	    !strstr(key, "token_id");
}

/* Which layers of a family slide, where the configuration does not list them; as in Transformers
 * 5.24. */
enum window {
	ALIKE,  /* all, or none */
	TURNS,  /* all but every turn-th */
	UPPER,  /* from max_window_layers on, with use_sliding_window */
	NOPE,   /* those without rotation, with use_sliding_window */
	UNSURE, /* with use_sliding_window, but versions of Transformers disagree */
};
static const struct family_rule {
	const char *type;
	enum window window;
	int turn;
	bool pattern; /* sliding_window_pattern says otherwise */
} rules[] = {
    {"cohere2", TURNS, 4, true},
    {"exaone4", TURNS, 4, true},
    {"gemma2", TURNS, 2, false},
    {"gemma3_text", TURNS, 6, true},
    {"gpt_oss", TURNS, 2, false},
    {"ministral", ALIKE, 0, false},
    {"mistral", ALIKE, 0, false},
    {"mixtral", ALIKE, 0, false},
    {"olmo3", TURNS, 4, false},
    {"phi3", ALIKE, 0, false},
    {"qwen2", UPPER, 0, false},
    {"qwen2_moe", UNSURE, 0, false},
    {"qwen3", UPPER, 0, false},
    {"qwen3_moe", ALIKE, 0, false},
    {"smollm3", NOPE, 0, false},
    {"starcoder2", ALIKE, 0, false},
};

static const struct family_rule *find_rule(const json_t *part)
{
	const char *type = json_string_value(json_object_get(part, "model_type"));
	for (size_t i = 0; type && i < FC_LEN(rules); i++)
		if (!strcmp(rules[i].type, type))
			return &rules[i];
	return NULL;
}

static bool is_null(const json_t *part, const char *key)
{
	const json_t *v = json_object_get(part, key);
	return !v || json_is_null(v);
}

/* Every how many layers one is not like the others. */
static int read_turn(const json_t *part, const char *key, int def, const char *where, int64_t *turn,
    struct fc_err *e)
{
	if (fc_json_int(part, key, def, turn, where, e) < 0)
		return -1;
	return *turn > 0 ? 0 : fc_fail(e, "%s: %s: expected a number above 0", where, key);
}

static void set_kinds(json_t *part, const bool *slides, int n_layer)
{
	json_t *kinds = json_array();
	for (int i = 0; i < n_layer; i++)
		json_array_append_new(
		    kinds, json_string(slides[i] ? "sliding_attention" : "full_attention"));
	json_object_set_new(part, KINDS, kinds);
}

/* What a rule needs besides the layer's number. */
struct numbers {
	int64_t turn, first;
	bool used; /* use_sliding_window */
};

static int read_numbers(const json_t *part, const struct family_rule *r, const char *where,
    struct numbers *n, struct fc_err *e)
{
	const char *key = "sliding_window_pattern";
	*n = (struct numbers){.turn = r->turn};
	if (r->window == TURNS && !r->pattern && !is_null(part, key))
		return refuse(where, key, "is not the family's", e);
	if ((r->window == TURNS && r->pattern &&
		read_turn(part, key, r->turn, where, &n->turn, e) < 0) ||
	    fc_json_bool(part, "use_sliding_window", false, &n->used, where, e) < 0 ||
	    fc_json_int(part, "max_window_layers", 28, &n->first, where, e) < 0)
		return -1;
	return 0;
}

static bool is_sliding(
    const json_t *part, const struct family_rule *r, const struct numbers *n, int layer)
{
	if (r->window == TURNS)
		return (layer + 1) % n->turn != 0;
	if (r->window == UPPER)
		return layer >= n->first;
	const json_t *rotates = json_array_get(json_object_get(part, NO_ROPE), (size_t)layer);
	return json_integer_value(rotates) == 0;
}

/* "layer_types" from the family's rule, where it has one and layers differ by it. */
static int complete_kinds(json_t *part, int n_layer, const char *where, struct fc_err *e)
{
	const struct family_rule *r = find_rule(part);
	const json_t *window = json_object_get(part, "sliding_window");
	struct numbers n;
	if (!is_null(part, KINDS) || (r && r->window == ALIKE))
		return 0;
	if (!r && (!is_neutral(window) || !is_null(part, "sliding_window_pattern")) &&
	    !json_is_false(json_object_get(part, "use_sliding_window")))
		return refuse(where,
		    is_null(part, "sliding_window_pattern") ? "sliding_window"
							    : "sliding_window_pattern",
		    "holds for layers that are not known for this family without \"" KINDS "\"", e);
	if (!r && !is_null(part, "full_attention_interval"))
		return refuse(where, "full_attention_interval", "stands without \"" KINDS "\"", e);
	if (!r)
		return 0;
	if (read_numbers(part, r, where, &n, e) < 0)
		return -1;
	/* Gemma 3's layers differ by their rotation too. */
	bool none = window && json_is_null(window) && strcmp(r->type, "gemma3_text") != 0;
	if (none || (r->window != TURNS && !n.used))
		return 0;
	if (r->window == UNSURE)
		return refuse(where, "use_sliding_window", "stands without \"" KINDS "\"", e);
	bool *slides = FC_ARRAY(bool, (size_t)n_layer + 1);
	for (int i = 0; i < n_layer; i++)
		slides[i] = is_sliding(part, r, &n, i);
	set_kinds(part, slides, n_layer);
	free(slides);
	return 0;
}

/* "no_rope_layers", in which 1 stands for a layer that rotates: SmolLM3 leaves out every fourth. */
static int complete_no_rope(json_t *part, int n_layer, const char *where, struct fc_err *e)
{
	const struct family_rule *r = find_rule(part);
	int64_t turn;
	if (!is_null(part, NO_ROPE) && json_array_size(json_object_get(part, NO_ROPE)))
		return 0;
	if (!r || r->window != NOPE)
		return is_null(part, "no_rope_layer_interval")
		    ? 0
		    : refuse(where, "no_rope_layer_interval", "stands without \"" NO_ROPE "\"", e);
	if (read_turn(part, "no_rope_layer_interval", 4, where, &turn, e) < 0)
		return -1;
	json_t *list = json_array();
	for (int i = 0; i < n_layer; i++)
		json_array_append_new(list, json_integer((i + 1) % turn != 0));
	return json_object_set_new(part, NO_ROPE, list);
}

/* "mlp_only_layers" lists layers without experts by number, and all are such that
 * decoder_sparse_step passes over; here for the while a truth a layer. */
static int complete_dense(json_t *part, int n_layer, const char *where, struct fc_err *e)
{
	const json_t *dense = json_object_get(part, DENSE), *v;
	int64_t step;
	size_t k;
	if (is_null(part, "decoder_sparse_step") && is_null(part, DENSE))
		return 0;
	if (read_turn(part, "decoder_sparse_step", 1, where, &step, e) < 0)
		return -1;
	json_t *list = json_array();
	for (int i = 0; i < n_layer; i++) {
		bool is_dense = (i + 1) % step != 0;
		json_array_foreach(dense, k, v) is_dense = is_dense || json_integer_value(v) == i;
		json_array_append_new(list, json_boolean(is_dense));
	}
	json_object_set_new(part, "decoder_sparse_step", json_integer(1));
	return json_object_set_new(part, DENSE_LIST, list);
}

int varm_layer_facts_complete(json_t *part, int n_layer, const char *where, struct fc_err *e)
{
	if (check_foreign(part, n_layer, where, e) < 0 ||
	    complete_no_rope(part, n_layer, where, e) < 0)
		return -1;
	return complete_kinds(part, n_layer, where, e) < 0
	    ? -1
	    : complete_dense(part, n_layer, where, e);
}

/* Whether the kinds are those that "all but every turn-th layer slides" gives. */
static bool has_turn(const json_t *kinds, json_int_t turn)
{
	const json_t *v;
	size_t i;
	json_array_foreach(kinds, i, v)
	{
		const char *kind = json_string_value(v);
		bool slides = kind && !strcmp(kind, "sliding_attention");
		if (turn < 1 || slides != ((json_int_t)(i + 1) % turn != 0))
			return false;
	}
	return true;
}

/* The layer from which on all slide and before which none does; -1: there is no such layer. */
static int first_sliding(const json_t *kinds)
{
	const json_t *v;
	size_t i, first = json_array_size(kinds);
	json_array_foreach(kinds, i, v)
	{
		const char *kind = json_string_value(v);
		bool slides = kind && !strcmp(kind, "sliding_attention");
		if (slides && i < first)
			first = i;
		if (!slides && i > first)
			return -1;
	}
	return (int)first;
}

void varm_layer_facts_finish(json_t *part)
{
	static const char *const turns[] = {"sliding_window_pattern", "_sliding_window_pattern"};
	const json_t *kinds = json_object_get(part, KINDS), *v;
	json_t *dense = json_object_get(part, DENSE_LIST);
	size_t i;
	for (size_t k = 0; k < FC_LEN(turns) && json_is_array(kinds); k++)
		if (!has_turn(kinds, json_integer_value(json_object_get(part, turns[k]))))
			json_object_del(part, turns[k]);
	if (json_is_array(kinds) && !is_null(part, "max_window_layers") &&
	    first_sliding(kinds) >= 0)
		json_object_set_new(part, "max_window_layers", json_integer(first_sliding(kinds)));
	if (json_is_array(json_object_get(part, NO_ROPE)))
		json_object_del(part, "no_rope_layer_interval");
	if (!dense)
		return;
	json_t *numbers = json_array();
	json_array_foreach(dense, i, v) if (json_is_true(v))
	    json_array_append_new(numbers, json_integer((json_int_t)i));
	json_object_set_new(part, DENSE, numbers);
	json_object_del(part, DENSE_LIST);
}
