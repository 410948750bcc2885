/* SPDX-License-Identifier: Apache-2.0 */
/* The pull scanner against jansson, which reads the same texts. */
#include "base/rng.h"
#include "t.h"
#include "text/json.h"
#include "text/jsonscan.h"
#include "text/utf8.h"

static const char *const parts[] = {"a", "\"", "\\\"", "\\\\", "\\n", "\\u0041", "\\u00e9",
    "\\ud83d\\ude00", "\\ud83d", "\\ude00", "\\u12", "\\x", "\\/", "\n", "\xc3\xa9", " ", "\\u0000",
    "{", "}", "[", "]", ",", ":", "\\t\\b\\f\\r", "1", "-"};

static void test_strings(void)
{
	struct fc_rng r;
	struct fc_err e;
	struct fc_buf b = FC_BUF_INIT;
	int differ = 0, good = 0, bad = 0;
	fc_rng_seed(&r, 5);
	for (int i = 0; i < 20000; i++) {
		struct fc_buf text = FC_BUF_INIT;
		fc_buf_addc(&text, '"');
		for (uint64_t k = fc_rng_below(&r, 6); k; k--)
			fc_buf_adds(&text, parts[fc_rng_below(&r, sizeof parts / sizeof *parts)]);
		fc_buf_addc(&text, '"');
		json_t *v = fc_json_text(text.p, text.n, "text", &e);
		struct fc_jsonscan s = {text.p, text.n, 0};
		const char *p;
		size_t n;
		bool ok = fc_jsonscan_string(&s, &b, &p, &n) && s.i == text.n;
		good += ok;
		bad += !ok;
		if (ok != (v != NULL) ||
		    (ok &&
			(n != json_string_length(v) || memcmp(p, json_string_value(v), n) != 0))) {
			differ++;
			printf("# %s\n", text.p);
		}
		json_decref(v);
		fc_buf_release(&text);
	}
	T_OK(good > 3000 && bad > 3000, "strings: %d well-formed, %d not", good, bad);
	T_EQ(differ, 0, "strings read otherwise than by jansson");
	fc_buf_release(&b);
}

static void test_integers(void)
{
	static const struct {
		const char *text;
		bool good;
		int64_t v;
	} cases[] = {{"0", true, 0}, {" 7,", true, 7}, {"-12}", true, -12},
	    {"999999999999999999", true, 999999999999999999}, {"1000000000000000000", false, 0},
	    {"01", false, 0}, {"1.5", false, 0}, {"1e3", false, 0}, {"", false, 0}, {"-", false, 0},
	    {"\"1\"", false, 0}, {"+1", false, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fc_jsonscan s = {cases[i].text, strlen(cases[i].text), 0};
		int64_t v = 0;
		bool good = fc_jsonscan_integer(&s, &v);
		T_OK(good == cases[i].good && (!good || v == cases[i].v), "integer \"%s\"",
		    cases[i].text);
	}
}

static void test_skip(void)
{
	static const struct {
		const char *text;
		int after; /* -1: refused */
	} cases[] = {{"1,2", 1}, {"true}", 4}, {"\"a\\\"b\",", 6}, {"{\"a\":[1,{}]} ,", 12},
	    {"[]", 2}, {"[}", -1}, {"[", -1}, {"\"a", -1}, {"\"a\\", -1}, {",", -1}, {"]", -1},
	    {"", -1}, {"null", 4}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fc_jsonscan s = {cases[i].text, strlen(cases[i].text), 0};
		bool good = fc_jsonscan_skip(&s);
		T_OK(good == (cases[i].after >= 0) && (!good || s.i == (size_t)cases[i].after),
		    "skip %s", cases[i].text);
	}
	struct fc_buf b = FC_BUF_INIT;
	for (int i = 0; i < 10000; i++)
		fc_buf_addc(&b, '[');
	struct fc_jsonscan s = {b.p, b.n, 0};
	T_OK(!fc_jsonscan_skip(&s), "skip: ten thousand brackets");
	fc_buf_release(&b);
}

static void test_reals(void)
{
	static const struct {
		const char *text;
		bool good;
		double v;
	} cases[] = {{"0", true, 0}, {" -1.5,", true, -1.5}, {"-12]", true, -12},
	    {"2e3", true, 2000}, {"-0.25E-2", true, -0.0025}, {"1.", false, 0}, {".5", false, 0},
	    {"01", false, 0}, {"1e", false, 0}, {"- 1", false, 0}, {"", false, 0},
	    {"NaN", false, 0},
	    {"0.00000000000000000000000000000000000000000000000000000000000001", false, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fc_jsonscan s = {cases[i].text, strlen(cases[i].text), 0};
		double v = 0;
		bool good = fc_jsonscan_real(&s, &v);
		T_OK(
		    good == cases[i].good && (!good || v == cases[i].v), "real: %s", cases[i].text);
	}
}

int main(void)
{
	test_strings();
	test_integers();
	test_reals();
	test_skip();
	return t_done();
}
