/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/judge_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/progress.h"
#include "fc-eval/judge/judgment_write.h"

enum { ARENA_TRIES = 2 }; /* Arena-Hard asks once more for the verdict that is missing */

static void describe(struct judging *j, size_t number)
{
	const struct eval_match *m = &j->plan.v[number / 2];
	fc_buf_clear(&j->id);
	fc_buf_addf(&j->id, "%s:%d:%s", m->question->id, m->turn, m->model[0]);
	if (m->model[1])
		fc_buf_addf(&j->id, ":%s:%d", m->model[1], (int)(number % 2) + 1);
	fc_buf_addf(&j->id, ":%s", m->prompt->name);
}

static bool next_number(struct judging *j, size_t *number)
{
	if (j->n_again) {
		*number = j->again[--j->n_again];
		return true;
	}
	for (; j->next < 2 * j->plan.n; j->next++) {
		const struct eval_match *m = &j->plan.v[j->next / 2];
		if ((int)(j->next % 2) < m->n_game && !m->game[j->next % 2].answered) {
			*number = j->next++;
			return true;
		}
	}
	return false;
}

static bool next(void *ctx /* struct judging */, struct eval_request *r)
{
	struct judging *j = ctx;
	if (!next_number(j, &r->number))
		return false;
	struct eval_match *m = &j->plan.v[r->number / 2];
	struct eval_game *game = &m->game[r->number % 2];
	if (!game->messages)
		game->messages = eval_match_messages(m, (int)(r->number % 2));
	game->n_asked++;
	describe(j, r->number);
	r->messages = game->messages;
	r->id = j->id.p;
	return true;
}

static double wall_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Arena-Hard's second question: the same dialogue, the answer so far, and a reminder. */
static void ask_again(struct judging *j, size_t number)
{
	struct eval_game *game = &j->plan.v[number / 2].game[number % 2];
	json_array_append_new(game->messages,
	    json_pack("{s:s, s:s%}", "role", "assistant", "content",
		game->text.p ? game->text.p : "", game->text.n));
	json_array_append_new(game->messages,
	    json_pack("{s:s, s:s}", "role", "user", "content",
		"continue your judgment and finish by outputting a final verdict label"));
	FC_GROW(j->again, j->cap_again, j->n_again + 1);
	j->again[j->n_again++] = number;
}

static int settle(struct judging *j, size_t number, struct fc_err *e)
{
	struct eval_match *m = &j->plan.v[number / 2];
	int g = (int)(number % 2);
	j->n_unparsed += !eval_record_has_verdict(m, g, j->rule);
	json_decref(m->game[g].messages);
	m->game[g].messages = NULL;
	if (m->n_game == 2 && !m->game[1 - g].answered)
		return eval_ledger_add_game(j->ledger, m, g, e);
	fc_buf_clear(&j->line);
	eval_record_write(&j->line, m, j->judge, j->rule, wall_clock());
	j->n_written++;
	for (int k = 0; k < m->n_game; k++) { /* it is in the file now */
		fc_buf_release(&m->game[k].prompt);
		fc_buf_release(&m->game[k].text);
	}
	return eval_ledger_add(j->ledger, j->line.p, j->line.n, e);
}

static bool lacks_arena_verdict(const struct eval_match *m, int g, enum eval_verdict_rule rule)
{
	size_t n = m->game[g].text.n, n_found;
	const char *text = eval_verdict_text(m->game[g].text.p ? m->game[g].text.p : "", &n);
	return m->kind == EVAL_JUDGMENT_ARENA && m->game[g].n_asked < ARENA_TRIES &&
	    !eval_verdict_arena(text, n, rule, &n_found) && n_found == 0;
}

static int take(
    void *ctx /* struct judging */, size_t number, const struct eval_reply *reply, struct fc_err *e)
{
	struct judging *j = ctx;
	struct eval_match *m = &j->plan.v[number / 2];
	struct eval_game *game = &m->game[number % 2];
	fc_progress_set(j->n_written, NULL);
	if (!reply->text) {
		describe(j, number);
		if (!j->n_failed++)
			snprintf(j->first_failure, sizeof j->first_failure, "%s: %s", j->id.p,
			    reply->why);
		return 0;
	}
	if (game->text.n)
		fc_buf_addc(&game->text, '\n');
	fc_buf_add(&game->text, reply->text, reply->n);
	json_decref(game->about);
	game->about = json_incref(reply->about);
	if (lacks_arena_verdict(m, (int)(number % 2), j->rule)) {
		ask_again(j, number);
		return 0;
	}
	game->answered = true;
	return settle(j, number, e);
}

struct eval_asker eval_judging_asker(struct judging *j)
{
	return (struct eval_asker){j, next, take};
}

int eval_judging_settle_answered(struct judging *j, struct fc_err *e)
{
	for (size_t i = 0; i < j->plan.n; i++) {
		const struct eval_match *m = &j->plan.v[i];
		if (m->n_game == 2 && m->game[0].answered && m->game[1].answered &&
		    settle(j, 2 * i, e) < 0)
			return -1;
	}
	return 0;
}

void eval_judging_release(struct judging *j)
{
	eval_plan_release(&j->plan);
	fc_buf_release(&j->line);
	fc_buf_release(&j->id);
	free(j->again);
}
