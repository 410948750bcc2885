/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_OFFSETS_H
#define FC_ALIGN_OFFSETS_H

#include "stream/example.h"

#define ALIGN_NO_MATCH UINT32_MAX

/*
 * Aligns two token sequences of one text: match[t] is the token of source that starts at the byte
 * where token t of pivot starts, or ALIGN_NO_MATCH.  Both then stand after the same bytes, so the
 * source's distribution for its token speaks about the pivot's.
 *
 * Turn ends match only as whole tokens (same first and last byte), BOS never: no row predicts it.
 * Tokens without bytes match one by one, and only where both sequences have as many of them.
 * match: [pivot->n_tok], increasing over the matched.
 */
void align_offsets_match(
    const struct fc_example *pivot, const struct fc_example *source, uint32_t *match);

#endif
