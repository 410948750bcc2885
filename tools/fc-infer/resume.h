/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_RESUME_H
#define FC_INFER_RESUME_H

#include "fc-infer/infer.h"

/* What an interrupted run left in the output file. */
struct resume;
/*
 * Reads the output file if there is one.  keep: its bytes up to the end of the last line whose
 * choices are all there; what follows was being written when the run was ended.  An answer of
 * another model or other settings is an error.
 */
int infer_resume_open(struct resume **r, const struct session *s, size_t *keep, struct fc_err *e);
void infer_resume_close(struct resume *r);
bool infer_resume_has(const struct resume *r, const char *id); /* is it answered? */

#endif
