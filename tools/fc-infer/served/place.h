/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_PLACE_H
#define FC_INFER_PLACE_H

#include "fc-infer/served/words.h"
#include "stream/example.h"

/*
 * Where the tokens of a reply stand in the text that was scored.  x has the text, its segments and
 * the tokens that the tokenizer makes of it; other has those of the other cut (or none), of which
 * the tokens count.  A server that has the tokenizer gives one or the other; what fits neither must
 * spell the text, token by token, and x gets the reply's tokens.
 */
struct place {
	size_t token; /* of x, which the reply's token `reply` is; so are those after it */
	size_t reply, n;
	size_t
	    n_beyond;   /* tokens of the reply behind the text: a prompt for an answer, an answer */
	bool spelled;   /* the reply's tokens are others than the tokenizer's */
	bool spaceless; /* strings have lost the space that their tokens begin with */
};
int infer_place_find(struct place *p, struct fc_example *x, struct fc_example *other,
    const struct reply *r, const struct words *w, struct fc_err *e);

#endif
