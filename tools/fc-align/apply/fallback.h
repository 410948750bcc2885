/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_FALLBACK_H
#define FC_ALIGN_FALLBACK_H

#include "fc-align/apply/ledger.h"
#include "stream/reader.h"

/* What stands at a trained token that got no row of the source's. */
enum fc_fallback {
	FC_FALLBACK_NONE,    /* nothing: it has no teacher */
	FC_FALLBACK_NEXT,    /* all probability on the token itself, as FuseChat 2 has it */
	FC_FALLBACK_CURRENT, /* on the token before it, as FuseLLM and FuseChat 1 have it */
	FC_FALLBACK_PIVOT,   /* the pivot's own row */
};
#define FC_FALLBACKS "none|onehot-next|onehot-current|pivot"

struct fc_filler;
/* own: the pivot's own stream, for FC_FALLBACK_PIVOT; borrowed. */
int fc_filler_open(struct fc_filler **f, enum fc_fallback kind, const char *own, uint64_t tokenizer,
    size_t n_vocab, struct fc_err *e);
void fc_filler_close(struct fc_filler *f);
/* Fills the gaps of x, the next conversation. */
int fc_filler_example(
    struct fc_filler *f, struct fc_example *x, struct fc_ledger *ledger, struct fc_err *e);

#endif
