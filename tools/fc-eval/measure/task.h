/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_TASK_H
#define FC_EVAL_TASK_H

#include "text/json.h"

/* A multiple-choice task. */
struct eval_choice {
	char *text; /* NUL-terminated */
	size_t n_bytes, n_chars;
};
struct eval_task {
	char *id; /* "id", else "line-N" */
	char *context;
	struct eval_choice *choice; /* [n_choice], at least two */
	size_t n_choice, gold;
	json_t *extra; /* the line's other members, owned */
};
/*
 * A line: {"context" or "question": string, "choices": [string, ...] or {"text": [...], "label":
 * [...]}, "gold", "answer" or "answerKey": the right one as a number from 0, as one of the labels,
 * or as a letter from A}.
 */
int eval_task_parse(struct eval_task *t, const char *p, size_t n, size_t number, const char *where,
    struct fc_err *e);
void eval_task_release(struct eval_task *t);

#endif
