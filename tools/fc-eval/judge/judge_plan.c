/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/judge_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void eval_match_release(struct eval_match *m)
{
	for (int g = 0; g < 2; g++) {
		json_decref(m->game[g].messages);
		json_decref(m->game[g].about);
		fc_buf_release(&m->game[g].prompt);
		fc_buf_release(&m->game[g].text);
	}
	free(m->key);
}

void eval_plan_release(struct eval_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		eval_match_release(&p->v[i]);
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

/* By mode, with reference, second turn. */
static const struct eval_prompt *choose_prompt(
    const struct eval_plan_inputs *in, bool reference, int turn, struct fc_err *e)
{
	static const char *const names[2][2][2] = {
	    {{"single-v1", "single-v1-multi-turn"},
		{"single-math-v1", "single-math-v1-multi-turn"}},
	    {{"pair-v2", "pair-v2-multi-turn"}, {"pair-math-v1", "pair-math-v1-multi-turn"}},
	};
	if (in->mode == EVAL_MATCH_ARENA) {
		for (size_t i = 0; i < in->prompts->n; i++)
			if (in->prompts->v[i].kind == EVAL_VERDICT_ARENA)
				return &in->prompts->v[i];
		fc_fail(e, "no prompt with output_format [[A>B]] among the prompts");
		return NULL;
	}
	bool pair = in->mode != EVAL_MATCH_SINGLE;
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
static int find_reference(struct eval_match *m, const struct eval_plan_inputs *in, struct fc_err *e)
{
	const struct eval_question *q = m->question;
	if (!in->reference)
		return fc_fail(e,
		    "question %s (%s) is judged with a reference answer: give --reference, or "
		    "--reference-categories ''",
		    q->id, q->category);
	m->reference = eval_answers_find(in->reference, q->id);
	if (!m->reference || m->reference->n_turn < (size_t)m->turn)
		return fc_fail(e, "question %s (%s): no reference answer to turn %d", q->id,
		    q->category, m->turn);
	return 0;
}

enum usable { USABLE, UNANSWERED, ERRONEOUS };

/* All turns up to the judged one are shown to the judge. */
static enum usable check_answers(const struct eval_match *m, bool errors_too)
{
	for (int side = 0; side < 2 && m->model[side]; side++) {
		const struct eval_given *g = m->given[side];
		if (!g || g->n_turn < (size_t)m->turn)
			return UNANSWERED;
		for (int t = 0; t < m->turn; t++)
			if (!errors_too && eval_answer_is_error(g->turn[t]))
				return ERRONEOUS;
	}
	return USABLE;
}

static int add_match(struct eval_plan *p, const struct eval_plan_inputs *in,
    const struct eval_question *q, int turn, const struct eval_answers *a,
    const struct eval_answers *b, struct fc_err *e)
{
	bool reference = needs_reference(in, q->category);
	struct eval_match m = {.question = q, .turn = turn, .n_game = b ? 2 : 1};
	m.kind = in->mode == EVAL_MATCH_SINGLE ? EVAL_JUDGMENT_SINGLE
	    : in->mode == EVAL_MATCH_ARENA     ? EVAL_JUDGMENT_ARENA
					       : EVAL_JUDGMENT_PAIR;
	m.model[0] = a->model;
	m.given[0] = eval_answers_find(a, q->id);
	if (b) {
		m.model[1] = b->model;
		m.given[1] = eval_answers_find(b, q->id);
	}
	m.prompt = choose_prompt(in, reference, turn, e);
	if (!m.prompt || (reference && find_reference(&m, in, e) < 0))
		return -1;
	switch (check_answers(&m, in->judge_errors)) {
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
	eval_judgment_key(&key, q->id, m.model[0], m.kind == EVAL_JUDGMENT_PAIR ? m.model[1] : NULL,
	    in->judge, m.kind == EVAL_JUDGMENT_ARENA ? "" : m.prompt->name, turn);
	m.key = fc_buf_detach(&key);
	FC_GROW(p->v, p->cap, p->n + 1);
	p->v[p->n++] = m;
	return 0;
}

/* One question for all models, or for all their pairs. */
static int add_matches(struct eval_plan *p, const struct eval_plan_inputs *in,
    const struct eval_answers *baseline, const struct eval_question *q, int turn, struct fc_err *e)
{
	for (size_t i = 0; i < in->n_model; i++) {
		const struct eval_answers *a = &in->models[i];
		if (in->mode == EVAL_MATCH_SINGLE && add_match(p, in, q, turn, a, NULL, e) < 0)
			return -1;
		if (baseline && a != baseline && add_match(p, in, q, turn, a, baseline, e) < 0)
			return -1;
		for (size_t k = i + 1; in->mode == EVAL_MATCH_ALL && k < in->n_model; k++)
			if (add_match(p, in, q, turn, a, &in->models[k], e) < 0)
				return -1;
	}
	return 0;
}

static int find_baseline(
    const struct eval_answers **out, const struct eval_plan_inputs *in, struct fc_err *e)
{
	*out = NULL;
	for (size_t i = 0; i < in->n_model; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(in->models[i].model, in->models[k].model))
				return fc_fail(e, "two answer files of one name: %s.jsonl",
				    in->models[i].model);
	if (in->mode != EVAL_MATCH_BASELINE && in->mode != EVAL_MATCH_ARENA)
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
	const struct eval_answers *baseline;
	*p = (struct eval_plan){0};
	if (find_baseline(&baseline, in, e) < 0)
		return -1;
	for (int group = 0; group < 4; group++) {
		int turn = 1 + group / 2;
		bool reference = group % 2;
		if (turn == 2 && in->mode == EVAL_MATCH_ARENA)
			break;
		for (size_t i = 0; i < in->bench->n; i++) {
			const struct eval_question *q = &in->bench->question[i];
			if (needs_reference(in, q->category) != reference ||
			    (turn == 2 && q->n_turn != 2))
				continue;
			if (add_matches(p, in, baseline, q, turn, e) < 0)
				return -1;
		}
	}
	return 0;
}

struct fields {
	struct eval_field v[24];
	size_t n;
};

static void put(struct fields *f, const char *name, struct eval_span value)
{
	f->v[f->n++] = (struct eval_field){name, value};
}

/* What a prompt may ask for; a and b: the answers in A's and B's place. */
static struct fields fields_of(
    const struct eval_match *m, const struct eval_given *a, const struct eval_given *b)
{
	static const char *const question[] = {"question_1", "question_2"},
				 *const answer[] = {"answer_1", "answer_2"},
				 *const answer_a[] = {"answer_a_1", "answer_a_2"},
				 *const answer_b[] = {"answer_b_1", "answer_b_2"},
				 *const reference[] = {"ref_answer_1", "ref_answer_2"};
	struct fields f = {.n = 0};
	put(&f, "question", m->question->turn[0]);
	put(&f, "answer", a->turn[0]);
	if (b) {
		put(&f, "answer_a", a->turn[0]);
		put(&f, "answer_b", b->turn[0]);
	}
	if (m->kind == EVAL_JUDGMENT_ARENA) {
		put(&f, answer[0], a->turn[0]);
		put(&f, answer[1], b->turn[0]);
	}
	for (int t = 0; t < m->turn; t++) {
		put(&f, question[t], m->question->turn[t]);
		if (m->reference)
			put(&f, reference[t], m->reference->turn[t]);
		if (!b)
			put(&f, answer[t], a->turn[t]);
		if (b) {
			put(&f, answer_a[t], a->turn[t]);
			put(&f, answer_b[t], b->turn[t]);
		}
	}
	return f;
}

int eval_match_fill(struct eval_match *m, int g, struct fc_err *e)
{
	struct eval_game *game = &m->game[g];
	if (game->prompt.n)
		return 0;
	/* Arena-Hard's baseline is A in the first game, a pair's first model. */
	int first = m->kind == EVAL_JUDGMENT_ARENA ? 1 - g : g;
	const struct eval_given *a = m->given[first],
				*b = m->n_game == 2 ? m->given[1 - first] : NULL;
	struct fields f = fields_of(m, a, b);
	return eval_prompt_fill(m->prompt, f.v, f.n, &game->prompt, e);
}

static json_t *message(const char *role, const char *p, size_t n)
{
	return json_pack("{s:s, s:s%}", "role", role, "content", p ? p : "", n);
}

json_t *eval_match_messages(const struct eval_match *m, int g)
{
	json_t *list = json_array();
	const struct fc_buf *prompt = &m->game[g].prompt;
	if (m->prompt->system.n)
		json_array_append_new(
		    list, message("system", m->prompt->system.p, m->prompt->system.n));
	json_array_append_new(list, message("user", prompt->p, prompt->n));
	return list;
}

int eval_plan_try(const struct eval_plan_inputs *in, struct fc_err *e)
{
	struct eval_answers models[2];
	struct eval_plan_inputs with_models = *in;
	struct eval_plan p;
	eval_answers_empty(&models[0], in->baseline ? in->baseline : "first", in->bench);
	eval_answers_empty(&models[1], "second model", in->bench);
	with_models.models = models;
	with_models.n_model = 2;
	int ret = eval_plan_make(&p, &with_models, e);
	for (size_t i = 0; i < p.n; i++)
		for (int g = 0; ret == 0 && g < p.v[i].n_game; g++)
			ret = eval_match_fill(&p.v[i], g, e);
	eval_plan_release(&p);
	eval_answers_release(&models[0]);
	eval_answers_release(&models[1]);
	return ret;
}
