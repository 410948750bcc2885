/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_GRADE_H
#define FC_EVAL_GRADE_H

#include "fc-eval/measure/answer.h"

/* An answered conversation, or one that is a reference. */
struct fc_grade {
	char *id, *where;
	char *answer;               /* the last assistant's message, or NULL */
	char *reference;            /* member "answer", or NULL */
	char *category;             /* NULL without a field to file it by */
	bool right, one_of_several; /* fc-infer --choices wrote it */
	size_t order;               /* place in the file */
};
struct fc_grades {          /* {0} is empty */
	struct fc_grade *v; /* [n] by id */
	size_t n, cap;
};
struct fc_grading {
	const char *by; /* member of the lines, or NULL */
	enum fc_answer_match match;
	bool ignore_case;
	int choice; /* of several answers only this one counts; -1: there is one */
};

/* Reads a file of conversations; an id that comes twice is an error. */
int fc_grades_read(
    const char *path, const struct fc_grading *o, struct fc_grades *out, struct fc_err *e);
void fc_grades_release(struct fc_grades *s);
/* Fills in what is right.  refs_path: NULL, or where the references are, read into refs: every
 * answer meets its reference, and none is left over on either side. */
int fc_grades_judge(struct fc_grades *a, const char *refs_path, const struct fc_grading *o,
    struct fc_grades *refs, struct fc_err *e);

#endif
