/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_JUDGMENT_FILE_H
#define FC_EVAL_JUDGMENT_FILE_H

#include "fc-eval/judge/judge_plan.h"

/*
 * The judgment file while it grows.  A line is one write at the file's end; a line that was cut off
 * by a kill is taken away at the next opening.  Beside it, in FILE.games, are the games with a
 * reply of pairs whose other game has none yet; the file goes when there is none left.  Both are
 * locked: a second run is refused.
 */
enum eval_judgment_sync {
	EVAL_JUDGMENT_SYNC_LINE, /* a judgment is on the disk before the next request */
	EVAL_JUDGMENT_SYNC_END, /* judgments survive the program's end, perhaps not the machine's */
	EVAL_JUDGMENT_SYNC_N
};

struct eval_judgment_file;
int eval_judgment_file_open(struct eval_judgment_file **f, const char *path,
    enum eval_judgment_sync sync, struct fc_err *e);
/* Syncs.  all_judged: no item waits for its other game, so FILE.games goes. */
int eval_judgment_file_close(struct eval_judgment_file *f, bool all_judged, struct fc_err *e);

/* Takes what is judged already out of the plan and gives the rest the replies that are known.
 * *n_done: how many were taken out; *n_stale: how many of those were about another prompt than
 * today's, because answers, questions or references changed. */
int eval_judgment_file_resume(struct eval_judgment_file *f, struct eval_plan *p, size_t *n_done,
    size_t *n_stale, struct fc_err *e);

/* Adds a line, which ends in a newline. */
int eval_judgment_file_add(
    struct eval_judgment_file *f, const char *line, size_t n, struct fc_err *e);
/* Keeps a game's reply while the item's other game has none. */
int eval_judgment_file_add_game(
    struct eval_judgment_file *f, const struct eval_plan_item *item, int g, struct fc_err *e);

#endif
