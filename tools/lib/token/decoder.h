/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_DECODER_H
#define FC_TOKEN_DECODER_H

#include "base/buf.h"
#include "text/json.h"

/* The chain that tokenizer.json calls decoder: from the vocabulary's spelling to text. */
struct fc_decoder;
/* o may be null: then tokens are joined by spaces, as the reference does.  byte_level: their
 * spelling is in the byte-level alphabet all the same. */
int fc_decoder_json(
    struct fc_decoder **d, const json_t *o, bool byte_level, const char *where, struct fc_err *e);
void fc_decoder_free(struct fc_decoder *d);

/* A list of strings, one after the other in text; item i ends at end[i].  {0} is empty. */
struct fc_decoder_list {
	struct fc_buf text;
	size_t *end; /* [n] */
	size_t n, cap;
};
void fc_decoder_list_release(struct fc_decoder_list *l);
void fc_decoder_list_add(struct fc_decoder_list *l, const char *p, size_t n);

/* Appends the text of the tokens in l, which is used up.  Bytes that are no UTF-8 stay as they
 * are (the reference puts U+FFFD).  goes_on: they are not the beginning of a text. */
void fc_decoder_run(
    const struct fc_decoder *d, struct fc_decoder_list *l, bool goes_on, struct fc_buf *out);
/* Appends what a token stands for inside a text, where nothing is stripped from ends. */
void fc_decoder_token(const struct fc_decoder *d, const char *p, size_t n, struct fc_buf *out);

#endif
