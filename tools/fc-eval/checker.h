/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_CHECKER_H
#define FC_EVAL_CHECKER_H

#include "chat/conversation.h"

/* Answers of which a program says a number each. */
struct eval_checker {        /* {0} is empty */
	struct fc_buf lines; /* what it reads, JSONL */
	const char **where;  /* [n] for messages, borrowed */
	double *number;      /* [n] what it said */
	size_t n, cap_where;
};

void eval_checker_add(struct eval_checker *k, const struct fc_conversation *c, const char *where);
/* Runs a shell command once, which reads all answers as lines and writes a finite number for each,
 * a line each in their order; not at all where there are none.  name: its own, for messages. */
int eval_checker_run(
    struct eval_checker *k, const char *name, const char *command, struct fc_err *e);
void eval_checker_release(struct eval_checker *k);

#endif
