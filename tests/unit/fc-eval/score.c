/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/score.h"

#include "fc-eval/measure/groups.h"
#include "t.h"

static void test_score(void)
{
	/* "ab|c|def", the last two trained, a row only at the last */
	struct fc_example x;
	fc_example_init(&x);
	fc_buf_adds(&x.text, "abcdef");
	fc_example_add_token(&x, 0, 2, 0);
	fc_example_add_token(&x, 1, 3, FC_TOK_TRAINED);
	fc_example_add_token(&x, 2, 6, FC_TOK_TRAINED);
	fc_example_add_row(&x, 2, 1, (uint32_t[]){2}, (float[]){-.5f}, -.5f);
	x.nll = 3;
	x.n_label = 4;
	x.label_bytes = 7;
	struct eval_score a = eval_score_of(&x, EVAL_SCORE_NLL),
			  b = eval_score_of(&x, EVAL_SCORE_ROWS);
	T_OK(a.nll == 3 && a.n_token == 4 && a.n_byte == 7, "the model's own labels");
	T_OK(b.nll == .5 && b.n_token == 1 && b.n_byte == 3, "the rows");
	T_OK(a.n_row == 1 && a.n_label == 2, "coverage");
	eval_score_add(&a, &b);
	T_OK(a.nll == 3.5 && a.n_token == 5 && a.n_byte == 10 && a.n_row == 2 && a.n_label == 4,
	    "sums");
	fc_example_release(&x);
}

static void test_words(void)
{
	static const struct {
		const char *text;
		uint64_t words;
	} t[] = {
	    {"", 1},
	    {"a", 1},
	    {"a b", 2},
	    {" a  b\n", 4},
	    {"\n", 2},
	    {"a\xc2\xa0"
	     "b",
		2},
	    {"a\xe3\x80\x80 b", 2},
	    {"a\xff"
	     "b c",
		2},
	    {"a\x1f"
	     "b",
		2},
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		T_EQ((int)eval_score_words(t[i].text, strlen(t[i].text)), (int)t[i].words,
		    "words as re.split counts them");
}

static void test_groups(void)
{
	struct eval_groups g = {0};
	const char *name;
	eval_groups_add(&g, "b");
	eval_groups_add(&g, "a");
	eval_groups_add(&g, NULL);
	eval_groups_add(&g, "b");
	T_EQ(eval_groups_count(&g), 3, "groups: all and two");
	T_EQ(eval_groups_at(&g, 0, &name)->n, 4, "groups: all of them");
	T_STR(name, "all", "groups: first");
	const struct eval_group *a = eval_groups_at(&g, 1, &name);
	T_OK(!strcmp(name, "a") && a->n == 1 && a->item[0] == 1, "groups: by name");
	const struct eval_group *b = eval_groups_at(&g, 2, &name);
	T_OK(!strcmp(name, "b") && b->n == 2 && b->item[0] == 0 && b->item[1] == 3,
	    "groups: in the order of their conversations");
	eval_groups_release(&g);
}

int main(void)
{
	test_score();
	test_words();
	test_groups();
	return t_done();
}
