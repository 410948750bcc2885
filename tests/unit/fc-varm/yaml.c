/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as a tree; hostile files. */
#include "base/buf.h"
#include "base/mem.h"
#include "fc-varm/recipe/yamltree.h"
#include "fc-varm/recipe/yamlwrite.h"
#include "t.h"

static struct fc_err e;

static struct yaml_file parse(const char *text)
{
	struct yaml_file f;
	if (varm_yaml_parse(&f, text, strlen(text), "r.yml", &e) < 0) {
		printf("# %s\n", e.msg);
		varm_yaml_release(&f);
	}
	return f;
}

static void refuses(const char *text, const char *message)
{
	struct yaml_file f;
	int ret = varm_yaml_parse(&f, text, strlen(text), "r.yml", &e);
	if (!T_OK(ret < 0 && strstr(e.msg, message), "refused: %s", message))
		printf("# %d: %s\n", ret, ret < 0 ? e.msg : "accepted");
	varm_yaml_release(&f);
}

static void test_tree(void)
{
	struct yaml_file f = parse("# a recipe\n"
				   "models:\n"
				   "  - model: a/b  # first\n"
				   "    parameters: {weight: [0, 0.5, 1], on: \"1\"}\n"
				   "  - model: 'c d'\n"
				   "empty:\n"
				   "block: |\n  two\n  lines\n"
				   "---\nsecond: true\n");
	T_EQ(f.n_doc, 2, "documents");
	const struct yaml *models = varm_yaml_get(f.doc[0], "models");
	T_EQ(models->kind, YAML_LIST, "a list");
	T_EQ(models->n, 2, "items");
	T_STR(varm_yaml_get(models->item[0], "model")->text, "a/b", "text without comment");
	T_EQ(varm_yaml_get(models->item[1], "model")->line, 5, "line");
	T_OK(!varm_yaml_get(models->item[1], "model")->plain, "quoted");
	const struct yaml *w =
	    varm_yaml_get(varm_yaml_get(models->item[0], "parameters"), "weight");
	double x = -1;
	T_OK(w->n == 3 && varm_yaml_real(w->item[1], &x) && x == 0.5, "a number in a list");
	T_OK(varm_yaml_is_null(varm_yaml_get(f.doc[0], "empty")), "nothing is null");
	T_OK(!strcmp(varm_yaml_get(f.doc[0], "block")->text, "two\nlines\n"), "a block");
	T_OK(!varm_yaml_get(f.doc[0], "none"), "a key that is not there");
	varm_yaml_release(&f);
}

static void test_scalars(void)
{
	static const struct {
		const char *text;
		double value; /* NAN: no number */
	} cases[] = {{"1", 1}, {"-0.25", -0.25}, {"1e-5", 1e-5}, {".5", .5}, {"+3.", 3},
	    {"true", 1}, {"off", 0}, {"010", NAN}, {"0x10", NAN}, {"1_000", NAN}, {"1:30", NAN},
	    {".inf", NAN}, {"nan", NAN}, {"1e999", NAN}, {"", NAN}, {"1 2", NAN}, {"e", NAN},
	    {"1e", NAN}, {"-", NAN}};
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		struct yaml v = {
		    .kind = YAML_TEXT, .text = fc_strdup(cases[i].text), .plain = true};
		double x = 77;
		bool number = varm_yaml_real(&v, &x);
		T_OK(number ? x == cases[i].value : isnan(cases[i].value), "'%s'", cases[i].text);
		free(v.text);
	}
	struct yaml half = {.kind = YAML_TEXT, .text = (char[]){"2.5"}};
	int whole;
	bool truth;
	T_OK(!varm_yaml_int(&half, &whole), "2.5 is not whole");
	T_OK(!varm_yaml_bool(&half, &truth), "nor a truth");
	half.text = (char[]){"3.0"};
	T_OK(varm_yaml_int(&half, &whole) && whole == 3, "3.0 is whole");
	half.text = (char[]){"1e10"};
	T_OK(!varm_yaml_int(&half, &whole), "beyond an int");
}

static void test_aliases(void)
{
	struct yaml_file f = parse("a: &p {x: 1, y: [2]}\n"
				   "b: *p\n"
				   "c: {<<: *p, x: 5}\n"
				   "d: {<<: [{x: 7}, *p], z: 1}\n");
	double x = 0;
	T_OK(varm_yaml_real(varm_yaml_get(varm_yaml_get(f.doc[0], "b"), "x"), &x) && x == 1,
	    "an alias");
	const struct yaml *c = varm_yaml_get(f.doc[0], "c");
	T_OK(c->n == 2 && varm_yaml_real(varm_yaml_get(c, "x"), &x) && x == 5,
	    "a map's own key first");
	T_EQ(varm_yaml_get(c, "y")->kind, YAML_LIST, "what << brings");
	T_OK(varm_yaml_real(varm_yaml_get(varm_yaml_get(f.doc[0], "d"), "x"), &x) && x == 7,
	    "the first map first");
	varm_yaml_release(&f);
	refuses("a: *p\n", "r.yml:1: alias *p");
	refuses("a: &p [*p]\n", "alias *p names nothing that ended");
	refuses("a: &p 1\n---\nb: *p\n", "alias *p");
	refuses("a: {<<: 3}\n", "<< takes a map");
}

/* Each of nine lists holds the one before it nine times. */
static void test_bombs(void)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_adds(&b, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 9; i++) {
		fc_buf_addf(&b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			fc_buf_addf(&b, "%s*a%d", k ? "," : "", i - 1);
		fc_buf_adds(&b, "]\n");
	}
	refuses(b.p, "copies by aliases counted");
	fc_buf_clear(&b);
	for (int i = 0; i < 100000; i++)
		fc_buf_addc(&b, '[');
	refuses(b.p, "nested more than 32 deep");
	fc_buf_clear(&b);
	/* Depth by aliases: each adds 20 to the one before. */
	fc_buf_adds(&b,
	    "a: &a [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\n"
	    "b: [[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]\n");
	refuses(b.p, "nested more than 32 deep");
	fc_buf_clear(&b);
	fc_buf_adds(&b, "a: '");
	for (size_t i = 0; i < YAML_MAX_BYTES; i++)
		fc_buf_addc(&b, 'x');
	fc_buf_adds(&b, "'\n");
	refuses(b.p, "more than 1048576 bytes");
	b.p[YAML_MAX_BYTES / 2] = '\0'; /* half of it, which two copies exceed */
	fc_buf_clear(&b);
	fc_buf_adds(&b, "a: &a '");
	for (size_t i = 0; i < YAML_MAX_BYTES / 2; i++)
		fc_buf_addc(&b, 'x');
	fc_buf_adds(&b, "'\nb: *a\nc: *a\n");
	refuses(b.p, "copies by aliases counted");
	fc_buf_release(&b);
}

static void test_refusals(void)
{
	refuses("a: 1\nb: 2\na: 3\n", "r.yml:3: key 'a' given twice, first in line 1");
	refuses("[a, b]: 1\n", "a list or map as a key");
	refuses("a: !!python/object:os.system x\n", "tag");
	refuses("a: !!str 1\n", "no tags");
	refuses("a:\n\t- b\n", "r.yml:2:");
	refuses("a: [1, 2\n", "r.yml:");
	refuses("a: \"x\\0y\"\n", "NUL");
	refuses("a: \xc3\x28\n", "r.yml:");
	struct yaml_file f = parse("");
	T_EQ(f.n_doc, 0, "an empty file has no document");
	varm_yaml_release(&f);
}

/* What is written is read as the same tree. */
static bool same(const struct yaml *a, const struct yaml *b)
{
	bool equal = a->kind == b->kind && a->n == b->n;
	if (equal && a->kind == YAML_TEXT)
		equal = varm_yaml_is_null(a) ? varm_yaml_is_null(b)
					     : !varm_yaml_is_null(b) && !strcmp(a->text, b->text);
	for (size_t i = 0; equal && i < a->n; i++)
		equal = same(a->item[i], b->item[i]) &&
		    (a->kind != YAML_MAP || same(a->key[i], b->key[i]));
	return equal;
}

static const char *replace(const struct yaml *v, void *ctx)
{
	(void)ctx;
	return strcmp(v->text, "/home/x/m") ? NULL : "m";
}

static void test_write(void)
{
	static const char text[] =
	    "models:\n- model: /home/x/m\n  p: {w: [1, -2.5, '1'], f: [{value: 3}]}\n"
	    "- [[a, b], {c: ~}]\n- []\n- {}\n"
	    "t: \"{% for m in x %}\\n\\\"q\\\" \\u00e9 \\x07\\u2028 - # : \"\n"
	    "n:\n'true': 'null'\nk: a b\nl: ['-', '---', '...', -.5, -5, '-5-']\n? 'a: b'\n: |\n  "
	    "x\n   y\n";
	struct fc_buf b = FC_BUF_INIT;
	struct yaml_file f = parse(text), g;
	varm_yaml_write(&b, f.doc[0], NULL, NULL);
	g = parse(b.p);
	T_OK(g.n_doc == 1 && same(f.doc[0], g.doc[0]), "written and read again");
	varm_yaml_release(&g);
	fc_buf_clear(&b);
	varm_yaml_write(&b, f.doc[0], replace, NULL);
	T_OK(strstr(b.p, "model: m\n") && !strstr(b.p, "home"), "a text replaced");
	varm_yaml_release(&f);
	fc_buf_clear(&b);
	fc_buf_adds(&b, "? '");
	for (int i = 0; i < 2000; i++)
		fc_buf_addc(&b, 'k');
	fc_buf_adds(&b, "'\n: [1]\n");
	f = parse(b.p);
	fc_buf_clear(&b);
	varm_yaml_write(&b, f.doc[0], NULL, NULL);
	g = parse(b.p);
	T_OK(g.n_doc == 1 && same(f.doc[0], g.doc[0]), "a long key, written and read again");
	varm_yaml_release(&f);
	varm_yaml_release(&g);
	fc_buf_release(&b);
}

int main(void)
{
	test_tree();
	test_scalars();
	test_aliases();
	test_bombs();
	test_refusals();
	test_write();
	return t_done();
}
