/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/judgment.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/lines.h"

void eval_judgment_release(struct eval_judgment *x)
{
	free(x->question);
	free(x->model[0]);
	free(x->model[1]);
	free(x->judge);
	free(x->prompt);
	json_decref(x->o);
}

void eval_judgments_release(struct eval_judgments *j)
{
	for (size_t i = 0; i < j->n; i++)
		eval_judgment_release(&j->v[i]);
	free(j->v);
	*j = (struct eval_judgments){0};
}

static int text_member(
    char **out, const json_t *o, const char *key, const char *where, struct fc_err *e)
{
	const char *s;
	if (fc_json_str(o, key, NULL, &s, where, e) < 0)
		return -1;
	if (!s)
		return fc_fail(e, "%s: %s: expected a text, it is missing", where, key);
	*out = fc_strdup(s);
	return 0;
}

/* "judge" is [model, prompt], or the model alone. */
static int read_judge(struct eval_judgment *x, const json_t *o, const char *where, struct fc_err *e)
{
	const json_t *judge = json_object_get(o, "judge");
	const json_t *name = json_is_array(judge) ? json_array_get(judge, 0) : judge;
	const json_t *prompt = json_array_get(judge, 1);
	if (!json_is_string(name))
		return fc_fail(e, "%s: judge: expected [model, prompt]", where);
	x->judge = fc_strdup(json_string_value(name));
	x->prompt = fc_strdup(json_is_string(prompt) ? json_string_value(prompt) : "");
	return 0;
}

static int read_single(
    struct eval_judgment *x, const json_t *o, const char *where, struct fc_err *e)
{
	if (text_member(&x->model[0], o, "model", where, e) < 0 ||
	    fc_json_real(o, "score", -1, &x->score, where, e) < 0)
		return -1;
	x->scored = x->score != -1;
	return 0;
}

static int read_game(
    enum eval_winner *w, const json_t *o, const char *key, const char *where, struct fc_err *e)
{
	static const char *const names[] = {
	    [EVAL_WINNER_ERROR] = "error",
	    [EVAL_WINNER_A] = "model_1",
	    [EVAL_WINNER_B] = "model_2",
	    [EVAL_WINNER_TIE] = "tie",
	};
	const char *s;
	if (fc_json_str(o, key, "", &s, where, e) < 0)
		return -1;
	for (size_t i = 0; i < FC_LEN(names); i++) {
		*w = (enum eval_winner)i;
		if (!strcmp(s, names[i]))
			return 0;
	}
	return fc_fail(e, "%s: %s: expected model_1, model_2, tie or error", where, key);
}

static enum eval_winner swap_places(enum eval_winner w)
{
	return w == EVAL_WINNER_A ? EVAL_WINNER_B : w == EVAL_WINNER_B ? EVAL_WINNER_A : w;
}

/* verdict: Arena-Hard's, NULL for none.  -1: it is none of its verdicts. */
static int set_arena(struct eval_judgment *x, int game, const char *verdict)
{
	static const enum eval_winner winners[EVAL_VERDICT_N_ARENA] = {
	    EVAL_WINNER_A, EVAL_WINNER_A, EVAL_WINNER_TIE, EVAL_WINNER_B, EVAL_WINNER_B};
	x->winner[game] = EVAL_WINNER_ERROR;
	x->strength[game] = 0;
	for (size_t i = 0; verdict && i < EVAL_VERDICT_N_ARENA; i++) {
		if (strcmp(verdict, eval_verdict_arena_names[i]))
			continue;
		/* The model takes A's place in the second game. */
		x->winner[game] = game == 1 ? swap_places(winners[i]) : winners[i];
		x->strength[game] = i == 0 || i == 4 ? 2 : 1;
		return 0;
	}
	return verdict ? -1 : 0;
}

static int read_arena(struct eval_judgment *x, const json_t *o, const char *where, struct fc_err *e)
{
	const json_t *games = json_object_get(o, "games");
	if (json_array_size(games) != 2)
		return fc_fail(e, "%s: games: expected two", where);
	for (int g = 0; g < 2; g++) {
		const char *verdict;
		if (fc_json_str(
			json_array_get(games, (size_t)g), "score", NULL, &verdict, where, e) < 0)
			return -1;
		if (set_arena(x, g, verdict) < 0)
			return fc_fail(e, "%s: games: '%.20s' is none of A>>B A>B A=B B>A B>>A",
			    where, verdict);
	}
	return text_member(&x->model[0], o, "model", where, e);
}

int eval_judgment_parse(
    struct eval_judgment *x, const json_t *o, const char *where, struct fc_err *e)
{
	int64_t turn;
	x->question = eval_question_id_text(o);
	if (!x->question)
		return fc_fail(e, "%s: expected a judgment: no question_id", where);
	if (read_judge(x, o, where, e) < 0 || fc_json_int(o, "turn", 1, &turn, where, e) < 0)
		return -1;
	if (turn < 1 || turn > 1000)
		return fc_fail(e, "%s: turn: expected 1 or more", where);
	x->turn = (int)turn;
	if (json_object_get(o, "games")) {
		x->kind = EVAL_JUDGMENT_ARENA;
		return read_arena(x, o, where, e);
	}
	if (json_object_get(o, "g1_winner")) {
		x->kind = EVAL_JUDGMENT_PAIR;
		if (text_member(&x->model[0], o, "model_1", where, e) < 0 ||
		    text_member(&x->model[1], o, "model_2", where, e) < 0)
			return -1;
		return read_game(&x->winner[0], o, "g1_winner", where, e) < 0
		    ? -1
		    : read_game(&x->winner[1], o, "g2_winner", where, e);
	}
	if (!json_object_get(o, "score"))
		return fc_fail(e, "%s: expected a judgment: score, g1_winner or games", where);
	x->kind = EVAL_JUDGMENT_SINGLE;
	return read_single(x, o, where, e);
}

int eval_judgments_read(
    struct eval_judgments *j, const char *path, bool keep, bool *torn, struct fc_err *e)
{
	struct fc_lines *lines;
	struct fc_err bad;
	char *p;
	size_t n;
	int got;
	*torn = false;
	if (fc_lines_open(&lines, path, e) < 0)
		return -1;
	while ((got = fc_lines_next(lines, &p, &n, e)) > 0) {
		if (*torn) { /* a broken line before the last is an error */
			*e = bad;
			got = -1;
			break;
		}
		if (fc_line_is_blank(p, n))
			continue;
		json_t *o = fc_json_text(p, n, fc_lines_where(lines), &bad);
		if (!o) {
			*torn = true;
			continue;
		}
		FC_GROW(j->v, j->cap, j->n + 1);
		struct eval_judgment *x = &j->v[j->n++];
		*x = (struct eval_judgment){0};
		got = eval_judgment_parse(x, o, fc_lines_where(lines), e);
		if (keep)
			x->o = o;
		else
			json_decref(o);
		if (got < 0)
			break;
	}
	fc_lines_close(lines);
	return got;
}

void eval_judgment_key(struct fc_buf *b, const char *question, const char *model1,
    const char *model2, const char *judge, const char *prompt, int turn)
{
	bool swap = model2 && strcmp(model1, model2) > 0;
	fc_buf_addf(b, "%s\x1f%s\x1f%s\x1f%s\x1f%s\x1f%d", question, swap ? model2 : model1,
	    !model2    ? ""
		: swap ? model1
		       : model2,
	    judge, prompt, turn);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void eval_judgments_count_duplicates(struct eval_judgments *j)
{
	char **key = FC_ARRAY(char *, j->n);
	for (size_t i = 0; i < j->n; i++) {
		const struct eval_judgment *x = &j->v[i];
		struct fc_buf b = FC_BUF_INIT;
		eval_judgment_key(
		    &b, x->question, x->model[0], x->model[1], x->judge, x->prompt, x->turn);
		key[i] = fc_buf_detach(&b);
	}
	if (j->n)
		qsort(key, j->n, sizeof *key, by_text);
	j->n_duplicate = 0;
	for (size_t i = 1; i < j->n; i++)
		j->n_duplicate += !strcmp(key[i - 1], key[i]);
	for (size_t i = 0; i < j->n; i++)
		free(key[i]);
	free(key);
}

static const char *text_of(const json_t *o, const char *key, size_t *n)
{
	const json_t *v = json_object_get(o, key);
	*n = json_string_length(v);
	return json_is_string(v) ? json_string_value(v) : "";
}

void eval_judgment_reread(struct eval_judgment *x, enum eval_verdict_rule rule)
{
	size_t n;
	const char *text;
	if (x->kind == EVAL_JUDGMENT_SINGLE) {
		text = text_of(x->o, "judgment", &n);
		struct eval_rating r = eval_verdict_rating(text, n, rule);
		x->scored = r.found;
		x->score = r.found ? r.value : -1;
	} else if (x->kind == EVAL_JUDGMENT_PAIR) {
		text = text_of(x->o, "g1_judgment", &n);
		x->winner[0] = eval_verdict_pair(text, n, rule);
		text = text_of(x->o, "g2_judgment", &n); /* model_2 has A's place */
		x->winner[1] = swap_places(eval_verdict_pair(text, n, rule));
	} else {
		const json_t *games = json_object_get(x->o, "games");
		for (int g = 0; g < 2; g++) {
			size_t n_found;
			text = text_of(json_array_get(games, (size_t)g), "judgment", &n);
			set_arena(x, g, eval_verdict_arena(text, n, rule, &n_found));
		}
	}
}

enum eval_winner eval_judgment_winner(const struct eval_judgment *x)
{
	if (x->winner[0] == EVAL_WINNER_ERROR || x->winner[1] == EVAL_WINNER_ERROR)
		return EVAL_WINNER_ERROR;
	return x->winner[0] == x->winner[1] ? x->winner[0] : EVAL_WINNER_TIE;
}
