/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_ARMS_H
#define FC_EVAL_ARMS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The models that a command line compares.  An operand is a file, or NAME=FILE[,FILE]...: the
 * files, and those of other operands with that name, are seeds of one arm.  What has a slash before
 * its "=" is a file; a file without a name is an arm of its own, called by its path.
 */
struct eval_arms {
	char **path; /* [n_stream] */
	size_t *arm; /* [n_stream] the arm each belongs to */
	char **name; /* [n_arm] */
	size_t n_stream, n_arm, cap_stream, cap_path, cap_name;
	size_t baseline; /* an arm */
};

/* n 0: standard input.  baseline: an arm's name; NULL: the first.  Ends the program where the
 * command line is wrong: an empty name, no arm of the baseline's name, standard input twice, and
 * unless each is shown by itself, any file twice. */
void eval_arms_parse(
    struct eval_arms *a, char *const *operands, size_t n, const char *baseline, bool each);
void eval_arms_release(struct eval_arms *a);

/* Is there something to compare, or a mean of seeds to take?  Else there is one file. */
bool eval_arms_several(const struct eval_arms *a);

#endif
