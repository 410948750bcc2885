/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of adapter_config.json are those of LoraConfig and PeftConfig in PEFT 0.21, and two
 * of PEFT's first versions.
 */
#include "store/adapter_config.h"

#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"

#define PATTERN_MAX 1000 /* bytes */
#define VALUE_TEXT 80    /* bytes of a refused value that a message shows */

enum rule {
	ANY, /* says where the adapter is from, how it was trained or which modules it is for, which
	      * its tensors tell too; or it is read where it is needed */
	OFF, /* null, false or empty: what it asks for is not done here */
	OWN, /* has a check of its own */
};

static const struct {
	const char *key;
	enum rule rule;
} members[] = {
    {"alora_invocation_tokens", OFF},              /* the adapter counts for a part of the tokens */
    {"alpha_pattern", ANY}, {"arrow_config", OFF}, /* a router chooses among adapters */
    {"auto_mapping", ANY}, {"base_model_name_or_path", ANY},
    {"bias", ANY},         /* biases are in the file, whole */
    {"corda_config", ANY}, /* the configs of starts: init_lora_weights says which counts */
    {"enable_lora", OFF}, {"ensure_weight_tying", OWN}, {"eva_config", ANY},
    {"exclude_modules", ANY}, {"fan_in_fan_out", OWN}, {"inference_mode", ANY},
    {"init_lora_weights", OWN},
    {"kasa_config", OFF}, /* takes singular values out of the model's weights */
    {"layer_replication", OFF}, {"layers_pattern", ANY}, {"layers_to_transform", ANY},
    {"loftq_config", ANY}, {"lora_alpha", ANY}, {"lora_bias", OFF}, {"lora_dropout", ANY},
    {"lora_ga_config", ANY}, {"megatron_config", OFF}, {"megatron_core", ANY},
    {"merge_weights", ANY}, {"modules_to_save", ANY},
    {"monteclora_config", OFF}, /* samples its factors */
    {"peft_type", OWN}, {"peft_version", ANY}, {"qalora_group_size", ANY}, {"r", ANY},
    {"rank_pattern", ANY}, {"revision", ANY}, {"runtime_config", ANY}, {"target_modules", ANY},
    {"target_parameters", OFF}, {"task_type", ANY}, {"trainable_token_indices", OFF},
    {"use_bdlora", OFF},                         /* factors in blocks along the diagonal */
    {"use_dora", OWN}, {"use_qalora", OFF},      /* pools the inputs */
    {"use_rslora", OWN}, {"velora_config", ANY}, /* compresses activations for the gradient alone */
};

/* Starts of training that leave the model's weights as they are. */
static const char *const plain_starts[] = {"gaussian", "orthogonal", "eva", "mica"};

static bool is_off(const json_t *v)
{
	return json_is_null(v) || json_is_false(v) || (json_is_array(v) && !json_array_size(v)) ||
	    (json_is_object(v) && !json_object_size(v));
}

static int refuse(const struct fc_adapter_config *c, const char *key, const json_t *v,
    const char *why, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_json_dump(&b, v);
	fc_fail(e, "%s: \"%.64s\": %.*s%s %s", c->path, key, VALUE_TEXT, b.p ? b.p : "",
	    b.n > VALUE_TEXT ? "..." : "", why);
	fc_buf_release(&b);
	return -1;
}

static int check_member(
    const struct fc_adapter_config *c, const char *key, const json_t *v, struct fc_err *e)
{
	for (size_t i = 0; i < FC_LEN(members); i++) {
		if (strcmp(members[i].key, key) != 0)
			continue;
		if (members[i].rule == OFF && !is_off(v))
			return refuse(c, key, v, "is not done here; merge it with PEFT", e);
		return 0;
	}
	if (!is_off(v))
		return refuse(c, key, v,
		    "is not known: whether it changes the result can't be told; merge it with PEFT",
		    e);
	fc_warn("%s: \"%.64s\" is not known; it is taken to be off", c->path, key);
	return 0;
}

/*
 * PEFT takes some starts out of the model's weights when an adapter is loaded.  OLoRA's is made
 * again here.  Those by data (CorDA, LoRA-GA), random iterations (PiSSA's "_niter_") or rounding
 * (LoftQ) can't be; PiSSA's plain one would take a singular value decomposition of every tensor.
 */
static int read_start(struct fc_adapter_config *c, struct fc_err *e)
{
	const json_t *v = json_object_get(c->json, "init_lora_weights");
	const char *name = json_string_value(v);
	if (!v || is_off(v) || json_is_true(v))
		return 0;
	for (size_t i = 0; name && i < FC_LEN(plain_starts); i++)
		if (!strcmp(name, plain_starts[i]))
			return 0;
	c->olora = name && !strcasecmp(name, "olora");
	if (c->olora)
		return 0;
	return refuse(c, "init_lora_weights", v,
	    "takes a part out of the model's weights before training, which is not done here; "
	    "merge it with PEFT, or convert it: load it with PEFT and save it with "
	    "save_pretrained(..., path_initial_model_for_weight_conversion=FOLDER), FOLDER "
	    "holding the adapter as it was before training",
	    e);
}

static int read_flags(struct fc_adapter_config *c, struct fc_err *e)
{
	const struct {
		const char *key;
		bool *to;
	} flags[] = {{"fan_in_fan_out", &c->fan_in_fan_out}, {"use_rslora", &c->root},
	    {"use_dora", &c->dora}, {"ensure_weight_tying", &c->tie}};
	for (size_t i = 0; i < FC_LEN(flags); i++)
		if (fc_json_bool(c->json, flags[i].key, false, flags[i].to, c->path, e) < 0)
			return -1;
	return 0;
}

int fc_adapter_config_read(struct fc_adapter_config *c, const char *folder, struct fc_err *e)
{
	const char *type, *key;
	json_t *v;
	*c = (struct fc_adapter_config){.path = fc_path_join(folder, "adapter_config.json")};
	c->json = fc_json_file(c->path, e);
	if (!c->json)
		return -1;
	if (!json_is_object(c->json))
		return fc_fail(e, "%s: not a JSON object", c->path);
	if (fc_json_str(c->json, "peft_type", "LORA", &type, c->path, e) < 0)
		return -1;
	if (strcmp(type, "LORA") != 0)
		return fc_fail(e, "%s: an adapter of type %.32s; only LORA is read", c->path, type);
	json_object_foreach(c->json, key, v) if (check_member(c, key, v, e) < 0) return -1;
	return read_start(c, e) < 0 ? -1 : read_flags(c, e);
}

void fc_adapter_config_release(struct fc_adapter_config *c)
{
	json_decref(c->json);
	free(c->path);
}

/* Whether the text means the same to Python's re, which PEFT asks, and to POSIX: classes such as
 * \d, groups with (?, lazy and possessive quantifiers are Python's alone.  Counts in braces and
 * long patterns, which can cost the compiler of patterns any amount of memory, are left out too. */
static bool is_common_syntax(const char *p)
{
	bool in_set = false;
	if (strlen(p) > PATTERN_MAX)
		return false;
	for (char before = 0; *p; before = *p++) {
		if (*p == '\\' && (in_set || !p[1] || !strchr(".+*?()[]{}|^$/-_ ", p[1])))
			return false;
		if (*p == '\\') {
			p++;
			continue;
		}
		if (in_set && *p == '[' && p[1] && strchr(":.=", p[1]))
			return false;
		if (!in_set && *p == '{')
			return false;
		if (!in_set && strchr("?+", *p) && before && strchr("(*+?}", before))
			return false;
		in_set = in_set ? *p != ']' : *p == '[';
	}
	return true;
}

/* Whether PEFT takes the pattern for the module: it is the name or its end, after a dot. */
static int matches(
    const struct fc_adapter_config *c, const char *pattern, const char *module, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	regex_t re;
	if (!is_common_syntax(pattern))
		return fc_fail(e,
		    "%s: pattern '%.64s': only what Python and POSIX write alike is understood",
		    c->path, pattern);
	fc_buf_addf(&b, "^(.*\\.)?(%s)$", pattern);
	int bad = regcomp(&re, b.p, REG_EXTENDED | REG_NOSUB);
	fc_buf_release(&b);
	if (bad)
		return fc_fail(e, "%s: pattern '%.64s' is no regular expression", c->path, pattern);
	int found = !regexec(&re, module, 0, NULL, 0);
	regfree(&re);
	return found;
}

/* The number that the first pattern for the module gives, else *x stays. */
static int find_by_pattern(const struct fc_adapter_config *c, const char *member,
    const char *module, double *x, struct fc_err *e)
{
	json_t *patterns = json_object_get(c->json, member), *v;
	const char *key;
	if (patterns && !json_is_null(patterns) && !json_is_object(patterns))
		return fc_fail(e, "%s: %s: expected an object", c->path, member);
	json_object_foreach(patterns, key, v)
	{
		int found = matches(c, key, module, e);
		if (found < 0)
			return -1;
		if (!found)
			continue;
		if (!json_is_number(v))
			return fc_fail(
			    e, "%s: %s: '%.64s': expected a number", c->path, member, key);
		*x = json_number_value(v);
		return 0;
	}
	return 0;
}

int fc_adapter_config_scale(const struct fc_adapter_config *c, const char *module, int64_t rank,
    double *scale, struct fc_err *e)
{
	double alpha, r;
	if (fc_json_real(c->json, "lora_alpha", NAN, &alpha, c->path, e) < 0 ||
	    fc_json_real(c->json, "r", (double)rank, &r, c->path, e) < 0 ||
	    find_by_pattern(c, "alpha_pattern", module, &alpha, e) < 0 ||
	    find_by_pattern(c, "rank_pattern", module, &r, e) < 0)
		return -1;
	if (!isfinite(alpha))
		return fc_fail(e, "%s: no lora_alpha", c->path);
	if (r != (double)rank)
		return fc_fail(e,
		    "%s: the factors for %s have rank %lld, r and rank_pattern say %g", c->path,
		    module, (long long)rank, r);
	*scale = alpha / (c->root ? sqrt(r) : r);
	return 0;
}
