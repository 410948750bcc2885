/* SPDX-License-Identifier: Apache-2.0 */
/* Tokenizers against Hugging Face's results in tests/data/tokenizer (see tests/data/README.md). */
#define _GNU_SOURCE /* mkdtemp */
#include "base/mem.h"
#include "base/rng.h"
#include "t.h"
#include "text/json.h"
#include "text/lines.h"
#include "tokfixture.h"

#define DATA "tests/data/tokenizer/"

static struct fc_err e;

static bool ids_are(const struct fc_tokens *t, const json_t *ids)
{
	bool same = t->n == json_array_size(ids);
	for (size_t i = 0; same && i < t->n; i++)
		same = t->v[i].id == json_integer_value(json_array_get(ids, i));
	return same;
}

static bool is_inside(const char *p, size_t i)
{
	return ((unsigned char)p[i] & 0xc0) == 0x80;
}

/* Spans of the reference end at characters; ours at bytes. */
static struct fc_span of_chars(const struct fc_token *t, const char *text)
{
	struct fc_span s = {t->start, t->end};
	while (is_inside(text, s.start))
		s.start--;
	while (is_inside(text, s.end))
		s.end++;
	return s;
}

static bool spans_are(const struct fc_tokens *t, const char *text, const json_t *spans, bool bytes)
{
	for (size_t i = 0; i < json_array_size(spans); i++) {
		const json_t *want = json_array_get(spans, i);
		struct fc_span s = {t->v[i].start, t->v[i].end};
		if (!bytes)
			s = of_chars(&t->v[i], text);
		if (s.start != json_integer_value(json_array_get(want, 0)) ||
		    s.end != json_integer_value(json_array_get(want, 1)))
			return false;
	}
	return true;
}

static bool spans_rise(const struct fc_tokens *t, size_t n)
{
	uint32_t start = 0, end = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i].start < start || t->v[i].end < end || t->v[i].start > t->v[i].end)
			return false;
		start = t->v[i].start;
		end = t->v[i].end;
	}
	return end <= n;
}

static bool decodes_to(
    const struct fc_tokenizer *t, const struct fc_tokens *tokens, bool skip, const json_t *text)
{
	struct fc_buf b = FC_BUF_INIT;
	uint32_t *id = FC_ARRAY(uint32_t, tokens->n);
	for (size_t i = 0; i < tokens->n; i++)
		id[i] = tokens->v[i].id;
	fc_tokenizer_decode(t, id, tokens->n, skip, &b);
	bool same =
	    b.n == json_string_length(text) && (!b.n || !memcmp(b.p, json_string_value(text), b.n));
	free(id);
	fc_buf_release(&b);
	return same;
}

static void test_model(const char *name, int n_text, bool byte_spans)
{
	char path[256];
	struct fc_tokenizer *t;
	struct fc_lines *l;
	snprintf(path, sizeof path, DATA "%s.json", name);
	if (!T_OK(fc_tokenizer_open(&t, path, &e) == 0, "%s: opens", name)) {
		printf("# %s\n", e.msg);
		return;
	}
	snprintf(path, sizeof path, DATA "%s.jsonl", name);
	if (!T_OK(fc_lines_open(&l, path, &e) == 0, "%s: has expected results", name))
		return;
	int n = 0, ids = 0, spans = 0, decoded = 0;
	char *line;
	size_t len;
	struct fc_tokens tokens = {0};
	for (; fc_lines_next(l, &line, &len, &e) == 1; n++) {
		json_t *o = fc_json_text(line, len, "line", &e), *text = json_object_get(o, "text");
		const char *p = json_string_value(text);
		tokens.n = 0;
		int rc = fc_tokenizer_encode(t, p, json_string_length(text), NULL, 0, &tokens, &e);
		bool same = rc == 0 && ids_are(&tokens, json_object_get(o, "ids"));
		if (!same)
			printf("# %s: %s\n", fc_lines_where(l), rc < 0 ? e.msg : line);
		ids += !same;
		spans += same &&
		    (!spans_are(&tokens, p, json_object_get(o, "spans"), byte_spans) ||
			!spans_rise(&tokens, json_string_length(text)));
		bool back = decodes_to(t, &tokens, false, json_object_get(o, "decoded")) &&
		    decodes_to(t, &tokens, true, json_object_get(o, "skipped"));
		if (same && !back)
			printf("# %s: decoded: %s\n", fc_lines_where(l), line);
		decoded += same && !back;
		json_decref(o);
	}
	T_EQ(n, n_text, "texts");
	T_EQ(ids, 0, "texts with other ids");
	T_EQ(spans, 0, "texts with other spans");
	T_EQ(decoded, 0, "texts with other decoded text");
	fc_tokens_release(&tokens);
	fc_lines_close(l);
	fc_tokenizer_free(t);
}

/* SentencePiece models against the library's ids; it never finds control pieces in a text. */
static void test_sentencepiece(const char *name)
{
	char path[256], *line;
	struct fc_tokenizer *t;
	struct fc_lines *l;
	struct fc_tokens tokens = {0};
	size_t len;
	int n = 0, ids = 0, spans = 0;
	snprintf(path, sizeof path, DATA "%s.model", name);
	if (!T_OK(fc_tokenizer_open(&t, path, &e) == 0, "%s: opens", name)) {
		printf("# %s\n", e.msg);
		return;
	}
	snprintf(path, sizeof path, DATA "%s.model.jsonl", name);
	T_OK(fc_lines_open(&l, path, &e) == 0, "%s: has expected results", name);
	for (; fc_lines_next(l, &line, &len, &e) == 1; n++) {
		json_t *o = fc_json_text(line, len, "line", &e), *text = json_object_get(o, "text");
		size_t n_text = json_string_length(text);
		struct fc_span all = {0, (uint32_t)n_text};
		tokens.n = 0;
		int rc =
		    fc_tokenizer_encode(t, json_string_value(text), n_text, &all, 1, &tokens, &e);
		bool same = rc == 0 && ids_are(&tokens, json_object_get(o, "ids"));
		if (!same)
			printf("# %s: %s\n", fc_lines_where(l), rc < 0 ? e.msg : line);
		ids += !same;
		spans += !spans_rise(&tokens, n_text);
		json_decref(o);
	}
	T_OK(n >= 36, "%s: %d texts", name, n);
	T_EQ(ids, 0, "texts with other ids");
	T_EQ(spans, 0, "texts with spans that fall");
	fc_tokens_release(&tokens);
	fc_lines_close(l);
	fc_tokenizer_free(t);
}

/* A model of single bytes shows what the normalizer made of a text. */
static char *byte_model(void)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_adds(&b, "{\"type\":\"BPE\",\"byte_fallback\":true,\"merges\":[],\"vocab\":{");
	for (int i = 0; i < 256; i++)
		fc_buf_addf(&b, "%s\"<0x%02X>\":%d", i ? "," : "", i, i);
	fc_buf_adds(&b, "}}");
	return fc_buf_detach(&b);
}

static void test_normalizers(void)
{
	struct fc_lines *l;
	char *line, *model = byte_model();
	size_t len;
	int n = 0, bad = 0, falling = 0;
	struct fc_tokens tokens = {0};
	T_OK(fc_lines_open(&l, DATA "normalizers.jsonl", &e) == 0, "normalizers: opens");
	for (; fc_lines_next(l, &line, &len, &e) == 1; n++) {
		json_t *o = fc_json_text(line, len, "line", &e), *text = json_object_get(o, "text");
		json_t *normal = json_object_get(o, "normal");
		struct fc_buf b = FC_BUF_INIT;
		fc_json_dump(&b, json_object_get(o, "normalizer"));
		struct fc_tokenizer *t = fixture_parts(b.p, "null", model, "[]", &e);
		tokens.n = 0;
		bool same = t &&
		    fc_tokenizer_encode(t, json_string_value(text), json_string_length(text), NULL,
			0, &tokens, &e) == 0;
		same = same && tokens.n == json_string_length(normal);
		for (size_t i = 0; same && i < tokens.n; i++)
			same = tokens.v[i].id == (unsigned char)json_string_value(normal)[i];
		if (!same)
			printf("# %s: %s\n", fc_lines_where(l), t ? line : e.msg);
		bad += !same;
		falling += !spans_rise(&tokens, json_string_length(text));
		fc_tokenizer_free(t);
		fc_buf_release(&b);
		json_decref(o);
	}
	T_EQ(n, 160, "normalizers: cases");
	T_EQ(bad, 0, "normalizers: other results");
	T_EQ(falling, 0, "normalizers: spans that fall");
	fc_tokens_release(&tokens);
	fc_lines_close(l);
	free(model);
}

/* A model that knows nothing makes one unknown token of every piece: its span is the piece. */
static const char nothing[] = "{\"type\":\"BPE\",\"vocab\":{\"<unk>\":0},\"merges\":[],"
			      "\"unk_token\":\"<unk>\",\"fuse_unk\":true}";

static bool pieces_are(const struct fc_tokenizer *t, const json_t *text, const json_t *pieces)
{
	struct fc_tokens tokens = {0};
	const char *p = json_string_value(text);
	bool same =
	    fc_tokenizer_encode(t, p, json_string_length(text), NULL, 0, &tokens, &e) == 0 &&
	    2 * tokens.n == json_array_size(pieces);
	for (size_t i = 0; same && i < tokens.n; i++) {
		struct fc_span s = of_chars(&tokens.v[i], p);
		same = s.start == json_integer_value(json_array_get(pieces, 2 * i)) &&
		    s.end == json_integer_value(json_array_get(pieces, 2 * i + 1));
	}
	fc_tokens_release(&tokens);
	return same;
}

static void test_pretokenizers(void)
{
	struct fc_lines *l;
	char *line;
	size_t len;
	int n = 0, bad = 0;
	T_OK(fc_lines_open(&l, DATA "pretokenizers.jsonl", &e) == 0, "pre-tokenizers: opens");
	fc_lines_next(l, &line, &len, &e);
	json_t *head = fc_json_text(line, len, "line", &e), *texts = json_object_get(head, "texts");
	while (fc_lines_next(l, &line, &len, &e) == 1) {
		json_t *o = fc_json_text(line, len, "line", &e);
		struct fc_buf b = FC_BUF_INIT;
		fc_json_dump(&b, json_object_get(o, "pre_tokenizer"));
		struct fc_tokenizer *t = fixture_parts("null", b.p, nothing, "[]", &e);
		for (size_t i = 0; i < json_array_size(texts); i++, n++) {
			const json_t *want = json_array_get(json_object_get(o, "pieces"), i);
			if (t && pieces_are(t, json_array_get(texts, i), want))
				continue;
			printf("# %s: text %zu: %s\n", fc_lines_where(l), i, t ? b.p : e.msg);
			bad++;
		}
		fc_tokenizer_free(t);
		fc_buf_release(&b);
		json_decref(o);
	}
	T_OK(n >= 300, "pre-tokenizers: %d cases", n);
	T_EQ(bad, 0, "pre-tokenizers: other pieces");
	json_decref(head);
	fc_lines_close(l);
}

/* Byte-pair encoding as its definition reads: merge the pair of lowest rank, leftmost, again and
 * again. */
struct slow {
	const char *letters[4];
	const char *merges[12][2]; /* in order of rank */
	size_t n_merges;
};

static size_t slow_bpe(const struct slow *m, size_t n, char (*piece)[24])
{
	for (;;) {
		size_t best = SIZE_MAX, at = 0;
		for (size_t i = 0; i + 1 < n; i++)
			for (size_t k = 0; k < m->n_merges; k++)
				if (!strcmp(piece[i], m->merges[k][0]) &&
				    !strcmp(piece[i + 1], m->merges[k][1]) && k < best) {
					best = k;
					at = i;
				}
		if (best == SIZE_MAX)
			return n;
		size_t len = strlen(piece[at]);
		memmove(piece[at] + len, piece[at + 1], strlen(piece[at + 1]) + 1);
		memmove(piece + at + 1, piece + at + 2, (n - at - 2) * sizeof *piece);
		n--;
	}
}

static struct fc_tokenizer *slow_model(const struct slow *m)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_adds(&b, "{\"type\":\"BPE\",\"vocab\":{");
	for (size_t k = 0; k < 4; k++)
		fc_buf_addf(&b, "%s\"%s\":%zu", k ? "," : "", m->letters[k], k);
	for (size_t k = 0; k < m->n_merges; k++) {
		char item[64]; /* two merges may have one result */
		snprintf(item, sizeof item, ",\"%s%s\":", m->merges[k][0], m->merges[k][1]);
		if (!strstr(b.p, item))
			fc_buf_addf(&b, "%s%zu", item, k + 4);
	}
	fc_buf_adds(&b, "},\"merges\":[");
	for (size_t k = 0; k < m->n_merges; k++)
		fc_buf_addf(&b, "%s\"%s %s\"", k ? "," : "", m->merges[k][0], m->merges[k][1]);
	fc_buf_adds(&b, "]}");
	struct fc_tokenizer *t = fixture_parts("null", "null", b.p, "[]", &e);
	fc_buf_release(&b);
	return t;
}

#define MARK "\xe2\x96\x81" /* texts are cut before it where no merge can reach over the cut */

static void test_merging(void)
{
	static const struct slow models[] = {
	    {{"a", "b", "c", "d"},
		{{"a", "b"}, {"c", "d"}, {"a", "a"}, {"ab", "cd"}, {"b", "a"}, {"aa", "aa"},
		    {"d", "d"}, {"ab", "ab"}, {"abcd", "a"}, {"b", "c"}, {"aa", "ab"}},
		11},
	    {{"a", MARK, "b", "c"},
		{{MARK, "a"}, {"a", "b"}, {MARK, MARK}, {MARK "a", "b"}, {MARK MARK, MARK},
		    {MARK, "ab"}, {"c", "c"}},
		7},
	    {{"a", MARK, "b", "c"},
		{{MARK, "a"}, {"a", "b"}, {MARK, MARK}, {"b", MARK "a"}, {"c", MARK}, {"cc", MARK},
		    {"c", "c"}},
		5},
	};
	static char piece[400][24];
	struct fc_tokens tokens = {0};
	struct fc_rng r;
	fc_rng_seed(&r, 3);
	for (size_t k = 0; k < FC_LEN(models); k++) {
		struct fc_tokenizer *t = slow_model(&models[k]);
		int bad = 0;
		for (int round = 0; t && round < 400; round++) {
			struct fc_buf text = FC_BUF_INIT;
			size_t n = 1 + fc_rng_below(&r, round % 2 ? 40 : FC_LEN(piece) - 1);
			for (size_t i = 0; i < n; i++) {
				const char *c =
				    models[k].letters[fc_rng_below(&r, 2 + (uint64_t)round % 3)];
				snprintf(piece[i], sizeof piece[i], "%s", c);
				fc_buf_adds(&text, c);
			}
			size_t want = slow_bpe(&models[k], n, piece);
			tokens.n = 0;
			fc_tokenizer_encode(t, text.p, text.n, NULL, 0, &tokens, &e);
			bool same = tokens.n == want;
			for (size_t i = 0; same && i < want; i++)
				same = !strcmp(fc_tokenizer_piece(t, tokens.v[i].id), piece[i]);
			bad += !same;
			fc_buf_release(&text);
		}
		if (!T_OK(t && !bad, "merging: model %zu gives what the definition gives", k))
			printf("# %d differ %s\n", bad, t ? "" : e.msg);
		fc_tokenizer_free(t);
	}
	fc_tokens_release(&tokens);
}

/* What is invented between the parts of a changed character must not let spans fall. */
static void test_gaps(void)
{
	struct fc_tokenizer *t = fixture_parts("{\"type\":\"NFKC\"}",
	    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Punctuation\"},{\"type\":"
	    "\"Metaspace\","
	    "\"replacement\":\"_\",\"split\":false}]}",
	    "{\"type\":\"BPE\",\"vocab\":{\"_\":0,\".\":1,\"a\":2},\"merges\":[]}", "[]", &e);
	struct fc_tokens tokens = {0};
	static const struct fc_token want[] = {{0, 0, 0}, {2, 0, 1}, {0, 1, 1}, {1, 1, 4},
	    {0, 1, 4}, {1, 1, 4}, {0, 1, 4}, {1, 1, 4}, {0, 4, 4}, {2, 4, 5}};
	if (!T_OK(t, "gaps: opens"))
		return;
	fc_tokenizer_encode(t,
	    "a\xe2\x80\xa6"
	    "a", /* U+2026 becomes three full stops */
	    5, NULL, 0, &tokens, &e);
	T_OK(tokens.n == FC_LEN(want) && !memcmp(tokens.v, want, sizeof want),
	    "gaps: invented bytes have the place where they stand");
	fc_tokens_release(&tokens);
	fc_tokenizer_free(t);
}

/* ids as "3 7 7" */
static void encode_to(const struct fc_tokenizer *t, const char *text, const struct fc_span *guard,
    size_t n_guard, char *out, size_t n_out)
{
	struct fc_tokens tokens = {0};
	size_t n = 0;
	out[0] = 0;
	if (fc_tokenizer_encode(t, text, strlen(text), guard, n_guard, &tokens, &e) < 0)
		snprintf(out, n_out, "%.200s", e.msg);
	for (size_t i = 0; i < tokens.n; i++)
		n += (size_t)snprintf(out + n, n_out - n, "%s%u", i ? " " : "", tokens.v[i].id);
	fc_tokens_release(&tokens);
}

#define IDS(want, t, text, guard, n_guard, what)                                                   \
	do {                                                                                       \
		char got[256];                                                                     \
		encode_to(t, text, guard, n_guard, got, sizeof got);                               \
		T_STR(got, want, what);                                                            \
	} while (0)

static void test_guards(void)
{
	/* ids of the model: < s > a b <s> ab */
	static const char model[] =
	    "{\"type\":\"BPE\",\"ignore_merges\":true,\"vocab\":{\"<\":0,\"s\":1,"
	    "\">\":2,\"a\":3,\"b\":4,\"<s>\":5,\"ab\":6},\"merges\":[\"a b\"]}";
	static const char added[] =
	    "[{\"id\":5,\"content\":\"<s>\",\"special\":true,\"normalized\":false},"
	    "{\"id\":7,\"content\":\"<<s>\",\"special\":true,\"normalized\":false},"
	    "{\"id\":8,\"content\":\"bb\",\"special\":false,\"normalized\":false},"
	    "{\"id\":9,\"content\":\"ss\",\"special\":true,\"normalized\":true}]";
	struct fc_tokenizer *t = fixture_parts("null", "null", model, added, &e);
	if (!T_OK(t, "guards: opens"))
		return;
	IDS("3 5 3", t, "a<s>a", NULL, 0, "no guard: the special token is found");
	IDS("3 5 3", t, "a<s>a", ((struct fc_span[]){{0, 1}, {4, 5}}), 2, "guards beside it");
	IDS("3 5 3", t, "a<s>a", ((struct fc_span[]){{2, 2}}), 1, "an empty guard guards nothing");
	IDS("3 0 1 2 3", t, "a<s>a", ((struct fc_span[]){{1, 4}}), 1, "guarded: text");
	IDS("3 0 1 2 3", t, "a<s>a", ((struct fc_span[]){{0, 2}}), 1, "its first byte guarded");
	IDS("3 0 1 2 3", t, "a<s>a", ((struct fc_span[]){{3, 5}}), 1, "its last byte guarded");
	IDS("5 0 1 2 5", t, "<s><s><s>", ((struct fc_span[]){{3, 6}}), 1, "only the middle one");
	IDS("0 1 2", t, "<s>", ((struct fc_span[]){{0, 3}}), 1,
	    "a whole piece is not the special token either");
	IDS("7", t, "<<s>", NULL, 0, "the longest token wins");
	IDS("0 5", t, "<<s>", ((struct fc_span[]){{0, 1}}), 1,
	    "a guarded beginning does not hide the template's own token");
	IDS("8 3", t, "bba", ((struct fc_span[]){{0, 3}}), 1,
	    "tokens that are not special are text");
	IDS("9", t, "ss", NULL, 0, "a token that matches normalized text");
	IDS("1 1", t, "ss", ((struct fc_span[]){{1, 2}}), 1, "the same, guarded");
	IDS("6", t, "ab", ((struct fc_span[]){{1, 2}}), 1, "guards cut no words");
	IDS("text is not UTF-8 at byte 1", t, "a\xff", NULL, 0, "invalid UTF-8 is refused");
	fc_tokenizer_free(t);
}

static void test_unknown(void)
{
	static const char form[] =
	    "{\"type\":\"BPE\",\"vocab\":{\"<unk>\":0,\"a\":1,\"<0xC3>\":2,\"<0xA9>\":3},"
	    "\"merges\":[],\"unk_token\":%s,\"fuse_unk\":%s,\"byte_fallback\":true}";
	static const struct {
		const char *unk, *fuse, *want;
	} cases[] = {
	    /* as tokenizers 0.23 gives for "a??éé?a" */
	    {"\"<unk>\"", "true", "1 2 3 2 3 0 1"},
	    {"\"<unk>\"", "false", "1 0 2 3 2 3 0 0 1"},
	    {"null", "true", "1 2 3 2 3 1"},
	};
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		char model[512];
		snprintf(model, sizeof model, form, cases[i].unk, cases[i].fuse);
		struct fc_tokenizer *t = fixture_parts("null", "null", model, "[]", &e);
		if (T_OK(t, "unknown: opens"))
			IDS(cases[i].want, t, "a??\xc3\xa9\xc3\xa9?a", NULL, 0,
			    "unknown characters");
		fc_tokenizer_free(t);
	}
}

static void test_threads(void)
{
	struct fc_tokenizer *t;
	enum { N = 64 };
	struct fc_tokens alone = {0}, all[N] = {{0}};
	struct fc_buf text = FC_BUF_INIT;
	bool same = true;
	if (!T_OK(fc_tokenizer_open(&t, DATA "bytes.json", &e) == 0, "threads: opens"))
		return;
	for (int i = 0; i < 300; i++)
		fc_buf_addf(&text, " the fox %d jumps over caf\xc3\xa9s'", i);
	fc_tokenizer_encode(t, text.p, text.n, NULL, 0, &alone, &e);
#pragma omp parallel for num_threads(4) schedule(dynamic)
	for (int i = 0; i < N; i++) {
		struct fc_err mine;
		fc_tokenizer_encode(t, text.p, text.n, NULL, 0, &all[i], &mine);
	}
	for (int i = 0; i < N; i++) {
		same = same && all[i].n == alone.n &&
		    !memcmp(all[i].v, alone.v, alone.n * sizeof *alone.v);
		fc_tokens_release(&all[i]);
	}
	T_OK(same && alone.n > 1000, "threads: four threads give what one gives");
	fc_tokens_release(&alone);
	fc_buf_release(&text);
	fc_tokenizer_free(t);
}

/* A word of a megabyte, white space, marks to be sorted: nothing quadratic. */
static void test_long(void)
{
	enum { N = 1000000 };
	static const struct {
		const char *what, *unit;
	} cases[] = {{"letters", "a"}, {"spaces", " "}, {"newlines", "\n"},
	    {"marks", "\xcc\x81\xcc\xa3"}, {"hangul", "\xe1\x84\x80\xe1\x85\xa1"}, {"NULs", ""},
	    {"special beginnings", "<|im_star"}};
	struct fc_tokenizer *t;
	if (!T_OK(fc_tokenizer_open(&t, DATA "bytes.json", &e) == 0, "long: opens"))
		return;
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		struct fc_buf b = FC_BUF_INIT;
		struct fc_tokens tokens = {0};
		while (b.n < N)
			fc_buf_add(
			    &b, cases[i].unit, strlen(cases[i].unit) ? strlen(cases[i].unit) : 1);
		int rc = fc_tokenizer_encode(t, b.p, b.n, NULL, 0, &tokens, &e);
		T_OK(rc == 0 && tokens.n && spans_rise(&tokens, b.n) &&
			tokens.v[tokens.n - 1].end == b.n,
		    "long: a megabyte of %s", cases[i].what);
		fc_tokens_release(&tokens);
		fc_buf_release(&b);
	}
	fc_tokenizer_free(t);
}

int main(void)
{
	fixture_begin();
	test_model("bytes", 31, false);
	test_model("spm", 31, true);
	test_model("metaspace", 31, false);
	test_model("suffix", 31, false);
	test_model("unigram", 37, false);
	test_model("unigram-bytes", 37, false);
	test_model("wordpiece", 37, false);
	test_sentencepiece("sp-unigram");
	test_sentencepiece("sp-bpe");
	test_sentencepiece("sp-unused");
	test_normalizers();
	test_pretokenizers();
	test_merging();
	test_gaps();
	test_guards();
	test_unknown();
	test_threads();
	test_long();
	fixture_end();
	return t_done();
}
