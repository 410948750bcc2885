/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_JUDGMENT_H
#define FC_EVAL_JUDGMENT_H

#include "fc-eval/judge/bench.h"
#include "fc-eval/judge/verdict.h"

enum eval_judgment_kind {
	EVAL_JUDGMENT_SINGLE, /* one answer, a rating */
	EVAL_JUDGMENT_PAIR,   /* two answers, two games with swapped places */
	EVAL_JUDGMENT_ARENA,  /* Arena-Hard: against a baseline, two games, five verdicts */
};

/* A line of a judgment file, ours or FastChat's or Arena-Hard's. */
struct eval_judgment {
	enum eval_judgment_kind kind;
	char *question;
	char *model[2]; /* [1]: NULL if single */
	char *judge;
	char *prompt; /* "" where the file does not tell */
	int turn;     /* from 1 */
	bool scored;  /* single: a rating was found */
	double score;
	/* pair: who won each game, A is model[0] and B is model[1] in both.
	 * arena: who won, A is the baseline in both. */
	enum eval_winner winner[2];
	int strength[2]; /* arena: 2 for >>, 1 for > and =, 0 without verdict */
	json_t *o;       /* the line, NULL unless kept */
};

struct eval_judgments {
	struct eval_judgment *v;
	size_t n, cap;
	size_t n_duplicate; /* lines whose key was there before; they count, as in FastChat */
};

/* Reads a file and adds its lines.  keep: the lines' objects stay, for their texts.  A last line
 * without its newline that is no JSON is skipped: the writer was cut off; *torn tells. */
int eval_judgments_read(
    struct eval_judgments *j, const char *path, bool keep, bool *torn, struct fc_err *e);
void eval_judgments_release(struct eval_judgments *j);
/* Fills in n_duplicate. */
void eval_judgments_count_duplicates(struct eval_judgments *j);
/* One line's judgment; o stays the caller's. */
int eval_judgment_parse(
    struct eval_judgment *x, const json_t *o, const char *where, struct fc_err *e);
void eval_judgment_release(struct eval_judgment *x);

/* Takes the verdicts anew from the judge's texts, by rule.  Needs the kept line. */
void eval_judgment_reread(struct eval_judgment *x, enum eval_verdict_rule rule);

/* Appends what identifies a judgment: nothing with the same key is asked again.  The two models of
 * a pair may come in either order, both games are played anyway. */
void eval_judgment_key(struct fc_buf *b, const char *question, const char *model1,
    const char *model2, const char *judge, const char *prompt, int turn);

/* The game of a pair as FastChat settles it: the winner if both games agree, else a tie; an error
 * if one is. */
enum eval_winner eval_judgment_winner(const struct eval_judgment *x);

#endif
