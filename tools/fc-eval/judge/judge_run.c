/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/judge_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/progress.h"
#include "fc-eval/judge/judgment_write.h"

enum { ARENA_TRIES = 2 }; /* Arena-Hard asks once more where a reply has no verdict */

static void describe_game(struct eval_run *run, size_t number)
{
	const struct eval_plan_item *item = &run->plan.v[number / 2];
	fc_buf_clear(&run->id);
	fc_buf_addf(&run->id, "%s:%d:%s", item->question->id, item->turn, item->model[0]);
	if (item->model[1])
		fc_buf_addf(&run->id, ":%s:%d", item->model[1], (int)(number % 2) + 1);
	fc_buf_addf(&run->id, ":%s", item->prompt->name);
}

static bool next_number(struct eval_run *run, size_t *number)
{
	if (run->n_again) {
		*number = run->again[--run->n_again];
		return true;
	}
	for (; run->next < 2 * run->plan.n; run->next++) {
		const struct eval_plan_item *item = &run->plan.v[run->next / 2];
		if ((int)(run->next % 2) < item->n_game && !item->game[run->next % 2].replied) {
			*number = run->next++;
			return true;
		}
	}
	return false;
}

static bool next_request(void *ctx /* struct eval_run */, struct eval_request *r)
{
	struct eval_run *run = ctx;
	if (!next_number(run, &r->number))
		return false;
	struct eval_plan_item *item = &run->plan.v[r->number / 2];
	struct eval_game *game = &item->game[r->number % 2];
	if (!game->messages)
		game->messages = eval_plan_item_messages(item, (int)(r->number % 2));
	game->n_asked++;
	describe_game(run, r->number);
	r->messages = game->messages;
	r->id = run->id.p;
	return true;
}

static double wall_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Arena-Hard's second request: the dialogue, the reply so far, and a reminder. */
static void ask_again(struct eval_run *run, size_t number)
{
	struct eval_game *game = &run->plan.v[number / 2].game[number % 2];
	json_array_append_new(game->messages,
	    json_pack("{s:s, s:s%}", "role", "assistant", "content",
		game->reply.p ? game->reply.p : "", game->reply.n));
	json_array_append_new(game->messages,
	    json_pack("{s:s, s:s}", "role", "user", "content",
		"continue your judgment and finish by outputting a final verdict label"));
	FC_GROW(run->again, run->cap_again, run->n_again + 1);
	run->again[run->n_again++] = number;
}

static int settle_game(struct eval_run *run, size_t number, struct fc_err *e)
{
	struct eval_plan_item *item = &run->plan.v[number / 2];
	int g = (int)(number % 2);
	run->n_unparsed += !eval_judgment_has_verdict(item, g, run->rule);
	json_decref(item->game[g].messages);
	item->game[g].messages = NULL;
	if (item->n_game == 2 && !item->game[1 - g].replied)
		return eval_judgment_file_add_game(run->file, item, g, e);
	fc_buf_clear(&run->line);
	eval_judgment_write(&run->line, item, run->judge, run->rule, wall_clock());
	run->n_written++;
	for (int k = 0; k < item->n_game; k++) { /* their texts are in the file */
		fc_buf_release(&item->game[k].prompt);
		fc_buf_release(&item->game[k].reply);
	}
	return eval_judgment_file_add(run->file, run->line.p, run->line.n, e);
}

static bool lacks_arena_verdict(
    const struct eval_plan_item *item, const struct eval_game *game, enum eval_verdict_rule rule)
{
	size_t n_found;
	return item->kind == EVAL_JUDGMENT_ARENA && game->n_asked < ARENA_TRIES &&
	    !eval_verdict_arena(
		game->reply.p ? game->reply.p : "", game->reply.n, rule, &n_found) &&
	    n_found == 0;
}

static int take_reply(void *ctx /* struct eval_run */, size_t number,
    const struct eval_reply *reply, struct fc_err *e)
{
	struct eval_run *run = ctx;
	struct eval_plan_item *item = &run->plan.v[number / 2];
	struct eval_game *game = &item->game[number % 2];
	fc_progress_set(run->n_written, NULL);
	if (!reply->text) {
		describe_game(run, number);
		if (!run->n_failed++)
			snprintf(run->first_failure, sizeof run->first_failure, "%s: %s", run->id.p,
			    reply->why);
		return 0;
	}
	if (game->reply.n)
		fc_buf_addc(&game->reply, '\n');
	fc_buf_add(&game->reply, reply->text, reply->n);
	json_decref(game->about);
	game->about = json_incref(reply->about);
	if (lacks_arena_verdict(item, game, run->rule)) {
		ask_again(run, number);
		return 0;
	}
	game->replied = true;
	return settle_game(run, number, e);
}

struct eval_asker eval_run_asker(struct eval_run *run)
{
	return (struct eval_asker){run, next_request, take_reply};
}

int eval_run_settle_replied(struct eval_run *run, struct fc_err *e)
{
	for (size_t i = 0; i < run->plan.n; i++) {
		const struct eval_plan_item *item = &run->plan.v[i];
		if (item->n_game == 2 && item->game[0].replied && item->game[1].replied &&
		    settle_game(run, 2 * i, e) < 0)
			return -1;
	}
	return 0;
}

void eval_run_release(struct eval_run *run)
{
	eval_plan_release(&run->plan);
	fc_buf_release(&run->line);
	fc_buf_release(&run->id);
	free(run->again);
}
