/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_JUDGE_RUN_H
#define FC_EVAL_JUDGE_RUN_H

#include "fc-eval/judge/asker.h"
#include "fc-eval/judge/judgment_file.h"

/*
 * judge/: an LLM as judge. judge is the command. judge_plan says what is asked, from questions and
 * answers (bench, bench_answers) and a prompt; judge_run hands that out and takes replies in
 * through an asker, which is http_judge (over the library's http/) or program (a process beside
 * this one). verdict reads a judge's reply, judgment is one with its verdict, judgment_write its
 * line, and judgment_file the file while it grows.
 */

/* A plan on its way into the judgment file: what is asked next, what becomes of a reply. */
struct eval_run {
	const char *judge; /* its name, borrowed */
	enum eval_verdict_rule rule;
	struct eval_plan plan;           /* released with this */
	struct eval_judgment_file *file; /* the caller's */
	size_t n_failed, n_unparsed;     /* games without a reply, replies without a verdict */
	size_t n_written;                /* judgments */
	char first_failure[1024];

	/* judge_run.c's */
	size_t next;   /* game: number of the item times 2, plus 0 or 1 */
	size_t *again; /* [n_again] games to be asked once more */
	size_t n_again, cap_again;
	struct fc_buf line, id;
};
void eval_run_release(struct eval_run *run);

/* Asks for the games that have no reply; run is borrowed. */
struct eval_asker eval_run_asker(struct eval_run *run);
/* Writes the judgments of items whose games all had a reply when a run was killed. */
int eval_run_settle_replied(struct eval_run *run, struct fc_err *e);

#endif
