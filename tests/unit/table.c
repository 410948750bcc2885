/* SPDX-License-Identifier: Apache-2.0 */
#include "text/table.h"

#include <stdlib.h>

#include "t.h"
#include "text/category.h"

static struct fc_table *make(void)
{
	struct fc_table *t = fc_table_new();
	fc_table_column(t, "name", 0);
	fc_table_column(t, "n", 0);
	fc_table_column(t, "value", 2);
	fc_table_text(t, "caf\xc3\xa9");
	fc_table_int(t, 7);
	fc_table_real(t, 1.0 / 3);
	fc_table_text(t, "a\tb\\\n");
	fc_table_int(t, 12345);
	fc_table_none(t);
	fc_table_text(t, "");
	fc_table_int(t, 0);
	fc_table_real(t, NAN);
	return t;
}

static void check(enum fc_table_format format, const char *expect, const char *what)
{
	struct fc_table *t = make();
	struct fc_buf b = FC_BUF_INIT;
	fc_table_print(t, format, &b);
	T_STR(b.p, expect, what);
	fc_buf_release(&b);
	fc_table_free(t);
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
	test_category();
	return t_done();
}
