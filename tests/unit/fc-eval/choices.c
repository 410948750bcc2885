/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/choices.h"

#include "fc-eval/measure/task.h"
#include "t.h"

static void test_measures(void)
{
	/* per character the second is best, per byte the third, alone the fourth gains most */
	const struct eval_mc_choice c[] = {
	    {-4, -4.5, 2, 2, 0}, {-6, -5, 6, 12, 1}, {-8, -7, 5, 20, 0}, {-9, -20, 3, 3, -1}};
	double total = 0, brier = 0, got[EVAL_MC_COUNT];
	for (size_t i = 0; i < 4; i++)
		total += exp(c[i].ll);
	for (size_t gold = 0; gold < 4; gold++) {
		eval_mc_measure(c, 4, gold, got);
		T_EQ((int)got[EVAL_MC_ACC], gold == 0, "likeliest");
		T_EQ((int)got[EVAL_MC_ACC_NORM], gold == 1, "per character");
		T_EQ((int)got[EVAL_MC_ACC_BYTES], gold == 2, "per byte");
		T_EQ((int)got[EVAL_MC_MUTUAL], gold == 3, "mutual information");
		if (gold < 3)
			T_EQ((int)got[EVAL_MC_EXACT], gold == 1, "greedy");
		else
			T_OK(isnan(got[EVAL_MC_EXACT]), "greedy is not known");
		brier = 0;
		for (size_t i = 0; i < 4; i++)
			brier += pow(exp(c[i].ll) / total - (i == gold ? 1 : 0), 2);
		T_OK(t_near(got[EVAL_MC_BRIER], brier, 1e-12), "Brier score %g", brier);
	}
	const struct eval_mc_choice far[] = {{-2000, NAN, 1, 1, 0}, {-2000, NAN, 1, 1, 0}};
	eval_mc_measure(far, 2, 1, got);
	T_OK(got[EVAL_MC_ACC] == 0 && got[EVAL_MC_BRIER] == 0.5 && isnan(got[EVAL_MC_MUTUAL]),
	    "of equal choices the first; tiny likelihoods; none without context");
}

static void test_likelihood(void)
{
	struct fc_example x;
	fc_example_init(&x);
	for (uint32_t t = 0; t < 5; t++)
		fc_example_add_token(&x, t, t, t == 1 || t == 4);
	fc_example_add_row(&x, 1, 0, NULL, NULL, -2);
	fc_example_add_row(&x, 4, 0, NULL, NULL, -3);
	x.nll = 5.5;
	T_OK(eval_mc_likelihood(&x) == -3, "the last of two answers, from its rows");
	x.flags[1] = 0;
	T_OK(eval_mc_likelihood(&x) == -5.5, "one answer, as the model's run left it");
	x.flags[3] = 1;
	x.n_label = 2;
	T_OK(eval_mc_likelihood(&x) == -5.5, "one whose rows were carried over, some not");
	x.nll = 3;
	x.n_label = 1;
	T_OK(isnan(eval_mc_likelihood(&x)), "one of which a part was summed");
	x.flags[1] = 1;
	x.nll = 5;
	x.n_label = 2;
	T_OK(isnan(eval_mc_likelihood(&x)), "the last of two, a part of it without row");
	fc_example_release(&x);
}

/* "id|context|choice|...|gold|extra" or "!message" */
static void expect_task(const char *line, const char *want, const char *what)
{
	struct eval_task t;
	struct fc_err e;
	struct fc_buf b = FC_BUF_INIT;
	if (eval_task_parse(&t, line, strlen(line), 7, "t", &e) < 0) {
		fc_buf_addf(&b, "!%s", e.msg);
	} else {
		fc_buf_addf(&b, "%s|%s", t.id, t.context);
		for (size_t i = 0; i < t.n_choice; i++)
			fc_buf_addf(&b, "|%s:%zu:%zu", t.choice[i].text, t.choice[i].n_chars,
			    t.choice[i].n_bytes);
		fc_buf_addf(&b, "|%zu|", t.gold);
		fc_json_dump(&b, t.extra);
		eval_task_release(&t);
	}
	T_STR(b.p, want, what);
	fc_buf_release(&b);
}

static void test_tasks(void)
{
	static const char gold[] =
	    "!t: \"gold\" or \"answer\" names none of the 2 choices: expected "
	    "a number from 0, a label or a letter";
	expect_task(
	    "{\"id\":\"a\",\"question\":\"q\",\"choices\":[\"x\",\"\xc3\xa9\"],\"answer\":1,"
	    "\"topic\":\"z\"}",
	    "a|q|x:1:1|\xc3\xa9:1:2|1|{\"topic\":\"z\"}", "a number");
	expect_task("{\"context\":\"q\",\"choices\":[\"x\",\"y\",\"z\"],\"gold\":\"C\"}",
	    "line-7|q|x:1:1|y:1:1|z:1:1|2|{}", "a letter");
	expect_task(
	    "{\"id\":3,\"question\":\"q\",\"choices\":{\"text\":[\"x\",\"y\"],\"label\":[\"1\","
	    "\"2\"]},\"answerKey\":\"2\"}",
	    "3|q|x:1:1|y:1:1|1|{}", "labels");
	expect_task(
	    "{\"context\":\"q\",\"choices\":[\"x\",\"y\"],\"gold\":2}", gold, "out of range");
	expect_task(
	    "{\"context\":\"q\",\"choices\":[\"x\",\"y\"],\"gold\":\"C\"}", gold, "a letter too");
	expect_task("{\"context\":\"q\",\"choices\":[\"x\",\"y\"]}", gold, "nothing is right");
	expect_task("{\"context\":\"q\",\"choices\":[\"x\"],\"gold\":0}",
	    "!t: expected a list \"choices\" of at least two", "one choice");
	expect_task("{\"context\":\"q\",\"choices\":[\"x\",\"\"],\"gold\":0}",
	    "!t: choice 2 is not a text", "an empty choice");
	expect_task("{\"choices\":[\"x\",\"y\"],\"gold\":0}",
	    "!t: expected a string \"context\" or \"question\"", "no context");
	expect_task("[]", "!t: expected an object", "no object");
}

int main(void)
{
	test_measures();
	test_likelihood();
	test_tasks();
	return t_done();
}
