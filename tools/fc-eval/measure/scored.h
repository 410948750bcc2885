/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SCORED_H
#define FC_EVAL_SCORED_H

#include "fc-eval/measure/score.h"

/* Bytes [start, end) of a conversation's text, not empty, that a model has scored with one or more
 * tokens, and by how many nats.  Which of the bytes cost how much is not known. */
struct eval_piece {
	uint32_t start, end;
	double nats;
};

/* Which bytes of a conversation a model has scored. */
struct eval_scored {
	struct eval_piece *piece; /* [n] from left to right */
	size_t n;
	uint64_t bytes; /* of all pieces; where they are not known, of the labels */
	double nats;    /* the conversation's; the pieces' sum but for the stream's float16 */
	/* Without `parts` the pieces tell where the labels are, but not what each costs.  With no
	 * pieces although there are bytes, not even that is known: the cross-entropy is that of
	 * another tokenizer's labels. */
	bool parts;
};
struct eval_scored eval_scored_of(const struct fc_example *x, enum eval_score_from from);
void eval_scored_release(struct eval_scored *s);

/*
 * The bytes that all n models have scored, and what they cost each, nats[n].  Only whole tokens of
 * all of them count: where they have no common border between, bytes of a token that not all have
 * scored pull down those of every token that shares a byte with it.  0 where there are none, or
 * where a model's pieces would have to be parted.
 */
uint64_t eval_scored_common(const struct eval_scored *const *s, size_t n, double *nats);

#endif
