/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/shares.h"

#include <stdlib.h>

#include "base/mem.h"

static size_t count_blocks(const struct fc_param *p, size_t n_param)
{
	size_t n = 0;
	for (size_t i = 0; i < n_param; i++)
		n += (p[i].n + TRAIN_BLOCK - 1) / TRAIN_BLOCK;
	return n;
}

void train_shares_make(
    struct train_shares *s, const struct fc_param *p, size_t n_param, size_t n_rank)
{
	*s = (struct train_shares){.n_rank = n_rank};
	s->block = FC_ARRAY(struct train_block, count_blocks(p, n_param));
	s->first = FC_ARRAY(size_t, n_param + 1);
	for (size_t i = 0; i < n_param; i++) {
		s->first[i] = s->n_block;
		for (size_t at = 0; at < p[i].n; at += TRAIN_BLOCK) {
			const size_t left = p[i].n - at;
			s->block[s->n_block++] = (struct train_block){
			    i, at, left < TRAIN_BLOCK ? left : (size_t)TRAIN_BLOCK};
		}
	}
	s->first[n_param] = s->n_block;
}

void train_shares_release(struct train_shares *s)
{
	free(s->block);
	free(s->first);
	*s = (struct train_shares){0};
}

size_t train_shares_begin(const struct train_shares *s, size_t rank)
{
	return s->n_block * rank / s->n_rank;
}

size_t train_shares_owner(const struct train_shares *s, size_t block)
{
	size_t r = block * s->n_rank / s->n_block;
	while (r + 1 < s->n_rank && train_shares_begin(s, r + 1) <= block)
		r++;
	while (train_shares_begin(s, r) > block)
		r--;
	return r;
}

struct train_own train_shares_own(const struct train_shares *s, size_t rank, size_t param)
{
	struct train_own own = {0, 0};
	const size_t end = train_shares_begin(s, rank + 1);
	/* the parameter's blocks follow each other */
	for (size_t i = s->first[param]; i < s->first[param + 1]; i++) {
		if (i < train_shares_begin(s, rank) || i >= end)
			continue;
		if (!own.n)
			own.begin = s->block[i].begin;
		own.n += s->block[i].n;
	}
	return own;
}

struct train_piece train_shares_piece(const struct train_shares *s, size_t rank, size_t block)
{
	const struct train_block *b = &s->block[block];
	const size_t end = train_shares_begin(s, rank + 1);
	struct train_piece p = {b->param, b->begin, 0, block};
	while (p.block_end < end && s->block[p.block_end].param == p.param &&
	    p.block_end - block < TRAIN_PIECE / TRAIN_BLOCK)
		p.n += s->block[p.block_end++].n;
	return p;
}
