/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/select/reward.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-eval/checker.h"
#include "fc-eval/judge/judgment.h"
#include "stream/reader.h"

static int reward_right(struct eval_candidates *s, const struct eval_rewarding *o, struct fc_err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		struct eval_candidate *a = &s->v[i];
		char *reference = eval_answer_member(&a->c);
		if (!reference)
			return fc_fail(e, "%s: conversation '%s' has no member \"answer\"",
			    a->where, a->prompt_id);
		a->reward = eval_answer_right(
		    eval_candidate_answer(a), reference, o->match, o->ignore_case);
		free(reference);
	}
	return 0;
}

void eval_reward_agreement(const char *const *end, size_t n, double *share)
{
	for (size_t i = 0; i < n; i++) {
		size_t same = 0;
		for (size_t k = 0; end[i] && k < n; k++)
			same += end[k] && !strcmp(end[i], end[k]);
		share[i] = n > 1 && same > 1 ? (double)same / (double)n : 0;
	}
}

static void reward_agreement(struct eval_candidates *s, const struct eval_rewarding *o)
{
	for (size_t p = 0; p < s->n_prompt; p++) {
		struct eval_candidate *a = &s->v[s->first[p]];
		const size_t n = s->first[p + 1] - s->first[p];
		char **end = FC_ARRAY(char *, n);
		double *share = FC_ARRAY(double, n);
		for (size_t i = 0; i < n; i++)
			end[i] =
			    eval_answer_end(eval_candidate_answer(&a[i]), o->match, o->ignore_case);
		eval_reward_agreement((const char *const *)end, n, share);
		for (size_t i = 0; i < n; i++) {
			a[i].reward = share[i];
			free(end[i]);
		}
		free(end);
		free(share);
	}
}

static bool is_answer(const struct fc_example *x, size_t t)
{
	return FC_TOK_ROLE(x->flags[t]) == FC_ROLE_ASSISTANT;
}

/* Nats a byte over the labels of the last answer that have a row; NaN: there is none. */
static double mean_logprob(const struct fc_example *x)
{
	size_t end = x->n_tok;
	while (end && !fc_example_trained(x, end - 1))
		end--;
	size_t begin = end;
	while (begin && is_answer(x, begin - 1))
		begin--;
	double sum = 0, bytes = 0;
	for (size_t r = 0; r < x->n_row; r++) {
		const size_t t = x->row_tok[r];
		if (t < begin || t >= end || !fc_example_trained(x, t))
			continue;
		sum += (double)x->true_logprob[r];
		bytes += x->end[t] - fc_example_start(x, t);
	}
	return bytes > 0 ? sum / bytes : NAN;
}

static int need_rewards(
    const struct eval_candidates *s, const char *what, const char *name, struct fc_err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!isnan(s->v[i].reward))
			continue;
		char *id = eval_candidate_id(&s->v[i]);
		fc_fail(e, "%s: no %s of '%s', the answer at %s; make it of what --list writes",
		    name, what, id, s->v[i].where);
		free(id);
		return -1;
	}
	return 0;
}

static int reward_stream(struct eval_candidates *s, const char *path, struct fc_err *e)
{
	struct fc_reader *r;
	struct fc_example x;
	enum fc_read got;
	uint64_t n_other = 0, n_bare = 0;
	if (fc_reader_open(&r, path, FC_KIND_DISTS, e) < 0)
		return -1;
	fc_example_init(&x);
	struct eval_named *named = eval_candidates_index(s);
	while ((got = fc_reader_example(r, &x, e)) == FC_READ_RECORD) {
		struct eval_candidate *a = eval_candidates_find(named, s->n, x.id.p ? x.id.p : "");
		const double v = mean_logprob(&x);
		n_other += !a;
		n_bare += a && isnan(v);
		if (a)
			a->reward = isnan(v) ? -INFINITY : v;
	}
	int ret = got == FC_READ_ERROR ? -1 : need_rewards(s, "row", fc_reader_name(r), e);
	if (ret == 0 && n_other)
		fc_note("%s: %" PRIu64 " conversations are no answer that is looked at",
		    fc_reader_name(r), n_other);
	if (ret == 0 && n_bare)
		fc_warn("%s: %" PRIu64 " answers have no row and cannot be taken",
		    fc_reader_name(r), n_bare);
	eval_candidates_unindex(named, s->n);
	fc_example_release(&x);
	fc_reader_close(r);
	return ret;
}

static int reward_judgments(struct eval_candidates *s, const char *path, struct fc_err *e)
{
	struct eval_judgments j = {0};
	uint64_t n_unrated = 0;
	bool torn = false;
	int ret = eval_judgments_read(&j, path, false, &torn, e);
	struct eval_named *named = ret == 0 ? eval_candidates_index(s) : NULL;
	for (size_t i = 0; ret == 0 && i < j.n; i++) {
		struct eval_candidate *a = eval_candidates_find(named, s->n, j.v[i].question);
		if (j.v[i].kind != EVAL_JUDGMENT_SINGLE)
			ret = fc_fail(e,
			    "%s: a judgment of two answers; ratings are asked for with "
			    "fc-eval judge --mode single",
			    path);
		else if (a)
			a->reward = j.v[i].scored ? j.v[i].score : -INFINITY;
		n_unrated += a && !j.v[i].scored;
	}
	if (ret == 0)
		ret = need_rewards(s, "judgment", path, e);
	if (ret == 0 && n_unrated)
		fc_warn(
		    "%s: %" PRIu64 " answers have no rating and cannot be taken", path, n_unrated);
	eval_candidates_unindex(named, s->n);
	eval_judgments_release(&j);
	return ret;
}

static int reward_program(struct eval_candidates *s, const char *command, struct fc_err *e)
{
	struct eval_checker k = {0};
	for (size_t i = 0; i < s->n; i++)
		eval_checker_add(&k, &s->v[i].c, s->v[i].where);
	int ret = eval_checker_run(&k, "the reward's program", command, e);
	for (size_t i = 0; ret == 0 && i < s->n; i++)
		s->v[i].reward = k.number[i];
	eval_checker_release(&k);
	return ret;
}

static int reward_member(struct eval_candidates *s, struct fc_err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		const json_t *v = json_object_get(s->v[i].c.extra, "reward");
		if (!json_is_number(v))
			return fc_fail(e, "%s: conversation '%s' has no number \"reward\"",
			    s->v[i].where, s->v[i].c.id);
		s->v[i].reward = json_number_value(v);
	}
	return 0;
}

int eval_reward_all(struct eval_candidates *s, const struct eval_rewarding *o, struct fc_err *e)
{
	switch (o->reward) {
	case EVAL_REWARD_RIGHT:
		return reward_right(s, o, e);
	case EVAL_REWARD_AGREEMENT:
		reward_agreement(s, o);
		break;
	case EVAL_REWARD_STREAM:
		return reward_stream(s, o->stream, e);
	case EVAL_REWARD_JUDGMENTS:
		return reward_judgments(s, o->judgments, e);
	case EVAL_REWARD_PROGRAM:
		return reward_program(s, o->program, e);
	case EVAL_REWARD_MEMBER:
		return reward_member(s, e);
	default: /* EVAL_REWARD_NONE */
		break;
	}
	return 0;
}
