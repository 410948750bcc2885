/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SCAN_H
#define FC_EVAL_SCAN_H

#include "fc-eval/measure/arms.h"
#include "fc-eval/measure/groups.h"
#include "fc-eval/measure/items.h"

/*
 * measure/: numbers from streams and answers, a file for each command (ppl, accuracy, exact,
 * divergence, mc with task, mc_questions, oracle). scan walks a stream's conversations for a
 * measure and shows it by group (groups); score, forced, row_divergence and choices compute from
 * rows; answer, number and grade compare texts.
 *
 * Of several models: arms are what the command line names, items what each stream says of a
 * conversation or task, joined by id, scored the bytes that all have scored. paired is the
 * statistics of their differences, significance its tests and quantiles; comparison puts all that
 * together, comparison_table and comparison_words print it.
 */

/* A measure taken of every conversation of a distribution stream, and shown by group. */
struct eval_scan {
	void *ctx;                 /* the functions' */
	struct eval_groups groups; /* of the stream that is read; empty at its begin */
	bool likeliest;            /* rows of draws are refused */
	struct eval_items *items;  /* of a comparison, the stream's; else NULL */
	uint32_t n_vocab;          /* of that stream: ids of tokens are below it */
	/* Measures an example and files it, then or later; name: the stream's, for messages. */
	int (*take)(
	    struct eval_scan *s, const struct fc_example *x, const char *name, struct fc_err *e);
	int (*end)(struct eval_scan *s, const char *name, struct fc_err *e); /* or NULL */
	/* Shows a group of the stream at path. */
	void (*put)(
	    struct eval_scan *s, const char *path, const char *group, const struct eval_group *g);
};
/* Scans one stream after the other and shows each; ends the program on failure. */
void eval_scan_streams(struct eval_scan *s, const struct eval_arms *a);
/* Scans them for a comparison: `take` and `end` fill s->items, [a->n_stream] items, which are the
 * caller's to release. */
struct eval_items *eval_scan_items(struct eval_scan *s, const struct eval_arms *a);
/* Adds the example to s->items, its category by member `by` of its line; NULL on failure. */
struct eval_item *eval_scan_add(struct eval_scan *s, const struct fc_example *x, const char *by,
    const char *name, struct fc_err *e);
/* Frees what eval_scan_items() returned. */
void eval_scan_release(struct eval_items *items, const struct eval_arms *a);

#endif
