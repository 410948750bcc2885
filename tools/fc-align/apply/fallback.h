/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_FALLBACK_H
#define FC_ALIGN_FALLBACK_H

#include "fc-align/apply/ledger.h"
#include "stream/reader.h"

/* What stands at a trained token that got no row of the source's. */
enum align_fallback {
	ALIGN_FALLBACK_NONE,    /* nothing: it has no teacher */
	ALIGN_FALLBACK_NEXT,    /* all probability on the token itself, as FuseChat 2 has it */
	ALIGN_FALLBACK_CURRENT, /* on the token before it, as FuseLLM and FuseChat 1 have it */
	ALIGN_FALLBACK_PIVOT,   /* the pivot's own row */
	ALIGN_FALLBACK_N
};

struct align_filler;
/* own: the pivot's own stream, for ALIGN_FALLBACK_PIVOT; borrowed.  h: of the stream that is
 * filled, whose top_k no row exceeds. */
int align_filler_open(struct align_filler **f, enum align_fallback kind, const char *own,
    const struct fc_header *h, struct fc_err *e);
/* What the ids of the rows it puts in are below; 0: they are the pivot's tokens. */
uint32_t align_filler_n_output(const struct align_filler *f);
void align_filler_close(struct align_filler *f);
/* Fills the gaps of x, the next conversation. */
int align_filler_example(
    struct align_filler *f, struct fc_example *x, struct align_ledger *ledger, struct fc_err *e);

#endif
