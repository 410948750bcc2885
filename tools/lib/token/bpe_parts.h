/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_BPE_PARTS_H
#define FC_TOKEN_BPE_PARTS_H

#include "token/bpe.h"
#include "token/merges.h"

/* SentencePiece's mark of a space, U+2581. */
#define FC_MARK "\xe2\x96\x81"
#define FC_MARK_BYTES 3
#define FC_BLOCKERS_MAX 64

struct fc_bpe {
	const struct fc_pieces *pieces;
	struct fc_merges merges;
	char *prefix, *suffix; /* of symbols that do not start, or do end, a piece; or NULL */
	uint32_t byte_id[256]; /* of "<0xHH>" */
	uint32_t char_id[256]; /* of the byte-level alphabet */
	uint32_t unk;
	bool fuse_unk, byte_fallback, ignore_merges;
	bool *forbidden; /* [n_id] */
	/* A long text can be cut before a mark, which changes nothing and makes the cache useful,
	 * unless a merge could reach over the cut: where its left side ends in one of these. */
	bool cuts;
	uint32_t blocker[FC_BLOCKERS_MAX];
	size_t n_blocker;
};

bool fc_bpe_blocks(const struct fc_bpe *b, uint32_t cp);
/* The last character of p (n > 0 bytes of UTF-8). */
uint32_t fc_bpe_last_char(const char *p, size_t n);

#endif
