/* SPDX-License-Identifier: Apache-2.0 */
#include "token/pretypes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/*
 * What the names stand for, as the models' own tokenizer.json files have it; the names, and which
 * of them share a way, are those of llama.cpp (src/llama-vocab.cpp).  Patterns are in Oniguruma's
 * syntax and cut one after the other.
 */
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define SHORT "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define REST "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define CL100K(numbers) SHORT "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" numbers REST
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
/* words by case: o200k and its like */
#define CASED(behind, numbers)                                                                     \
	"[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" behind "|[^\\r\\n\\p{L}\\p{N}]?" UPPER        \
	"+" LOWER "*" behind "|" numbers                                                           \
	"| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define HAN "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+"
#define DEEPSEEK_LETTERS                                                                           \
	"A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}"             \
	"\\x{1c4}-\\x{293}\\x{295}-\\x{2af}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37b}-"             \
	"\\x{37d}\\x{37f}\\x{386}\\x{388}-\\x{38a}\\x{38c}\\x{38e}-\\x{3a1}\\x{3a3}-"              \
	"\\x{3f5}\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}\\x{531}-\\x{556}\\x{10a0}-\\x{10c5}"           \
	"\\x{13a0}-\\x{13f5}\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}\\x{1cbd}-\\x{1cbf}"             \
	"\\x{1d00}-\\x{1d2b}\\x{1d6b}-\\x{1d77}\\x{1d79}-\\x{1d9a}\\x{1e00}-\\x{1f15}"             \
	"\\x{1f18}-\\x{1f1d}\\x{1f20}-\\x{1f45}\\x{1f48}-\\x{1f4d}\\x{1f50}-\\x{1f57}"             \
	"\\x{1f59}\\x{1f5b}\\x{1f5d}\\x{1f5f}-\\x{1f7d}\\x{1f80}-\\x{1fb4}\\x{1fb6}-"              \
	"\\x{1fbc}\\x{1fbe}\\x{1fc2}-\\x{1fc4}\\x{1fc6}-\\x{1fcc}\\x{1fd0}-\\x{1fd3}"              \
	"\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}\\x{1ff2}-\\x{1ff4}\\x{1ff6}-\\x{1ffc}"             \
	"\\x{2102}\\x{2107}\\x{210a}-\\x{2113}\\x{2115}\\x{2119}-\\x{211d}\\x{2124}"               \
	"\\x{2126}\\x{2128}\\x{212a}-\\x{212d}\\x{212f}-\\x{2134}\\x{2139}\\x{213c}-"              \
	"\\x{213f}\\x{2145}-\\x{2149}\\x{214e}\\x{2183}\\x{2184}\\x{2c00}-\\x{2c7b}"               \
	"\\x{2c7e}-\\x{2ce4}\\x{2ceb}-\\x{2cee}\\x{2cf2}\\x{2cf3}\\x{a640}-\\x{a66d}"              \
	"\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}\\x{a771}-\\x{a787}\\x{a78b}-\\x{a78e}"             \
	"\\x{ab70}-\\x{abbf}\\x{fb00}-\\x{fb06}\\x{fb13}-\\x{fb17}\\x{ff21}-\\x{ff3a}"             \
	"\\x{ff41}-\\x{ff5a}\\x{10400}-\\x{1044f}\\x{104b0}-\\x{104d3}\\x{104d8}-\\x{104fb}"       \
	"\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}\\x{118a0}-\\x{118df}\\x{1e900}-"               \
	"\\x{1e943}"

struct way {
	const char *names; /* separated by | */
	const char *pattern[6];
	bool ignore_merges, adds_bos;
};

static const struct way ways[] = {
    {"default", {"[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}, false, false},
    {"gpt-2|phi-2|mpt|olmo|jais|trillion|granite-docling|gigachat|a.x-4.0|mellum|modern-bert|"
     "roberta-bpe|exaone4",
	{GPT2}, false, false},
    {"llama-bpe|llama3|llama-v3|falcon3|falcon-h1|pixtral|midm-2.0|lfm2", {CL100K("\\p{N}{1,3}")},
	true, true},
    {"dbrx|smaug-bpe|chatglm-bpe|glm4", {CL100K("\\p{N}{1,3}")}, false, false},
    {"qwen2|deepseek-r1-qwen|stablelm2|megrez|hunyuan", {CL100K("\\p{N}")}, false, false},
    {"qwen35",
	{SHORT "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|"
	       "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
	false, false},
    {"tekken", {CASED("", "\\p{N}")}, true, true},
    {"gpt-4o|llama4", {CASED(SHORT "?", "\\p{N}{1,3}")}, false, false},
    {"falcon", {"[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]"}, false, false},
    {"starcoder|refact|command-r|smollm|codeshell|exaone|minerva-7b", {"\\p{N}", GPT2}, false,
	false},
    {"deepseek-llm",
	{"[\\r\\n]", "\\s?[" DEEPSEEK_LETTERS "]+",
	    "\\s?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-"
	    "\\x{3002}]+",
	    "\\s+$", HAN, "\\p{N}+"},
	false, false},
    {"deepseek-coder", {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", HAN, "\\p{N}"}, false, false},
    {"deepseek-v3|hunyuan-dense",
	{"\\p{N}{1,3}", "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+",
	    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?"
	    "[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
	false, false},
};

static bool is_among(const char *names, const char *name, size_t n)
{
	for (const char *p = names; p; p = strchr(p, '|'), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, n) && (p[n] == '|' || !p[n]))
			return true;
	return false;
}

int fc_pretype_find(
    struct fc_pretype *p, const char *name, size_t n, const char *where, struct fc_err *e)
{
	size_t i = 0;
	while (i < FC_LEN(ways) && (!n || !is_among(ways[i].names, name, n)))
		i++;
	if (i == FC_LEN(ways))
		return fc_fail(e, "%s: tokenizer.ggml.pre \"%.*s\" is not known", where,
		    n < 64 ? (int)n : 64, name);
	json_t *list = json_array();
	for (size_t k = 0; k < FC_LEN(ways[i].pattern) && ways[i].pattern[k]; k++)
		json_array_append_new(list,
		    json_pack("{s:s, s:{s:s}, s:s, s:b}", "type", "Split", "pattern", "Regex",
			ways[i].pattern[k], "behavior", "Isolated", "invert", 0));
	json_array_append_new(list,
	    json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0,
		"trim_offsets", 0, "use_regex", 0));
	p->pretok = json_pack("{s:s, s:o}", "type", "Sequence", "pretokenizers", list);
	p->ignore_merges = ways[i].ignore_merges;
	p->adds_bos = ways[i].adds_bos;
	return 0;
}

static bool is_true(const json_t *o, const char *key, bool def)
{
	const json_t *v = json_object_get(o, key);
	return v ? json_is_true(v) : def;
}

static bool is_string(const json_t *o, const char *key, const char *value)
{
	const char *is = json_string_value(json_object_get(o, key));
	return is && !strcmp(is, value);
}

void fc_pretype_describe(const json_t *o, struct fc_buf *b)
{
	const json_t *list = json_object_get(o, "pretokenizers");
	const char *regex =
	    json_string_value(json_object_get(json_object_get(o, "pattern"), "Regex"));
	if (is_string(o, "type", "Sequence")) {
		for (size_t i = 0; i < json_array_size(list); i++)
			fc_pretype_describe(json_array_get(list, i), b);
	} else if (is_string(o, "type", "ByteLevel")) {
		/* trim_offsets changes no token */
		fc_buf_adds(b, is_true(o, "add_prefix_space", true) ? "space\n" : "");
		fc_buf_adds(b, is_true(o, "use_regex", true) ? "split " GPT2 "\n" : "");
		fc_buf_adds(b, "bytes\n");
	} else if (is_string(o, "type", "Digits")) {
		fc_buf_addf(
		    b, "split %s\n", is_true(o, "individual_digits", false) ? "\\p{N}" : "\\p{N}+");
	} else if (is_string(o, "type", "Split") && regex && is_string(o, "behavior", "Isolated") &&
	    !is_true(o, "invert", false)) {
		fc_buf_addf(b, "split %s\n", regex);
	} else {
		char *other = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
		fc_buf_addf(b, "%s\n", other ? other : "");
		free(other);
	}
}
