/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/judgment_write.h"

#include <string.h>

static const char *reply_of(const struct eval_plan_item *item, int g)
{
	return item->game[g].reply.p ? item->game[g].reply.p : "";
}

static struct eval_rating rating_of(const struct eval_plan_item *item, enum eval_verdict_rule rule)
{
	return eval_verdict_rating(reply_of(item, 0), item->game[0].reply.n, rule);
}

static enum eval_winner winner_of(
    const struct eval_plan_item *item, int g, enum eval_verdict_rule rule)
{
	return (item->prompt->kind == EVAL_VERDICT_RATINGS
		? eval_verdict_ratings
		: eval_verdict_winner)(reply_of(item, g), item->game[g].reply.n, rule);
}

static const char *arena_verdict(
    const struct eval_plan_item *item, int g, enum eval_verdict_rule rule)
{
	size_t n_found;
	return eval_verdict_arena(reply_of(item, g), item->game[g].reply.n, rule, &n_found);
}

bool eval_judgment_has_verdict(
    const struct eval_plan_item *item, int g, enum eval_verdict_rule rule)
{
	switch (item->kind) {
	case EVAL_JUDGMENT_SINGLE:
		return rating_of(item, rule).found;
	case EVAL_JUDGMENT_PAIR:
		return winner_of(item, g, rule) != EVAL_WINNER_ERROR;
	case EVAL_JUDGMENT_ARENA:
		return arena_verdict(item, g, rule) != NULL;
	}
	return false;
}

static void put_text(struct fc_buf *b, const char *key, const struct fc_buf *text)
{
	fc_buf_addf(b, ", \"%s\": ", key);
	fc_json_quote(b, text->p ? text->p : "", text->n);
}

static void put_name(struct fc_buf *b, const char *key, const char *name)
{
	fc_buf_addf(b, ", \"%s\": ", key);
	fc_json_quote(b, name, strlen(name));
}

/* In the second game model_2 has A's place. */
static const char *winner_name(enum eval_winner w, int g)
{
	if (w == EVAL_WINNER_TIE)
		return "tie";
	if (w == EVAL_WINNER_ERROR)
		return "error";
	return (w == EVAL_WINNER_A) == (g == 0) ? "model_1" : "model_2";
}

static void put_judge(struct fc_buf *b, const struct eval_plan_item *item, const char *judge)
{
	fc_buf_adds(b, ", \"judge\": [");
	fc_json_quote(b, judge, strlen(judge));
	fc_buf_adds(b, ", ");
	fc_json_quote(b, item->prompt->name, strlen(item->prompt->name));
	fc_buf_addc(b, ']');
}

static void put_single(struct fc_buf *b, const struct eval_plan_item *item, const char *judge,
    enum eval_verdict_rule rule)
{
	put_name(b, "model", item->model[0]);
	put_judge(b, item, judge);
	put_text(b, "user_prompt", &item->game[0].prompt);
	put_text(b, "judgment", &item->game[0].reply);
	fc_buf_adds(b, ", \"score\": ");
	eval_rating_write(b, rating_of(item, rule));
}

static void put_pair(struct fc_buf *b, const struct eval_plan_item *item, const char *judge,
    enum eval_verdict_rule rule)
{
	put_name(b, "model_1", item->model[0]);
	put_name(b, "model_2", item->model[1]);
	put_name(b, "g1_winner", winner_name(winner_of(item, 0, rule), 0));
	put_name(b, "g2_winner", winner_name(winner_of(item, 1, rule), 1));
	put_judge(b, item, judge);
	put_text(b, "g1_user_prompt", &item->game[0].prompt);
	put_text(b, "g1_judgment", &item->game[0].reply);
	put_text(b, "g2_user_prompt", &item->game[1].prompt);
	put_text(b, "g2_judgment", &item->game[1].reply);
}

static void put_arena(struct fc_buf *b, const struct eval_plan_item *item, const char *judge,
    enum eval_verdict_rule rule)
{
	put_name(b, "model", item->model[0]);
	put_name(b, "judge", judge);
	fc_buf_adds(b, ", \"games\": [");
	for (int g = 0; g < 2; g++) {
		const struct eval_game *game = &item->game[g];
		const char *verdict = arena_verdict(item, g, rule);
		fc_buf_adds(b, g ? ", {\"user_prompt\": " : "{\"user_prompt\": ");
		fc_json_quote(b, game->prompt.p, game->prompt.n);
		put_text(b, "judgment", &game->reply);
		if (verdict)
			put_name(b, "score", verdict);
		else
			fc_buf_adds(b, ", \"score\": null");
		fc_buf_addc(b, '}');
	}
	fc_buf_addc(b, ']');
}

/* What the endpoint told beside the texts: an object, or an array of the games'. */
static void put_about(struct fc_buf *b, const struct eval_plan_item *item)
{
	if (!item->game[0].about && !item->game[1].about)
		return;
	fc_buf_adds(b, item->n_game == 2 ? ", \"reply\": [" : ", \"reply\": ");
	for (int g = 0; g < item->n_game; g++) {
		if (g)
			fc_buf_adds(b, ", ");
		if (item->game[g].about)
			fc_json_dump(b, item->game[g].about);
		else
			fc_buf_adds(b, "null");
	}
	if (item->n_game == 2)
		fc_buf_addc(b, ']');
}

/* FastChat has it in its prompts only; here it tells a later run what was asked. */
static void put_system(struct fc_buf *b, const struct eval_plan_item *item)
{
	fc_buf_adds(b, ", \"system_prompt\": ");
	fc_json_quote(b, item->prompt->system.p, item->prompt->system.n);
}

void eval_judgment_write(struct fc_buf *b, const struct eval_plan_item *item, const char *judge,
    enum eval_verdict_rule rule, double now)
{
	fc_buf_adds(b, "{\"question_id\": ");
	fc_json_dump(b, eval_question_id(item->question));
	switch (item->kind) {
	case EVAL_JUDGMENT_SINGLE:
		put_single(b, item, judge, rule);
		break;
	case EVAL_JUDGMENT_PAIR:
		put_pair(b, item, judge, rule);
		break;
	case EVAL_JUDGMENT_ARENA:
		put_arena(b, item, judge, rule);
		break;
	}
	if (item->kind != EVAL_JUDGMENT_ARENA)
		fc_buf_addf(b, ", \"turn\": %d", item->turn);
	put_system(b, item);
	fc_buf_addf(b, ", \"tstamp\": %.3f", now);
	put_about(b, item);
	fc_buf_adds(b, "}\n");
}
