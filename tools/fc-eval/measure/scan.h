/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SCAN_H
#define FC_EVAL_SCAN_H

#include "fc-eval/measure/groups.h"

/*
 * measure/: numbers from streams and answers, a file for each command (ppl, accuracy, exact,
 * divergence, mc with task, mc_questions, oracle). scan walks a stream's conversations for a
 * measure and shows it by group (groups); score, forced, diverge and choices compute from rows;
 * answer, number and grade compare texts; bootstrap draws intervals, paired those of
 * differences between models, with the tests of significance.
 */

/* A measure taken of every conversation of a distribution stream, and shown by group. */
struct eval_scan {
	void *ctx;                 /* the functions' */
	struct eval_groups groups; /* of the stream that is read; empty at its begin */
	bool likeliest;            /* rows of draws are refused */
	uint32_t n_vocab;          /* of that stream: ids of tokens are below it */
	/* Measures an example and files it, then or later; name: the stream's, for messages. */
	int (*take)(
	    struct eval_scan *s, const struct fc_example *x, const char *name, struct fc_err *e);
	int (*end)(struct eval_scan *s, const char *name, struct fc_err *e); /* or NULL */
	/* Shows a group of the stream at path. */
	void (*put)(
	    struct eval_scan *s, const char *path, const char *group, const struct eval_group *g);
};
/* Scans the streams at paths one after the other, standard input if n is 0; ends the program on
 * failure. */
void eval_scan_streams(struct eval_scan *s, char *const *paths, size_t n);

#endif
