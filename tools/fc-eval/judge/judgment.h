/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_JUDGMENT_H
#define FC_EVAL_JUDGMENT_H

#include "fc-eval/judge/bench.h"
#include "fc-eval/judge/verdict.h"

enum fc_judgment_kind {
	FC_JUDGMENT_SINGLE, /* one answer, a rating */
	FC_JUDGMENT_PAIR,   /* two answers, two games with swapped places */
	FC_JUDGMENT_ARENA,  /* Arena-Hard: against a baseline, two games, five verdicts */
};

/* A line of a judgment file, ours or FastChat's or Arena-Hard's. */
struct fc_judgment {
	enum fc_judgment_kind kind;
	char *question;
	char *model[2]; /* [1]: NULL if single */
	char *judge;
	char *prompt; /* "" where the file does not tell */
	int turn;     /* from 1 */
	bool scored;  /* single: a rating was found */
	double score;
	/* pair: who won each game, A is model[0] and B is model[1] in both.
	 * arena: who won, A is the baseline in both. */
	enum fc_winner winner[2];
	int strength[2]; /* arena: 2 for >>, 1 for > and =, 0 without verdict */
	json_t *o;       /* the line, NULL unless kept */
};

struct fc_judgments {
	struct fc_judgment *v;
	size_t n, cap;
	size_t n_duplicate; /* lines whose key was there before; they count, as in FastChat */
};

/* Reads a file and adds its lines.  keep: the lines' objects stay, for their texts.  A last line
 * without its newline that is no JSON is skipped: the writer was cut off; *torn tells. */
int fc_judgments_read(
    struct fc_judgments *j, const char *path, bool keep, bool *torn, struct fc_err *e);
void fc_judgments_release(struct fc_judgments *j);
/* Fills in n_duplicate. */
void fc_judgments_count_duplicates(struct fc_judgments *j);
/* One line's judgment; o stays the caller's. */
int fc_judgment_parse(struct fc_judgment *x, const json_t *o, const char *where, struct fc_err *e);
void fc_judgment_release(struct fc_judgment *x);

/* Takes the verdicts anew from the judge's texts, by rule.  Needs the kept line. */
void fc_judgment_reread(struct fc_judgment *x, enum fc_verdict_rule rule);

/* Appends what identifies a judgment: nothing with the same key is asked again.  The two models of
 * a pair may come in either order, both games are played anyway. */
void fc_judgment_key(struct fc_buf *b, const char *question, const char *model1, const char *model2,
    const char *judge, const char *prompt, int turn);

/* The game of a pair as FastChat settles it: the winner if both games agree, else a tie; an error
 * if one is. */
enum fc_winner fc_judgment_winner(const struct fc_judgment *x);

#endif
