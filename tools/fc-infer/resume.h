/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_RESUME_H
#define FC_INFER_RESUME_H

#include "fc-infer/infer.h"
#include "stream/policy.h"

/* What an interrupted run left in the output file. */
struct resume;
/*
 * Reads the output file if there is one.  keep: its bytes up to the end of the last line whose
 * choices are all there; what follows was being written when the run was ended.  Another number of
 * choices is an error, and so is, of an answer file, another model or other settings.
 */
int infer_resume_open(struct resume **r, const struct session *s, size_t *keep, struct fc_err *e);
void infer_resume_close(struct resume *r);
/* What the output says of a conversation that is answered. */
struct resume_line {
	char *id;
	bool is_answer; /* of an answer file, and checked */
	int said;       /* 1: by whom, 0: it does not say */
	struct fc_policy by;
};
const struct resume_line *infer_resume_find(const struct resume *r, const char *id); /* or NULL */

#endif
