/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_JUDGED_H
#define FC_EVAL_JUDGED_H

#include "base/opt.h"
#include "fc-eval/judge/judgment.h"

/* The judgment files of a command line, and the options that say what of them counts. */
struct judged_options {
	const char *questions;
	struct fc_strs models, judges;
	int rule; /* 0: the scores in the files, else 1 + enum eval_verdict_rule */
	uint64_t seed;
	int n_resample;
};
#define JUDGED_SELECTION(o)                                                                        \
	{FC_OPT_IN, 0, "questions", &(o).questions, "FILE", "gives the categories", 0, 0},         \
	    {FC_OPT_STRS, 0, "model", &(o).models, "NAME", "only these models", 0, 0},             \
	    {FC_OPT_STRS, 0, "judge", &(o).judges, "NAME", "only these judges", 0, 0},             \
	{                                                                                          \
		FC_OPT_CHOICE, 0, "verdict", &(o).rule, "stored|" EVAL_VERDICT_RULES,              \
		    "take scores as stored, or anew from the judges' texts", 0, 0                  \
	}
#define JUDGED_DRAWS(o)                                                                            \
	{FC_OPT_INT, 0, "resamples", &(o).n_resample, "N", "draws of the bootstrap (0: none)", 0,  \
	    1000000},                                                                              \
	{                                                                                          \
		FC_OPT_U64, 0, "seed", &(o).seed, "N", "of the draws", 0, 0                        \
	}
#define JUDGED_DEFAULTS                                                                            \
	{                                                                                          \
		.n_resample = 10000                                                                \
	}

struct judged {
	struct eval_judgments all;
	struct eval_bench bench; /* empty without --questions */
	bool has_bench;
};
/* Reads everything, tells what is odd about it (duplicates, a torn end).  No file: standard input.
 * keep: the lines stay, for their texts. */
int eval_judged_open(struct judged *j, const struct judged_options *o, const char *const *paths,
    int n_paths, bool keep, struct fc_err *e);
void eval_judged_close(struct judged *j);
/* The bench or NULL. */
const struct eval_bench *eval_judged_bench(const struct judged *j);

#endif
