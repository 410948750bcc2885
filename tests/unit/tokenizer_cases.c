/* SPDX-License-Identifier: Apache-2.0 */
/* Odd tokenizers against Hugging Face `tokenizers`: tests/data/tokenizer/cases.jsonl. */
#define _GNU_SOURCE /* mkdtemp */
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

int main(void)
{
	struct fc_err e;
	int n = 0;
	fixture_begin();
	if (!T_OK(fc_jsonl_each("tests/data/tokenizer/cases.jsonl", one_case, &n, &e) == 0,
		"all cases are read"))
		printf("# %s\n", e.msg);
	T_EQ(n, 50, "cases");
	fixture_end();
	return t_done();
}
