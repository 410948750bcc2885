/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SHOW_INPUT_H
#define FC_EVAL_SHOW_INPUT_H

#include "base/opt.h"
#include "fc-eval/judge/judgment.h"

/* The judgment files of a command line, and the options that say what of them counts. */
enum eval_show_scores_of { EVAL_SHOW_STORED, EVAL_SHOW_FASTCHAT, EVAL_SHOW_STRICT, EVAL_SHOW_N };
struct eval_show_input_options {
	const char *questions;
	struct fc_strs models, judges;
	enum eval_show_scores_of scores; /* those in the files, or anew by a verdict rule */
	uint64_t seed;
	int n_resample;
};
/* As the command line says; which judgments, and how often the bootstrap draws. */
extern struct eval_show_input_options eval_show_input_asked;
extern const struct fc_opt eval_show_input_table[], eval_show_draw_table[];

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
