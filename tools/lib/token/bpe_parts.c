/* SPDX-License-Identifier: Apache-2.0 */
#include "token/bpe_parts.h"

#include "text/utf8.h"
#include "token/tokenizer.h"

const char *fc_bpe_symbol(const struct fc_bpe *b, uint32_t id, size_t *n)
{
	size_t n_id = b->base.pieces->n_id;
	return id < n_id ? fc_pieces_get(b->base.pieces, id, n)
			 : fc_pieces_get(&b->rare, id - (uint32_t)n_id, n);
}

uint32_t fc_bpe_last_char(const char *p, size_t n)
{
	uint32_t cp = 0;
	size_t at = n - 1;
	while (at && ((unsigned char)p[at] & 0xc0) == 0x80)
		at--;
	fc_utf8_get(p + at, n - at, &cp);
	return cp;
}

bool fc_bpe_blocks(const struct fc_bpe *b, uint32_t cp)
{
	for (size_t i = 0; i < b->n_blocker; i++)
		if (b->blocker[i] == cp)
			return true;
	return false;
}

bool fc_bpe_cuts_behind(const struct fc_bpe *b, const char *p, size_t n)
{
	size_t at = n - 1;
	if ((unsigned char)p[at] < 0x80)
		return b->ends[(unsigned char)p[at]];
	while (at && ((unsigned char)p[at] & 0xc0) == 0x80)
		at--;
	return !fc_bpe_blocks(b, fc_bpe_last_char(p, n)) &&
	    fc_pieces_find(b->base.pieces, p + at, n - at) != FC_NO_TOKEN;
}
