/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_WORDPIECE_H
#define FC_TOKEN_WORDPIECE_H

#include "text/json.h"
#include "token/modeltext.h"
#include "token/tokmodel.h"

/* BERT's model: the longest piece that a word begins with, then the longest one with the prefix
 * ("##") that goes on, and so forth; a word with a rest that has no piece is one unknown token. */
int fc_wordpiece_read(struct fc_tokmodel **m, struct fc_pieces *pieces, const json_t *o,
    const struct fc_modeltext *text, const char *where, struct fc_err *e);

#endif
