/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-convert/precut.h"

#include <string.h>

#include "base/mem.h"
#include "token/pretypes.h"

/* What GPT-2's ByteLevel cuts by when it says use_regex. */
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/* The patterns of a pre-tokenizer in order, a line each. */
static void add_patterns(const json_t *o, struct fc_buf *b)
{
	const char *type = json_string_value(json_object_get(o, "type"));
	const json_t *list = json_object_get(o, "pretokenizers");
	const json_t *pattern = json_object_get(o, "pattern");
	const char *regex = json_string_value(json_object_get(pattern, "Regex"));
	for (size_t i = 0; i < json_array_size(list); i++)
		add_patterns(json_array_get(list, i), b);
	if (!type)
		return;
	if (!strcmp(type, "Digits"))
		fc_buf_addf(b, "%s\n",
		    json_is_true(json_object_get(o, "individual_digits")) ? "\\p{N}" : "\\p{N}+");
	else if (!strcmp(type, "ByteLevel") && !json_is_false(json_object_get(o, "use_regex")))
		fc_buf_addf(b, "%s\n", GPT2);
	else if (!strcmp(type, "Split"))
		fc_buf_addf(b, "%s\n", regex ? regex : "?");
	else if (strcmp(type, "Sequence") && strcmp(type, "ByteLevel"))
		fc_buf_addf(b, "%s\n", type);
}

const char *convert_precut_name(const json_t *tokenizer, const char *where, struct fc_err *e)
{
	static const char *const names[] = {"gpt-2", "llama-bpe", "qwen2", "smollm", "tekken",
	    "gpt-4o", "falcon", "deepseek-llm", "deepseek-coder", "deepseek-v3", "dbrx", "default"};
	const bool whole =
	    json_is_true(json_object_get(json_object_get(tokenizer, "model"), "ignore_merges"));
	struct fc_buf is = FC_BUF_INIT, other = FC_BUF_INIT;
	const char *found = NULL;
	add_patterns(json_object_get(tokenizer, "pre_tokenizer"), &is);
	for (size_t i = 0; is.n && i < FC_LEN(names) && !found; i++) {
		struct fc_pretype p;
		if (fc_pretype_find(&p, names[i], strlen(names[i]), where, e) < 0)
			break;
		fc_buf_clear(&other);
		add_patterns(p.pretok, &other);
		if (other.n == is.n && !memcmp(other.p, is.p, is.n) && p.ignore_merges == whole)
			found = names[i];
		json_decref(p.pretok);
	}
	if (!found)
		fc_fail(e,
		    "%s: tokenizer.json cuts text in a way that GGUF has no name for that we know; "
		    "give one with --pre",
		    where);
	fc_buf_release(&is);
	fc_buf_release(&other);
	return found;
}
