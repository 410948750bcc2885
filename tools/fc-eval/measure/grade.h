/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_GRADE_H
#define FC_EVAL_GRADE_H

#include "base/opt.h"
#include "fc-eval/measure/answer.h"

/* An answered conversation, or one that is a reference. */
struct eval_grade {
	char *id, *where;
	char *answer;               /* the last assistant's message, or NULL */
	char *reference;            /* member "answer", or NULL */
	uint64_t asked;             /* hash of the users' messages */
	char *category;             /* NULL without a field to file it by */
	bool right, one_of_several; /* fc-infer --choices wrote it */
	size_t order;               /* place in the file */
};
struct eval_grades {          /* {0} is empty */
	struct eval_grade *v; /* [n] by id */
	size_t n, cap;
};
struct eval_grading {
	const char *by;               /* member of the lines, or NULL */
	enum eval_answer_match match; /* EVAL_ANSWER_N: what the program says */
	const char *program;          /* a shell command, or NULL */
	bool ignore_case;
	int choice; /* of several answers only this one counts; -1: there is one */
};

/* What commands that grade are asked, and the table of its options, behind their own. */
extern struct eval_grading eval_grading_asked;
extern const struct fc_opt eval_grading_opts[];
/* Ends the program where they do not go together. */
void eval_grading_check(void);

/*
 * Reads a file of answered conversations, where an id that comes twice is an error, and says which
 * are right.  refs_path: NULL, or where the references are: every answer meets its reference, and
 * none is left over on either side.  With a program references only say what is answered: it is
 * run once over the file's answers, and right is a number of 1 or more.
 */
int eval_grades_read(const char *path, const char *refs_path, const struct eval_grading *o,
    struct eval_grades *out, struct fc_err *e);
void eval_grades_release(struct eval_grades *s);

#endif
