/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_COMPARISON_TABLE_H
#define FC_EVAL_COMPARISON_TABLE_H

#include "fc-eval/measure/comparison.h"
#include "fc-eval/measure/groups.h"

/* What is compared, item by item. */
struct eval_compared {
	const struct eval_measure *measure;
	const struct eval_arms *arms;
	const struct eval_comparison_options *options;
	struct eval_groups groups; /* of the items */
	size_t n;
	double *den,
	    *num; /* [n], [n][n_stream] as eval_paired() takes them; den 0: does not count */
	uint64_t *left_bytes; /* [n][n_stream] that the stream has scored and not all others */
	bool *left_out;       /* [n] some stream has it, but does not count */
};

/* Compares every group and prints; ends the program on failure. */
void eval_compared_print(const struct eval_compared *c);

/* One sentence about an arm against the baseline: "b is better than a by ...".  n: items. */
void eval_comparison_say(struct fc_buf *out, const struct eval_measure *m, const char *arm,
    const char *baseline, const struct eval_paired_result *r, size_t n, size_t n_comparison);
/* "40 conversations", "1 task" */
void eval_comparison_count(struct fc_buf *out, const struct eval_measure *m, size_t n);
/* Appends the text in lines of at most 80 columns, broken at blanks; ends it with a newline. */
void eval_comparison_wrap(struct fc_buf *out, const char *text);

#endif
