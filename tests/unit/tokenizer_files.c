/* SPDX-License-Identifier: Apache-2.0 */
/* What a tokenizer's files may say: roles, fingerprints, and everything that must be refused. */
#define _GNU_SOURCE /* mkdtemp, memmem */
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "t.h"
#include "text/json.h"
#include "tokfixture.h"

static struct fc_err e;

#define MODEL                                                                                      \
	"{\"type\":\"BPE\",\"vocab\":{\"<s>\":0,\"</s>\":1,\"a\":2,\"b\":3,\"ab\":4,\"<u>\":5},"   \
	"\"merges\":[\"a b\"]}"

static void test_config(void)
{
	static const char added[] =
	    "\"added_tokens\":[{\"id\":0,\"content\":\"<s>\",\"special\":true},"
	    "{\"id\":1,\"content\":\"</s>\",\"special\":true}]";
	static const char template[] =
	    "\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\"},"
	    "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\",\"type_"
	    "id\":0}},"
	    "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"</"
	    "s>\",\"type_id\":0}}],"
	    "\"pair\":[],\"special_tokens\":{\"<s>\":{\"id\":\"<s>\",\"ids\":[0],\"tokens\":[\"<s>"
	    "\"]},"
	    "\"</s>\":{\"id\":\"</s>\",\"ids\":[1],\"tokens\":[\"</s>\"]}}}]}";
	static const struct {
		const char *what, *post, *config;
		long bos, eos, unk, pad;
		bool adds;
	} cases[] = {
	    {"nothing said", "\"post_processor\":null", NULL, -1, -1, -1, -1, false},
	    {"a template", template, NULL, 0, 1, -1, -1, true},
	    {"names as strings and objects", "\"post_processor\":null",
		"{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\"},\"unk_token\":\"<u>\","
		"\"pad_token\":\"</s>\",\"model_max_length\":1000000000000000019884624838656}",
		0, 1, 5, 1, false},
	    {"null names nothing", "\"post_processor\":null", "{\"bos_token\":null}", -1, -1, -1,
		-1, false},
	    {"a name that is nowhere is a new token", "\"post_processor\":null",
		"{\"pad_token\":\"[PAD]\"}", -1, -1, -1, 6, false},
	    {"add_bos_token without a template", "\"post_processor\":null",
		"{\"bos_token\":\"<s>\",\"add_bos_token\":true}", 0, -1, -1, -1, true},
	    {"Llama's class adds BOS", "\"post_processor\":null",
		"{\"bos_token\":\"<s>\",\"tokenizer_class\":\"LlamaTokenizerFast\"}", 0, -1, -1, -1,
		true},
	    {"unless told not to, even by a template", template,
		"{\"bos_token\":\"<s>\",\"tokenizer_class\":\"LlamaTokenizer\",\"add_bos_token\":"
		"false}",
		0, 1, -1, -1, false},
	    {"another class keeps the template", template,
		"{\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"add_bos_token\":false}", 0, 1,
		-1, -1, true},
	};
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_addf(&b, "{%s,%s,\"model\":%s}", added, cases[i].post, MODEL);
		struct fc_tokenizer *t = fixture_open(b.p, b.n, cases[i].config, &e);
		fc_buf_release(&b);
		if (!T_OK(t, "config: %s: opens", cases[i].what)) {
			printf("# %s\n", e.msg);
			continue;
		}
		T_OK(fc_tokenizer_bos(t) == (uint32_t)cases[i].bos &&
			fc_tokenizer_eos(t) == (uint32_t)cases[i].eos &&
			fc_tokenizer_unk(t) == (uint32_t)cases[i].unk &&
			fc_tokenizer_pad(t) == (uint32_t)cases[i].pad &&
			fc_tokenizer_adds_bos(t) == cases[i].adds,
		    "config: %s: roles", cases[i].what);
		fc_tokenizer_free(t);
	}
}

static void test_added_by_config(void)
{
	static const char file[] =
	    "{\"added_tokens\":[{\"id\":6,\"content\":\"<x>\"}],\"model\":" MODEL "}";
	struct fc_tokenizer *t = fixture_open(file, sizeof file - 1,
	    "{\"added_tokens_decoder\":{\"7\":{\"content\":\"<y>\",\"special\":true},"
	    "\"6\":{\"content\":\"<x>\",\"special\":true}},\"additional_special_tokens\":[\"<u>\"]"
	    "}",
	    &e);
	struct fc_tokens tokens = {0};
	size_t n;
	if (!T_OK(t, "added by config: opens"))
		return;
	T_EQ(fc_tokenizer_n_vocab(t), 8, "added by config: vocabulary");
	fc_tokenizer_encode(t, "a<y>b<x>ab<u>", 13, NULL, 0, &tokens, &e);
	static const uint32_t want[] = {2, 7, 3, 6, 4, 5};
	bool same = tokens.n == FC_LEN(want);
	for (size_t i = 0; same && i < FC_LEN(want); i++)
		same = tokens.v[i].id == want[i];
	T_OK(same, "added by config: found in text");
	T_OK(fc_tokenizer_is_special(t, 6) && fc_tokenizer_is_special(t, 7) &&
		fc_tokenizer_is_special(t, 5) && !fc_tokenizer_is_special(t, 4) &&
		!fc_tokenizer_is_special(t, 99),
	    "added by config: its flags count");
	T_STR(fc_tokenizer_bytes(t, 7, &n), "", "a special token stands for no bytes");
	T_OK(n == 0 && !strncmp(fc_tokenizer_bytes(t, 4, &n), "ab", 2) && n == 2,
	    "another stands for its own");
	T_OK(fc_tokenizer_find(t, "<y>") == 7 && fc_tokenizer_find(t, "ab") == 4 &&
		fc_tokenizer_find(t, "zz") == FC_NO_TOKEN,
	    "tokens are found by name");
	T_OK(!fc_tokenizer_piece(t, 8) && !strcmp(fc_tokenizer_piece(t, 7), "<y>"), "and by id");
	fc_tokens_release(&tokens);
	fc_tokenizer_free(t);
}

static uint64_t print_of(
    const char *normalizer, const char *pretok, const char *model, const char *added)
{
	struct fc_tokenizer *t = fixture_parts(normalizer, pretok, model, added, &e);
	uint64_t h = t ? fc_tokenizer_fingerprint(t) : 0;
	fc_tokenizer_free(t);
	return h;
}

static void test_fingerprint(void)
{
	uint64_t h = print_of("null", "null", MODEL, "[]");
	static const char reordered[] =
	    "{ \"merges\": [ [\"a\", \"b\"] ], \"vocab\": {\"ab\":4, \"<u>\":5, \"b\":3, \"a\":2,"
	    "\"</s>\":1, \"<s>\":0}, \"dropout\": null, \"type\": \"BPE\" }";
	T_OK(h && h == print_of("null", "null", reordered, "[]"),
	    "fingerprint: the order of keys and the spelling of merges do not count");
	T_OK(print_of("{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}", "null",
		 MODEL, "[]") ==
		print_of("{\"strip_right\":true, \"type\":\"Strip\", \"strip_left\":true}", "null",
		    MODEL, "[]"),
	    "fingerprint: nor in the parts");
#define BYTES "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":"
#define GPT2                                                                                       \
	"'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| "                                        \
	"?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+"
	const uint64_t split = print_of("null", BYTES "true}", MODEL, "[]");
	T_OK(split ==
		print_of("null",
		    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":"
		    "{\"Regex\":\"" GPT2 "\"},\"behavior\":\"Isolated\",\"invert\":false}," BYTES
		    "false}]}",
		    MODEL, "[]"),
	    "fingerprint: nor whether ByteLevel splits or a Split before it");
	T_OK(split != print_of("null", BYTES "false}", MODEL, "[]"),
	    "fingerprint: but that there is one counts");
	static const char *const other[][4] = {
	    {"{\"type\":\"NFC\"}", "null", MODEL, "[]"},
	    {"null", "{\"type\":\"Whitespace\"}", MODEL, "[]"},
	    {"null", "null", MODEL, "[{\"id\":6,\"content\":\"<x>\"}]"},
	    {"null", "null", MODEL, "[{\"id\":6,\"content\":\"<x>\",\"special\":true}]"},
	    {"null", "null",
		"{\"type\":\"BPE\",\"vocab\":{\"<s>\":0,\"</s>\":1,\"a\":2,\"b\":3,\"ab\":4,"
		"\"<u>\":5},\"merges\":[]}",
		"[]"},
	    {"null", "null",
		"{\"type\":\"BPE\",\"vocab\":{\"<s>\":1,\"</s>\":0,\"a\":2,\"b\":3,\"ab\":4,"
		"\"<u>\":5},\"merges\":[\"a b\"]}",
		"[]"},
	    {"null", "null",
		"{\"type\":\"BPE\",\"vocab\":{\"<s>\":0,\"</s>\":1,\"a\":2,\"b\":3,\"ab\":4,"
		"\"<u>\":5},\"merges\":[\"a b\"],\"ignore_merges\":true}",
		"[]"},
	    {"null", "null",
		"{\"type\":\"BPE\",\"vocab\":{\"<s>\":0,\"</s>\":1,\"a\":2,\"b\":3,\"ab\":4,"
		"\"<u>\":5,\"ba\":6},\"merges\":[\"a b\",\"b a\"]}",
		"[]"},
	    {"null", "null",
		"{\"type\":\"BPE\",\"vocab\":{\"<s>\":0,\"</s>\":1,\"a\":2,\"b\":3,\"ab\":4,"
		"\"<u>\":5,\"ba\":6},\"merges\":[\"b a\",\"a b\"]}",
		"[]"},
	};
	uint64_t seen[FC_LEN(other) + 1] = {h};
	bool distinct = true;
	for (size_t i = 0; i < FC_LEN(other); i++) {
		seen[i + 1] = print_of(other[i][0], other[i][1], other[i][2], other[i][3]);
		for (size_t k = 0; k <= i; k++)
			distinct = distinct && seen[i + 1] != seen[k];
	}
	T_OK(distinct, "fingerprint: every difference that matters shows");
}

#define VOCAB "\"vocab\":{\"a\":0,\"b\":1,\"ab\":2}"

static void test_refused_parts(void)
{
	static const struct {
		const char *normalizer, *pretok, *model, *added, *why;
	} cases[] = {
	    {"null", "null", "{\"type\":\"BPE\"," VOCAB ",\"merges\":[\"a b\"]}", "[]", NULL},
	    {"null", "null", "{\"type\":\"WordLevel\"," VOCAB "}", "[]", "WordLevel"},
	    {"null", "null", "{\"type\":\"WordPiece\"," VOCAB "}", "[]", "[UNK]"},
	    {"null", "null", "[]", "[]", "model"},
	    {"null", "null", "{\"type\":\"BPE\",\"merges\":[]}", "[]", "vocab"},
	    {"null", "null", "{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}", "[]", "empty"},
	    {"null", "null", "{\"type\":\"BPE\"," VOCAB "}", "[]", "merges"},
	    {"null", "null", "{\"type\":\"BPE\"," VOCAB ",\"merges\":[\"a c\"]}", "[]", "\"c\""},
	    {"null", "null", "{\"type\":\"BPE\"," VOCAB ",\"merges\":[\"b a\"]}", "[]", "\"ba\""},
	    {"null", "null", "{\"type\":\"BPE\"," VOCAB ",\"merges\":[\"ab\"]}", "[]", "item 0"},
	    {"null", "null", "{\"type\":\"BPE\"," VOCAB ",\"merges\":[[\"a\"]]}", "[]", "item 0"},
	    {"null", "null", "{\"type\":\"BPE\"," VOCAB ",\"merges\":[3]}", "[]", "item 0"},
	    {"null", "null", "{\"type\":\"BPE\"," VOCAB ",\"merges\":[],\"dropout\":0.1}", "[]",
		"dropout"},
	    {"null", "null", "{\"type\":\"BPE\"," VOCAB ",\"merges\":[],\"cache\":1}", "[]",
		"cache"},
	    {"null", "null", "{\"type\":\"BPE\"," VOCAB ",\"merges\":[],\"unk_token\":\"?\"}", "[]",
		"unk_token"},
	    {"null", "null", "{\"type\":\"BPE\"," VOCAB ",\"merges\":[],\"fuse_unk\":3}", "[]",
		"fuse_unk"},
	    {"null", "null", "{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}", "[]", "-1"},
	    {"null", "null", "{\"type\":\"BPE\",\"vocab\":{\"a\":16777216},\"merges\":[]}", "[]",
		"16777216"},
	    {"null", "null", "{\"type\":\"BPE\",\"vocab\":{\"a\":\"0\"},\"merges\":[]}", "[]",
		"integer"},
	    {"null", "null", "{\"type\":\"BPE\",\"vocab\":{\"a\":1.5},\"merges\":[]}", "[]",
		"integer"},
	    {"null", "null", "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}", "[]",
		"id 0"},
	    {"null", "null", "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"a\":1},\"merges\":[]}", "[]",
		"a"},
	    {"null", "null",
		"{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"u\",0],[\"ll\",-1],[\"ll\",-2]]}",
		"[]", "model: \"ll\" has two ids, 1 and 2"},
	    {"null", "null", "{\"type\":\"BPE\",\"vocab\":{\"ab\":0,\"b\":0},\"merges\":[]}", "[]",
		"id 0 is given to \"ab\" and to \"b\""},
	    {"null", "null", "{\"type\":\"BPE\",\"vocab\":{\"ab\":16777216},\"merges\":[]}", "[]",
		"16777216 of \"ab\" is not"},
	    {"null", "null", MODEL, "{}", "added_tokens"},
	    {"null", "null", MODEL, "[7]", "added_tokens"},
	    {"null", "null", MODEL, "[{\"id\":9}]", "content"},
	    {"null", "null", MODEL, "[{\"id\":9,\"content\":\"\"}]", "content"},
	    {"null", "null", MODEL, "[{\"id\":9,\"content\":\"x\\u0000y\"}]", "content"},
	    {"null", "null", MODEL, "[{\"id\":-2,\"content\":\"x\"}]", "-2"},
	    {"null", "null", MODEL, "[{\"id\":99999999,\"content\":\"x\"}]", "99999999"},
	    {"null", "null", MODEL, "[{\"id\":2,\"content\":\"x\"}]", "belongs to"},
	    {"null", "null", MODEL, "[{\"id\":3,\"content\":\"a\"}]", "2 in the vocabulary"},
	    {"null", "null", MODEL, "[{\"id\":9,\"content\":\"x\"},{\"id\":9,\"content\":\"y\"}]",
		"belongs"},
	    {"null", "null", MODEL, "[{\"id\":9,\"content\":\"x\",\"special\":1}]", "special"},
	    {"{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"\"}", "null", MODEL, "[]",
		"precompiled_charsmap"},
	    {"{\"type\":\"BertNormalizer\",\"accents\":true}", "null", MODEL, "[]", "accents"},
	    {"{\"type\":\"NFC\",\"x\":1}", "null", MODEL, "[]", "normalizer: x"},
	    {"{}", "null", MODEL, "[]", "type"},
	    {"{\"type\":\"Prepend\"}", "null", MODEL, "[]", "prepend"},
	    {"{\"type\":\"Sequence\"}", "null", MODEL, "[]", "normalizers"},
	    {"{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"\"}", "null", MODEL,
		"[]", "empty"},
	    {"null", "{\"type\":\"UnicodeScripts\"}", MODEL, "[]", "UnicodeScripts"},
	    {"null", "{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":\"Kept\"}",
		MODEL, "[]", "Kept"},
	    {"null", "{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"}}", MODEL, "[]",
		"behavior"},
	    {"null", "{\"type\":\"Split\",\"pattern\":\"a\",\"behavior\":\"Isolated\"}", MODEL,
		"[]", "pattern"},
	    {"null", "{\"type\":\"Metaspace\",\"replacement\":\"ab\"}", MODEL, "[]",
		"one character"},
	    {"null", "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"last\"}",
		MODEL, "[]", "last"},
	};
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		struct fc_tokenizer *t = fixture_parts(
		    cases[i].normalizer, cases[i].pretok, cases[i].model, cases[i].added, &e);
		if (!cases[i].why)
			T_OK(t, "refused: the positive control opens");
		else if (!T_OK(!t && strstr(e.msg, cases[i].why) && strstr(e.msg, "tokenizer.json"),
			     "refused: case %zu names %s", i, cases[i].why))
			printf("# %s\n", t ? "accepted" : e.msg);
		fc_tokenizer_free(t);
	}
}

/* SentencePiece models that are damaged, beside one that is not. */
static void test_sentencepiece(void)
{
	static const struct {
		const char *what, *from, *to, *why;
	} cases[] = {
	    {"whole", "<0x6F>", "<0x6F>", NULL},
	    {"a byte without its piece", "<0x6F>", "<0x6f>", "<0x00> to <0xFF>"},
	    {"one piece twice", "<0x6F>", "<0x6E>", "has two ids"},
	    {"no UTF-8", "<0x6F>",
		"<0x\xff"
		"F>",
		"expected UTF-8"},
	};
	struct fc_buf b = FC_BUF_INIT;
	struct fc_tokenizer *t;
	char path[256];
	fixture_path(path, sizeof path, "m.model");
	fc_file_read("tests/data/tokenizer/sp-bpe.model", 1 << 20, &b, &e);
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		char *at = memmem(b.p, b.n, cases[i].from, 6);
		memcpy(at, cases[i].to, 6);
		fixture_write("m.model", b.p, b.n);
		memcpy(at, cases[i].from, 6);
		bool opens = fc_tokenizer_open(&t, path, &e) == 0;
		T_OK(cases[i].why ? !opens && strstr(e.msg, cases[i].why) : opens,
		    "SentencePiece: %s: %s", cases[i].what, opens ? "opens" : e.msg);
		fc_tokenizer_free(t);
	}
	fixture_write("m.model", b.p, b.n - 1);
	T_OK(fc_tokenizer_open(&t, path, &e) < 0 && strstr(e.msg, "malformed"),
	    "SentencePiece: cut off: %s", e.msg);
	fc_buf_release(&b);
	fixture_remove("m.model");
}

static void test_patterns(void)
{
	static const struct {
		const char *regex; /* as JSON */
		bool good;
	} cases[] = {
	    {"a+", true},
	    {"[a&&b]", true},
	    {"(?i:x)|y", true},
	    {"a{2,3}+", true},
	    {"[", false},
	    {"(a", false},
	    {"a)", false},
	    {"[]", false},
	    {"[a&&]", false},
	    {"[&&a]", false},
	    {"a\\\\", false},
	    {"\\\\R", false},
	    {"\\\\X", false},
	    {"\\\\K", false},
	    {"(a)\\\\1", false},
	    {"\\\\xff", false},
	    {"(?<n>a)", false},
	    {"a(?i)b|c", false},
	    {"(?x: a)", false},
	    {"\\\\p{NoSuchThing}", false},
	    {"[[:nothing:]]", false},
	    {"((((((((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))))))))",
		false},
	    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
		false},
	    {"a\\u0000b", false},
	    {"*", false},
	};
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_addf(&b,
		    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"%s\"},\"behavior\":\"Isolated\"}",
		    cases[i].regex);
		struct fc_tokenizer *t = fixture_parts("null", b.p, MODEL, "[]", &e);
		if (!T_OK(!!t == cases[i].good &&
			    (t || strstr(e.msg, "pre_tokenizer: regular expression")),
			"pattern %zu %s", i, cases[i].good ? "compiles" : "is refused"))
			printf("# %s: %s\n", cases[i].regex, t ? "accepted" : e.msg);
		fc_tokenizer_free(t);
		fc_buf_release(&b);
	}
}

/* A pattern with nested repeats and a text it backtracks on: an error, not "no match". */
static void test_match_limit(void)
{
	struct fc_tokenizer *t = fixture_parts("null",
	    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a+)+[bc]\"},\"behavior\":\"Isolated\"}",
	    MODEL, "[]", &e);
	struct fc_tokens tokens = {0};
	char text[400];
	memset(text, 'a', sizeof text);
	if (!T_OK(t, "match limit: opens"))
		return;
	T_OK(fc_tokenizer_encode(t, "aac", 3, NULL, 0, &tokens, &e) == 0 && tokens.n,
	    "match limit: a short text is encoded");
	size_t before = tokens.n;
	T_OK(fc_tokenizer_encode(t, text, sizeof text, NULL, 0, &tokens, &e) < 0 &&
		strstr(e.msg, "limit"),
	    "match limit: reaching it is an error");
	T_EQ(tokens.n, before, "match limit: nothing is appended then");
	fc_tokens_release(&tokens);
	fc_tokenizer_free(t);
}

static void test_refused_configs(void)
{
	static const char file[] = "{\"model\":" MODEL "}";
	static const struct {
		const char *config, *why;
	} cases[] = {
	    {"{\"added_tokens_decoder\":{\"6\":{\"content\":\"x\"}}}", NULL},
	    {"[]", "object"},
	    {"{\"a\":", "line"},
	    {"{\"add_bos_token\":\"yes\"}", "add_bos_token"},
	    {"{\"added_tokens_decoder\":{\"x\":{\"content\":\"x\"}}}", "\"x\""},
	    {"{\"added_tokens_decoder\":{\"6\":\"x\"}}", "\"6\""},
	    {"{\"added_tokens_decoder\":{\"4\":{\"content\":\"x\"}}}", "belongs to \"ab\""},
	    {"{\"added_tokens_decoder\":{\"99999999999999999999\":{\"content\":\"x\"}}}", "id"},
	    {"{\"added_tokens_decoder\":{\"-1\":{\"content\":\"x\"}}}", "-1"},
	};
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		struct fc_tokenizer *t = fixture_open(file, sizeof file - 1, cases[i].config, &e);
		if (!cases[i].why)
			T_OK(t, "configs: the positive control opens");
		else
			T_OK(!t && strstr(e.msg, "tokenizer_config.json") &&
				strstr(e.msg, cases[i].why),
			    "configs: case %zu names %s", i, cases[i].why);
		fc_tokenizer_free(t);
	}
}

/* Every beginning of a good file is refused; flipped bytes never do harm. */
static void test_damage(void)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_tokenizer *t;
	struct fc_tokens tokens = {0};
	struct fc_rng r;
	int accepted = 0;
	if (!T_OK(fc_file_read("tests/data/tokenizer/bytes.json", 1 << 20, &b, &e) == 0,
		"damage: reads"))
		return;
	t = fixture_open(b.p, b.n, NULL, &e);
	T_OK(t, "damage: the undamaged file opens");
	fc_tokenizer_free(t);
	size_t n = b.n;
	while (n && b.p[n - 1] == '\n')
		n--;
	for (size_t i = 0; i < n; i += i < 200 || i + 200 > n ? 1 : 97) {
		t = fixture_open(b.p, i, NULL, &e);
		accepted += t != NULL;
		fc_tokenizer_free(t);
	}
	T_EQ(accepted, 0, "damage: beginnings that open");
	fc_rng_seed(&r, 11);
	for (int i = 0; i < 500; i++) {
		size_t at = fc_rng_below(&r, n);
		char old = b.p[at];
		b.p[at] = (char)fc_rng_below(&r, 256);
		t = fixture_open(b.p, n, NULL, &e);
		tokens.n = 0;
		if (t)
			fc_tokenizer_encode(
			    t, "the fox [MASK] caf\xc3\xa9 12345", 24, NULL, 0, &tokens, &e);
		fc_tokenizer_free(t);
		b.p[at] = old;
	}
	T_OK(true, "damage: 500 flipped bytes survived");
	fc_tokens_release(&tokens);
	fc_buf_release(&b);
}

static void test_nesting(void)
{
	struct fc_buf b = FC_BUF_INIT;
	for (int i = 0; i < 100000; i++)
		fc_buf_addc(&b, '[');
	T_OK(!fixture_open(b.p, b.n, NULL, &e), "nesting: a hundred thousand brackets are refused");
	fc_buf_clear(&b);
	for (int i = 0; i < 12; i++)
		fc_buf_adds(&b, "{\"type\":\"Sequence\",\"normalizers\":[");
	fc_buf_adds(&b, "{\"type\":\"NFC\"}");
	for (int i = 0; i < 12; i++)
		fc_buf_adds(&b, "]}");
	T_OK(!fixture_parts(b.p, "null", MODEL, "[]", &e), "nesting: nor sequences twelve deep");
	fc_buf_release(&b);
	T_OK(!fixture_open("", 0, NULL, &e), "an empty file is refused");
	struct fc_tokenizer *t;
	T_OK(fc_tokenizer_open(&t, "/nonexistent/model", &e) < 0 && !t &&
		strstr(e.msg, "/nonexistent"),
	    "a missing folder is named");
}

/* Adds n times part to the list, commas between. */
static char *repeated(const char *open, const char *part, int n, const char *close)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_adds(&b, open);
	for (int i = 0; i < n; i++)
		fc_buf_addf(&b, "%s%s", i ? "," : "", part);
	fc_buf_adds(&b, close);
	return fc_buf_detach(&b);
}

#define SEQUENCE(list) "{\"type\":\"Sequence\",\"" list "\":["
#define REPLACE_A(with)                                                                            \
	"{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"" with "\"}"
#define METASPACE(mark)                                                                            \
	"{\"type\":\"Metaspace\",\"replacement\":\"" mark                                          \
	"\",\"prepend_scheme\":\"always\",\"split\":false}"

/* A text of 200,000 letters, then again one letter: a failure leaves nothing behind. */
static void grows(char *normalizer, char *pretok, const char *says, bool one_is_fine)
{
	enum { N = 200000 };
	struct fc_tokenizer *t = fixture_parts(normalizer, pretok, MODEL, "[]", &e);
	struct fc_tokens tokens = {0};
	char *text = fc_malloc(N);
	memset(text, 'a', N);
	if (T_OK(t, "growing: opens")) {
		T_OK(fc_tokenizer_encode(t, text, N, NULL, 0, &tokens, &e) < 0 &&
			strstr(e.msg, says),
		    "growing: refused: %s", e.msg);
		T_OK(!tokens.n, "growing: no tokens");
		T_OK((fc_tokenizer_encode(t, text, 1, NULL, 0, &tokens, &e) == 0) == one_is_fine,
		    "growing: one letter");
		T_OK(fc_tokenizer_encode(t, "b", 1, NULL, 0, &tokens, &e) == 0,
		    "growing: and one that is not replaced");
	}
	fc_tokens_release(&tokens);
	fc_tokenizer_free(t);
	free(text);
	free(normalizer);
	free(pretok);
}

static void test_growth(void)
{
	char *long_a = repeated("{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},"
				"\"content\":\"",
	    "ab", 1700, "\"}"); /* 5,099 bytes */
	grows(long_a, fc_strdup("null"), "normalizer 1 (Replace) makes", true);
	grows(repeated(SEQUENCE("normalizers"), REPLACE_A("aa"), 40, "]}"), fc_strdup("null"),
	    "normalizer 6 (Replace) makes", false);
	grows(fc_strdup("null"),
	    repeated(SEQUENCE("pretokenizers") "{\"type\":\"Split\",\"pattern\":{\"Regex\":\".\"},"
					       "\"behavior\":"
					       "\"Isolated\",\"invert\":false},",
		METASPACE("\xe2\x96\x81") "," METASPACE("_"), 20, "]}"),
	    "pre-tokenizer 17 (Metaspace) makes", true);
	static const char *const decoder[] = {REPLACE_A("aa"), REPLACE_A("aaaa")};
	for (int i = 0; i < 2; i++)
		for (int n = 1; n <= 40; n += 39 - 30 * i) {
			char *list = repeated(SEQUENCE("decoders"), decoder[i], n, "]}");
			struct fc_buf b = FC_BUF_INIT;
			fc_buf_addf(&b, "{\"decoder\":%s,\"model\":%s}", list, MODEL);
			struct fc_tokenizer *t = fixture_open(b.p, b.n, NULL, &e);
			T_OK(n == 1 ? t != NULL
				    : !t &&
				    strstr(e.msg,
					i ? "decoder 3 (Replace) can make"
					  : "decoder 6 (Replace) can make"),
			    "growing: %d decoders: %s", n, t ? "fine" : e.msg);
			fc_tokenizer_free(t);
			fc_buf_release(&b);
			free(list);
		}
}

int main(void)
{
	fixture_begin();
	test_config();
	test_added_by_config();
	test_fingerprint();
	test_refused_parts();
	test_sentencepiece();
	test_patterns();
	test_match_limit();
	test_refused_configs();
	test_damage();
	test_nesting();
	test_growth();
	fixture_end();
	return t_done();
}
