/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/judge_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void eval_plan_item_release(struct eval_plan_item *item)
{
	for (int g = 0; g < 2; g++) {
		json_decref(item->game[g].messages);
		json_decref(item->game[g].about);
		fc_buf_release(&item->game[g].prompt);
		fc_buf_release(&item->game[g].reply);
	}
	free(item->key);
}

void eval_plan_release(struct eval_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		eval_plan_item_release(&p->v[i]);
	free(p->v);
	*p = (struct eval_plan){0};
}

static bool needs_reference(const struct eval_plan_inputs *in, const char *category)
{
	size_t len = strlen(category);
	for (const char *s = in->reference_categories; *s;) {
		size_t n = strcspn(s, ",");
		if (n == len && !memcmp(s, category, n))
			return true;
		s += n + (s[n] == ',');
	}
	return false;
}

/* The prompt by mode, whether there is a reference, and turn; NULL where it is missing. */
static const struct eval_prompt *choose_prompt(
    const struct eval_plan_inputs *in, bool reference, int turn, struct fc_err *e)
{
	static const char *const names[2][2][2] = {
	    {{"single-v1", "single-v1-multi-turn"},
		{"single-math-v1", "single-math-v1-multi-turn"}},
	    {{"pair-v2", "pair-v2-multi-turn"}, {"pair-math-v1", "pair-math-v1-multi-turn"}},
	};
	if (in->mode == EVAL_PLAN_ARENA) {
		for (size_t i = 0; i < in->prompts->n; i++)
			if (in->prompts->v[i].kind == EVAL_VERDICT_ARENA)
				return &in->prompts->v[i];
		fc_fail(e, "no prompt with output_format [[A>B]] among the prompts");
		return NULL;
	}
	bool pair = in->mode != EVAL_PLAN_SINGLE;
	const char *name = names[pair][reference][turn - 1];
	const struct eval_prompt *p = eval_prompts_find(in->prompts, name);
	if (!p)
		fc_fail(e, "no prompt '%s' among the prompts", name);
	else if ((p->kind == EVAL_VERDICT_RATING) == pair || p->kind == EVAL_VERDICT_ARENA) {
		fc_fail(e, "prompt %s: its output_format is for another mode", name);
		return NULL;
	}
	return p;
}

/* An error if the question is judged with a reference and that has no such turn. */
static int find_reference(
    struct eval_plan_item *item, const struct eval_plan_inputs *in, struct fc_err *e)
{
	const struct eval_question *q = item->question;
	if (!in->reference)
		return fc_fail(e,
		    "question %s (%s) is judged with a reference answer: give --reference, or "
		    "--reference-categories ''",
		    q->id, q->category);
	item->reference = eval_bench_answers_find(in->reference, q->id);
	if (!item->reference || item->reference->n_turn < (size_t)item->turn)
		return fc_fail(e, "question %s (%s): no reference answer to turn %d", q->id,
		    q->category, item->turn);
	return 0;
}

enum usable { USABLE, UNANSWERED, ERRONEOUS };

/* All turns up to the judged one are shown to the judge. */
static enum usable check_answers(const struct eval_plan_item *item, bool errors_too)
{
	for (int side = 0; side < 2 && item->model[side]; side++) {
		const struct eval_bench_answer *g = item->answer[side];
		if (!g || g->n_turn < (size_t)item->turn)
			return UNANSWERED;
		for (int t = 0; t < item->turn; t++)
			if (!errors_too && eval_bench_answer_is_error(g->turn[t]))
				return ERRONEOUS;
	}
	return USABLE;
}

static int add_item(struct eval_plan *p, const struct eval_plan_inputs *in,
    const struct eval_question *q, int turn, const struct eval_bench_answers *a,
    const struct eval_bench_answers *b, struct fc_err *e)
{
	bool reference = needs_reference(in, q->category);
	struct eval_plan_item item = {.question = q, .turn = turn, .n_game = b ? 2 : 1};
	item.kind = in->mode == EVAL_PLAN_SINGLE ? EVAL_JUDGMENT_SINGLE
	    : in->mode == EVAL_PLAN_ARENA        ? EVAL_JUDGMENT_ARENA
						 : EVAL_JUDGMENT_PAIR;
	item.model[0] = a->model;
	item.answer[0] = eval_bench_answers_find(a, q->id);
	if (b) {
		item.model[1] = b->model;
		item.answer[1] = eval_bench_answers_find(b, q->id);
	}
	item.prompt = choose_prompt(in, reference, turn, e);
	if (!item.prompt || (reference && find_reference(&item, in, e) < 0))
		return -1;
	switch (check_answers(&item, in->judge_errors)) {
	case UNANSWERED:
		p->n_unanswered++;
		return 0;
	case ERRONEOUS:
		p->n_error++;
		return 0;
	case USABLE:
		break;
	}
	struct fc_buf key = FC_BUF_INIT;
	eval_judgment_key(&key, q->id, item.model[0],
	    item.kind == EVAL_JUDGMENT_PAIR ? item.model[1] : NULL, in->judge,
	    item.kind == EVAL_JUDGMENT_ARENA ? "" : item.prompt->name, turn);
	item.key = fc_buf_detach(&key);
	FC_GROW(p->v, p->cap, p->n + 1);
	p->v[p->n++] = item;
	return 0;
}

/* Adds the items of one question: all models, or their pairs. */
static int add_items(struct eval_plan *p, const struct eval_plan_inputs *in,
    const struct eval_bench_answers *baseline, const struct eval_question *q, int turn,
    struct fc_err *e)
{
	for (size_t i = 0; i < in->n_model; i++) {
		const struct eval_bench_answers *a = &in->models[i];
		if (in->mode == EVAL_PLAN_SINGLE && add_item(p, in, q, turn, a, NULL, e) < 0)
			return -1;
		if (baseline && a != baseline && add_item(p, in, q, turn, a, baseline, e) < 0)
			return -1;
		for (size_t k = i + 1; in->mode == EVAL_PLAN_ALL && k < in->n_model; k++)
			if (add_item(p, in, q, turn, a, &in->models[k], e) < 0)
				return -1;
	}
	return 0;
}

static int find_baseline(
    const struct eval_bench_answers **out, const struct eval_plan_inputs *in, struct fc_err *e)
{
	*out = NULL;
	for (size_t i = 0; i < in->n_model; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(in->models[i].model, in->models[k].model))
				return fc_fail(e, "two answer files of one name: %s.jsonl",
				    in->models[i].model);
	if (in->mode != EVAL_PLAN_BASELINE && in->mode != EVAL_PLAN_ARENA)
		return 0;
	for (size_t i = 0; i < in->n_model; i++)
		if (!strcmp(in->models[i].model, in->baseline))
			*out = &in->models[i];
	return *out ? 0
		    : fc_fail(e, "the baseline %s is none of the models: give %s.jsonl too",
			  in->baseline, in->baseline);
}

int eval_plan_make(struct eval_plan *p, const struct eval_plan_inputs *in, struct fc_err *e)
{
	const struct eval_bench_answers *baseline;
	*p = (struct eval_plan){0};
	if (find_baseline(&baseline, in, e) < 0)
		return -1;
	for (int group = 0; group < 4; group++) {
		int turn = 1 + group / 2;
		bool reference = group % 2;
		if (turn == 2 && in->mode == EVAL_PLAN_ARENA)
			break;
		for (size_t i = 0; i < in->bench->n; i++) {
			const struct eval_question *q = &in->bench->question[i];
			if (needs_reference(in, q->category) != reference ||
			    (turn == 2 && q->n_turn != 2))
				continue;
			if (add_items(p, in, baseline, q, turn, e) < 0)
				return -1;
		}
	}
	return 0;
}

struct fields {
	struct eval_field v[24];
	size_t n;
};

static void put_field(struct fields *f, const char *name, struct eval_span value)
{
	f->v[f->n++] = (struct eval_field){name, value};
}

/* What a prompt may ask for; a and b: the answers in A's and B's place. */
static struct fields fields_of(const struct eval_plan_item *item, const struct eval_bench_answer *a,
    const struct eval_bench_answer *b)
{
	static const char *const question[] = {"question_1", "question_2"},
				 *const answer[] = {"answer_1", "answer_2"},
				 *const answer_a[] = {"answer_a_1", "answer_a_2"},
				 *const answer_b[] = {"answer_b_1", "answer_b_2"},
				 *const reference[] = {"ref_answer_1", "ref_answer_2"};
	struct fields f = {.n = 0};
	put_field(&f, "question", item->question->turn[0]);
	put_field(&f, "answer", a->turn[0]);
	if (b) {
		put_field(&f, "answer_a", a->turn[0]);
		put_field(&f, "answer_b", b->turn[0]);
	}
	if (item->kind == EVAL_JUDGMENT_ARENA) {
		put_field(&f, answer[0], a->turn[0]);
		put_field(&f, answer[1], b->turn[0]);
	}
	for (int t = 0; t < item->turn; t++) {
		put_field(&f, question[t], item->question->turn[t]);
		if (item->reference)
			put_field(&f, reference[t], item->reference->turn[t]);
		if (!b)
			put_field(&f, answer[t], a->turn[t]);
		if (b) {
			put_field(&f, answer_a[t], a->turn[t]);
			put_field(&f, answer_b[t], b->turn[t]);
		}
	}
	return f;
}

int eval_plan_item_fill(struct eval_plan_item *item, int g, struct fc_err *e)
{
	struct eval_game *game = &item->game[g];
	if (game->prompt.n)
		return 0;
	/* A is the baseline in Arena-Hard's first game, and the first model in a pair's. */
	int first = item->kind == EVAL_JUDGMENT_ARENA ? 1 - g : g;
	const struct eval_bench_answer *a = item->answer[first],
				       *b = item->n_game == 2 ? item->answer[1 - first] : NULL;
	struct fields f = fields_of(item, a, b);
	return eval_prompt_fill(item->prompt, f.v, f.n, &game->prompt, e);
}

static json_t *new_message(const char *role, const char *p, size_t n)
{
	return json_pack("{s:s, s:s%}", "role", role, "content", p ? p : "", n);
}

json_t *eval_plan_item_messages(const struct eval_plan_item *item, int g)
{
	json_t *list = json_array();
	const struct fc_buf *prompt = &item->game[g].prompt;
	if (item->prompt->system.n)
		json_array_append_new(
		    list, new_message("system", item->prompt->system.p, item->prompt->system.n));
	json_array_append_new(list, new_message("user", prompt->p, prompt->n));
	return list;
}

int eval_plan_try(const struct eval_plan_inputs *in, struct fc_err *e)
{
	struct eval_bench_answers models[2];
	struct eval_plan_inputs with_models = *in;
	struct eval_plan p;
	eval_bench_answers_empty(&models[0], in->baseline ? in->baseline : "first", in->bench);
	eval_bench_answers_empty(&models[1], "second model", in->bench);
	with_models.models = models;
	with_models.n_model = 2;
	int ret = eval_plan_make(&p, &with_models, e);
	for (size_t i = 0; i < p.n; i++)
		for (int g = 0; ret == 0 && g < p.v[i].n_game; g++)
			ret = eval_plan_item_fill(&p.v[i], g, e);
	eval_plan_release(&p);
	eval_bench_answers_release(&models[0]);
	eval_bench_answers_release(&models[1]);
	return ret;
}
