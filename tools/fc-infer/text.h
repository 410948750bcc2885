/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_TEXT_H
#define FC_INFER_TEXT_H

#include "chat/conversation.h"
#include "stream/example.h"
#include "token/tokenizer.h"

/*
 * A line of form FC_FORM_TEXT as tokens, without a template, as lm-evaluation-harness makes a
 * request of it: white space at the context's end belongs to the text; context and text are cut as
 * one string; as many of its tokens are context as the context has by itself, the others are
 * trained.  Special tokens are recognised.  BOS comes first where the makers' encoder puts it;
 * without a context BOS, else EOS, comes first all the same, so that the first token has a
 * distribution.  Fills text, segments and tokens of x.
 */
int infer_text_encode(const struct fc_tokenizer *t, const struct fc_conversation *c,
    struct fc_example *x, struct fc_err *e);
/* Keeps the last n tokens, as the harness does; the bytes before them go to the first. */
void infer_text_keep_end(struct fc_example *x, size_t n);

#endif
