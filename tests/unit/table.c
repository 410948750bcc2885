/* SPDX-License-Identifier: Apache-2.0 */
#include "text/table.h"

#include <stdlib.h>

#include "t.h"
#include "text/category.h"

static struct fc_table make(void)
{
	static const struct fc_column columns[] = {
	    FC_COLUMN("name"), FC_COLUMN("n"), FC_COLUMN("value", .decimals = 2)};
	struct fc_table t = FC_TABLE(columns);
	FC_TABLE_ROW(&t, fc_cell_text("caf\xc3\xa9"), fc_cell_count(7), fc_cell_share(1, 3));
	FC_TABLE_ROW(&t, fc_cell_text("a\tb\\\n"), fc_cell_count(12345), fc_cell_none());
	FC_TABLE_ROW(&t, fc_cell_text(""), fc_cell_count(0), fc_cell_real(NAN));
	return t;
}

static void check_table(
    struct fc_table *t, enum fc_table_format format, const char *expect, const char *what)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_table_print(t, format, &b);
	T_STR(b.p, expect, what);
	fc_buf_release(&b);
	fc_table_release(t);
}

static void check(enum fc_table_format format, const char *expect, const char *what)
{
	struct fc_table t = make();
	check_table(&t, format, expect, what);
}

/* One declaration of columns, for people and for programs. */
static void test_columns(void)
{
	static const struct fc_column columns[] = {FC_COLUMN("model"),
	    FC_COLUMN("group", .shown = FC_SHOWN_PROGRAMS),
	    FC_COLUMN("old", .shown = FC_SHOWN_NEVER),
	    FC_COLUMN("bits_per_byte", .decimals = 2, .heading = "bits/byte",
		.interval = FC_INTERVAL_BRACKETS),
	    FC_COLUMN("acc", .decimals = 1, .interval = FC_INTERVAL_COLUMNS),
	    FC_COLUMN("loss", .decimals = 1, .interval = FC_INTERVAL_PROGRAMS)};
	static const struct {
		enum fc_table_format format;
		const char *expect;
	} v[] = {
	    {FC_TABLE_TEXT,
		"model  bits/byte  95% interval  acc  acc_low  acc_high  loss\n"
		"a           1.25  [1.00, 1.50]  0.5      0.4       0.6   2.0\n"
		"-              -  -             0.5        -         -     -\n"},
	    {FC_TABLE_TSV,
		"model\tgroup\tbits_per_byte\tbits_per_byte_low\tbits_per_byte_high\tacc\tacc_low\t"
		"acc_high\tloss\tloss_low\tloss_high\n"
		"a\tall\t1.25\t1\t1.5\t0.5\t0.4\t0.6\t2\t1\t3\n"
		"\tall\t\t\t\t0.5\t\t\t\t\t\n"},
	};
	for (size_t i = 0; i < FC_LEN(v); i++) {
		struct fc_table t = FC_TABLE(columns);
		FC_TABLE_ROW(&t, fc_cell_text("a"), fc_cell_text("all"), fc_cell_count(9),
		    fc_cell_within(1.25, (struct fc_interval){1, 1.5}),
		    fc_cell_within(0.5, (struct fc_interval){0.4, 0.6}),
		    fc_cell_within(2, (struct fc_interval){1, 3}));
		FC_TABLE_ROW(&t, fc_cell_text(NULL), fc_cell_text("all"), fc_cell_none(),
		    fc_cell_real(NAN), fc_cell_real(0.5), fc_cell_none());
		check_table(&t, v[i].format, v[i].expect, "table: columns declared once");
	}
	struct fc_table empty = FC_TABLE(columns);
	check_table(&empty, FC_TABLE_TEXT,
	    "model  bits/byte  95% interval  acc  acc_low  acc_high  loss\n", "table: no rows");
}

static void test_category(void)
{
	struct fc_err e;
	char *s = NULL;
	static const struct {
		const char *json, *expect;
	} cases[] = {
	    {"{\"f\": \"x\"}", "x"},
	    {"{\"f\": 3}", "3"},
	    {"{\"f\": 0.5}", "0.5"},
	    {"{\"f\": true}", "true"},
	    {"{\"f\": null}", FC_CATEGORY_NONE},
	    {"{\"f\": [1]}", FC_CATEGORY_NONE},
	    {"{\"g\": 1}", FC_CATEGORY_NONE},
	    {"", FC_CATEGORY_NONE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (fc_category_parse(cases[i].json, strlen(cases[i].json), "f", "test", &s, &e) <
		    0)
			s = NULL;
		T_STR(s, cases[i].expect, "category: by kind of member");
		free(s);
	}
	T_OK(fc_category_parse("{", 1, "f", "test", &s, &e) < 0, "category: no JSON");
	T_OK(fc_category_parse("{\"f\": \"all\"}", 12, "f", "test", &s, &e) < 0 &&
		!strcmp(e.msg,
		    "test: a category (\"f\") is called 'all', as tables call all of them "
		    "together; give it another name"),
	    "category: none is called as all of them together");

	struct fc_categories c = {0};
	T_EQ(fc_categories_number(&c, "m"), 0, "categories: numbered as they come");
	T_EQ(fc_categories_number(&c, "z"), 1, "categories: another");
	T_EQ(fc_categories_number(&c, "a"), 2, "categories: a third");
	T_EQ(fc_categories_number(&c, "m"), 0, "categories: known");
	T_OK(c.n == 3 && c.sorted[0] == 2 && c.sorted[1] == 0 && c.sorted[2] == 1,
	    "categories: sorted by name");
	fc_categories_release(&c);
}

int main(void)
{
	check(FC_TABLE_TEXT,
	    "name       n  value\n"
	    "caf\xc3\xa9       7   0.33\n"
	    "a b\\   12345      -\n"
	    "           0      -\n",
	    "table: text");
	check(FC_TABLE_TSV,
	    "name\tn\tvalue\n"
	    "caf\xc3\xa9\t7\t0.333333333\n"
	    "a\\tb\\\\\\n\t12345\t\n"
	    "\t0\t\n",
	    "table: TSV");
	check(FC_TABLE_JSON,
	    "{\"name\": \"caf\xc3\xa9\", \"n\": 7, \"value\": 0.333333333}\n"
	    "{\"name\": \"a\\u0009b\\\\\\n\", \"n\": 12345, \"value\": null}\n"
	    "{\"name\": \"\", \"n\": 0, \"value\": null}\n",
	    "table: JSON");
	test_columns();
	test_category();
	return t_done();
}
