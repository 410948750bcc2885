/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SHOW_INPUT_H
#define FC_EVAL_SHOW_INPUT_H

#include "base/opt.h"
#include "fc-eval/judge/judgment.h"

/* The judgment files of a command line, and the options that say what of them counts. */
struct eval_show_input_options {
	const char *questions;
	struct fc_strs models, judges;
	int rule; /* 0: the scores in the files, else 1 + enum eval_verdict_rule */
	uint64_t seed;
	int n_resample;
};
#define EVAL_SHOW_INPUT_OPTS(o)                                                                    \
	{FC_OPT_IN, 0, "questions", &(o).questions, "FILE", "gives the categories", 0, 0},         \
	    {FC_OPT_STRS, 0, "model", &(o).models, "NAME", "only these models", 0, 0},             \
	    {FC_OPT_STRS, 0, "judge", &(o).judges, "NAME", "only these judges", 0, 0},             \
	{                                                                                          \
		FC_OPT_CHOICE, 0, "verdict", &(o).rule, "stored|" EVAL_VERDICT_RULES,              \
		    "take scores as stored, or anew from the judges' texts", 0, 0                  \
	}
#define EVAL_SHOW_DRAW_OPTS(o)                                                                     \
	{FC_OPT_INT, 0, "resamples", &(o).n_resample, "N", "draws of the bootstrap (0: none)", 0,  \
	    1000000},                                                                              \
	{                                                                                          \
		FC_OPT_U64, 0, "seed", &(o).seed, "N", "of the draws", 0, 0                        \
	}
#define EVAL_SHOW_INPUT_DEFAULTS                                                                   \
	{                                                                                          \
		.n_resample = 10000                                                                \
	}

struct eval_show_input {
	struct eval_judgments all;
	struct eval_bench bench; /* empty without --questions */
	bool has_bench;
};
/* Reads everything, tells what is odd about it (duplicates, a torn end).  No file: standard input.
 * keep: the lines stay, for their texts. */
int eval_show_input_open(struct eval_show_input *j, const struct eval_show_input_options *o,
    const char *const *paths, int n_paths, bool keep, struct fc_err *e);
void eval_show_input_close(struct eval_show_input *j);
/* The bench or NULL. */
const struct eval_bench *eval_show_input_bench(const struct eval_show_input *j);

#endif
