/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_SPMNORM_H
#define FC_TOKEN_SPMNORM_H

#include <stdbool.h>

#include "token/aligned.h"
#include "token/charsmap.h"
#include "token/trie.h"

/* SentencePiece's normalizer: user-defined pieces stay as they are, the longest strings of the
 * charsmap are replaced, then spaces are trimmed and marked. */
struct fc_spmnorm {
	struct fc_charsmap *charsmap; /* NULL: none */
	struct fc_trie user;
	bool remove_extra_spaces; /* at both ends, and all but the first of several */
	bool escape_spaces;       /* " " becomes U+2581 */
	enum { FC_DUMMY_NONE, FC_DUMMY_PREFIX, FC_DUMMY_START, FC_DUMMY_SUFFIX } dummy;
	/* a space that is put before every text, only before one that starts at byte 0 of the
	 * whole, or behind */
};
void fc_spmnorm_release(struct fc_spmnorm *s);
/* Appends the new text to b.  goes_on: the text is not the beginning of one. */
void fc_spmnorm_run(
    const struct fc_spmnorm *s, bool goes_on, const struct fc_aligned *text, struct fc_alignbuf *b);

#endif
