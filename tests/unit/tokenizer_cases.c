/* SPDX-License-Identifier: Apache-2.0 */
/* Odd tokenizers against Hugging Face `tokenizers`: tests/data/tokenizer/cases.jsonl,
 * and folders against Transformers: side.jsonl there. */
#define _GNU_SOURCE /* mkdtemp */
#include "base/file.h"
#include "base/mem.h"
#include "t.h"
#include "text/jsonl.h"
#include "tokfixture.h"

static bool same_ids(const struct fc_tokens *t, const json_t *ids)
{
	bool same = t->n == json_array_size(ids);
	for (size_t i = 0; same && i < t->n; i++)
		same = t->v[i].id == json_integer_value(json_array_get(ids, i));
	return same;
}

/* Spans in order, as tokenizer.h promises. */
static bool in_order(const struct fc_tokens *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].end < t->v[i].start ||
		    (i && (t->v[i].start < t->v[i - 1].start || t->v[i].end < t->v[i - 1].end)))
			return false;
	return true;
}

static void show(const char *text, const struct fc_tokens *t, const json_t *ids)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_json_quote(&b, text, strlen(text));
	fc_buf_adds(&b, ": expected ");
	fc_json_dump(&b, ids);
	fc_buf_adds(&b, ", got");
	for (size_t i = 0; i < t->n; i++)
		fc_buf_addf(&b, " %u[%u,%u)", (unsigned)t->v[i].id, (unsigned)t->v[i].start,
		    (unsigned)t->v[i].end);
	printf("# %s\n", b.p);
	fc_buf_release(&b);
}

static int one_case(void *count, json_t *o, const char *where, struct fc_err *e)
{
	const char *what = json_string_value(json_object_get(o, "what"));
	const json_t *texts = json_object_get(o, "texts"), *ids = json_object_get(o, "ids");
	struct fc_buf b = FC_BUF_INIT;
	struct fc_tokens tokens = {0};
	size_t bad = 0;
	(void)where;
	fc_json_dump(&b, json_object_get(o, "tokenizer"));
	struct fc_tokenizer *t = fixture_open(b.p, b.n, NULL, e);
	T_OK(t, "%s: opens", what);
	for (size_t i = 0; t && i < json_array_size(texts); i++) {
		const json_t *text = json_array_get(texts, i), *want = json_array_get(ids, i);
		tokens.n = 0;
		if (fc_tokenizer_encode(t, json_string_value(text), json_string_length(text), NULL,
			0, &tokens, e) == 0 &&
		    same_ids(&tokens, want) && in_order(&tokens))
			continue;
		bad++;
		show(json_string_value(text), &tokens, want);
	}
	T_EQ(bad, 0, "texts with other ids");
	++*(int *)count;
	fc_tokens_release(&tokens);
	fc_tokenizer_free(t);
	fc_buf_release(&b);
	json_decref(o);
	return t ? 0 : -1;
}

static bool is_role(const json_t *want, uint32_t id)
{
	return json_is_integer(want) ? id == json_integer_value(want) : id == FC_NO_TOKEN;
}

/* Files beside tokenizer.json. */
static int one_folder(void *count, json_t *o, const char *where, struct fc_err *e)
{
	const char *what = json_string_value(json_object_get(o, "what")), *name;
	const json_t *text = json_object_get(o, "text");
	json_t *files = json_object_get(o, "files"), *file;
	struct fc_buf b = FC_BUF_INIT;
	struct fc_tokens tokens = {0};
	struct fc_tokenizer *t;
	(void)where;
	json_object_foreach(files, name, file)
	{
		fc_buf_clear(&b);
		fc_json_dump(&b, file);
		fixture_write(name, b.p, b.n);
	}
	fc_tokenizer_open(&t, fixture_dir, e);
	if (T_OK(t, "%s: opens", what)) {
		uint32_t id[64];
		fc_tokenizer_encode(
		    t, json_string_value(text), json_string_length(text), NULL, 0, &tokens, e);
		if (!T_OK(same_ids(&tokens, json_object_get(o, "ids")), "%s: ids", what))
			show(json_string_value(text), &tokens, json_object_get(o, "ids"));
		T_OK(is_role(json_object_get(o, "bos"), fc_tokenizer_bos(t)) &&
			is_role(json_object_get(o, "eos"), fc_tokenizer_eos(t)) &&
			is_role(json_object_get(o, "pad"), fc_tokenizer_pad(t)),
		    "%s: roles", what);
		for (size_t i = 0; i < tokens.n; i++)
			id[i] = tokens.v[i].id;
		fc_buf_clear(&b);
		fc_tokenizer_decode(t, id, tokens.n, true, &b);
		T_STR(b.p, json_string_value(json_object_get(o, "left")), what);
	}
	json_object_foreach(files, name, file)
	{
		fixture_remove(name);
	}
	++*(int *)count;
	fc_tokens_release(&tokens);
	fc_tokenizer_free(t);
	fc_buf_release(&b);
	json_decref(o);
	return t ? 0 : -1;
}

/* A folder of the older kind; ids by the LlamaTokenizer of Transformers 4.57.6 (legacy). */
static void test_sentencepiece(void)
{
	static const char config[] = "{\"tokenizer_class\":\"LlamaTokenizer\",\"legacy\":true}";
	static const char added[] = "{\"<x>\":700,\"[PAD]\":701}";
	static const struct {
		const char *text, *ids;
	} cases[] = {
	    {"the <x> old", "[269,633,700,4,637,315]"},
	    {"the<x>old", "[269,700,268,315]"},
	    {"[PAD]", "[701]"},
	    {"old [PAD]<x> the", "[268,315,633,701,700,4,635,263]"},
	};
	struct fc_buf b = FC_BUF_INIT;
	struct fc_tokens tokens = {0};
	struct fc_tokenizer *t;
	struct fc_err e = {0};
	fc_file_read("tests/data/tokenizer/sp-bpe.model", 1 << 20, &b, &e);
	fixture_write("tokenizer.model", b.p, b.n);
	fixture_write("tokenizer_config.json", config, sizeof config - 1);
	fixture_write("added_tokens.json", added, sizeof added - 1);
	fixture_remove("tokenizer.json");
	T_OK(fc_tokenizer_open(&t, fixture_dir, &e) == 0, "SentencePiece: opens %s", e.msg);
	for (size_t i = 0; t && i < FC_LEN(cases); i++) {
		json_t *want = fc_json_text(cases[i].ids, strlen(cases[i].ids), "ids", &e);
		tokens.n = 0;
		fc_tokenizer_encode(t, cases[i].text, strlen(cases[i].text), NULL, 0, &tokens, &e);
		if (!T_OK(same_ids(&tokens, want), "SentencePiece: %s", cases[i].text))
			show(cases[i].text, &tokens, want);
		json_decref(want);
	}
	fixture_remove("tokenizer.model");
	fixture_remove("added_tokens.json");
	fc_tokens_release(&tokens);
	fc_tokenizer_free(t);
	fc_buf_release(&b);
}

static void test_refused(void)
{
	static const char model[] = "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},"
				    "\"merges\":[]}}";
	static const struct {
		const char *added, *says;
	} cases[] = {
	    {"{\"<x>\":3}", "\"<x>\" has id 3, but the next free one is 2"},
	    {"{\"b\":2}", "\"b\" has id 2, but the vocabulary has 1"},
	    {"{\"<x>\":2,\"<y>\":2}", "\"<y>\" has id 2, but the next free one is 3"},
	    {"{\"<x>\":\"2\"}", "\"<x>\": expected an id"},
	    {"[]", "expected an object"},
	};
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		struct fc_err e = {0};
		fixture_write("added_tokens.json", cases[i].added, strlen(cases[i].added));
		struct fc_tokenizer *t = fixture_open(model, sizeof model - 1, NULL, &e);
		T_OK(!t && strstr(e.msg, "added_tokens.json: ") && strstr(e.msg, cases[i].says),
		    "refused, file and reason named: %s", e.msg);
		fc_tokenizer_free(t);
	}
	fixture_remove("added_tokens.json");
}

int main(void)
{
	struct fc_err e;
	int n = 0;
	fixture_begin();
	if (!T_OK(fc_jsonl_each("tests/data/tokenizer/cases.jsonl", one_case, &n, &e) == 0,
		"all cases are read"))
		printf("# %s\n", e.msg);
	T_EQ(n, 56, "cases");
	n = 0;
	if (!T_OK(fc_jsonl_each("tests/data/tokenizer/side.jsonl", one_folder, &n, &e) == 0,
		"all folders are read"))
		printf("# %s\n", e.msg);
	T_EQ(n, 24, "folders");
	test_refused();
	test_sentencepiece();
	fixture_end();
	return t_done();
}
