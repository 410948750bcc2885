/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_COMPARISON_H
#define FC_EVAL_COMPARISON_H

#include "base/opt.h"
#include "fc-eval/measure/arms.h"
#include "fc-eval/measure/items.h"
#include "fc-eval/measure/paired.h"
#include "text/table.h"

/* What a comparison says of its measure. */
struct eval_measure {
	const char *name;    /* its column for programs */
	const char *heading; /* of the column for people */
	const char *unit;    /* in words, behind a number: " bits a byte", " in accuracy" */
	const char *items;   /* what is drawn: "conversations", "tasks"; a column for programs */
	const char *differs; /* what must be the same under one id: "another text" */
	double scale;        /* of the items' numbers: nats to bits */
	int decimals;
	bool less_is_better, right_wrong;
	bool of_bytes; /* items have bytes, what all have scored counts; else their values */
};

/* What a command that compares is asked beside what it measures, and where --help's rows put it. */
struct eval_comparison_options {
	const char *baseline, *out; /* a name and a path, or NULL */
	enum fc_table_format format;
	int n_resample; /* below 0: EVAL_COMMAND_N_COMPARE, or _N_RESAMPLE for each by itself */
	bool each;      /* compare nothing */
	uint64_t seed;
};
extern struct eval_comparison_options eval_comparison_asked;

/* Of a command that measures each stream by itself, or compares several: the table behind its own.
 */
extern const struct fc_opt eval_comparison_opts[];
/* Reads its operands; calls compare() for several arms, and each() for one or with --each. */
void eval_comparison_run(int n, char *const *operand, void (*compare)(const struct eval_arms *),
    void (*each)(const struct eval_arms *));

/*
 * Compares the arms' items and prints the table: every arm, overall and by category, with what
 * eval_paired() says of it against the baseline; for people with what it means in words.  items:
 * [arms->n_stream].  An item that not all streams have does not count, nor do bytes that not all
 * have scored; both are told.  Ends the program where nothing is left, or on failure.
 */
void eval_comparison(const struct eval_measure *m, const struct eval_arms *arms,
    struct eval_items *items, const struct eval_comparison_options *o);

#endif
