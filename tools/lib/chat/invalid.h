/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_INVALID_H
#define FC_CHAT_INVALID_H

#include "base/opt.h"
#include "text/records.h"

/*
 * Lines that are no conversation: an error, or left out and counted, over all files that a program
 * reads (--invalid), and kept in a file, each with its place and what is wrong (--invalid-file).
 */
enum fc_invalid_rule { FC_INVALID_STOP, FC_INVALID_SKIP, FC_INVALID_RULE_N };
struct fc_invalid {
	enum fc_invalid_rule rule;
	const char *file; /* NULL: none */
};
/* The one that the options are about. */
extern struct fc_invalid fc_invalid_asked;
extern const struct fc_opt fc_invalid_options[];
/* Ends the program where the options do not go together. */
void fc_invalid_check(void);

enum fc_invalid_reason {
	FC_INVALID_JSON,     /* it is not JSON */
	FC_INVALID_FORM,     /* its members are of no form that is read, or of several */
	FC_INVALID_MEMBER,   /* a member that has to be there is not as it should be */
	FC_INVALID_RENDERED, /* the chat template refuses it, or the tokenizer */
	FC_INVALID_N
};
/*
 * The last text of r is invalid, for this reason, as why says.  0: it is left out and counted; -1:
 * the rule is to stop, and e has why.  p[n]: the text.
 */
int fc_invalid_add(enum fc_invalid_reason reason, struct fc_records *r, const char *p, size_t n,
    const struct fc_err *why, struct fc_err *e);
/* A line that is valid was read: where there is none at all, fc_invalid_finish() is an error. */
void fc_invalid_add_valid(void);
uint64_t fc_invalid_count(void); /* of all that were left out */
/* Before a program ends well: completes the file, and tells the counts. */
int fc_invalid_finish(struct fc_err *e);

#endif
