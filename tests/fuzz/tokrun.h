/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_FUZZ_TOKRUN_H
#define FC_FUZZ_TOKRUN_H

/* Encodes and decodes with a tokenizer that came out of a fuzzed file. */

#include "input.h" /* first: it asks for memfd_create() */

#include <string.h>

#include "base/mem.h"
#include "token/tokenizer.h"

#define OTHER_SCRIPTS                                                                              \
	"\xc3\xa9 e\xcc\x81 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80 "                            \
	"\xef\xac\x81\t\xc2\xa0\xe2\x96\x81"

static inline void tokrun_text(
    const struct fc_tokenizer *t, const char *text, struct fc_tokens *tokens, struct fc_buf *out)
{
	struct fc_span guard = {1, 4};
	struct fc_err e;
	uint32_t start = 0, end = 0, len = (uint32_t)strlen(text);
	const uint32_t cut = len > 4 ? 4 : len; /* a border of characters in every text */
	tokens->n = 0;
	if (fc_tokenizer_encode_cut(t, text, len, &guard, len > 4, &cut, 1, tokens, &e) < 0)
		return;
	for (size_t k = 0; k < tokens->n; k++) {
		const struct fc_token *v = &tokens->v[k];
		if (v->id >= fc_tokenizer_n_vocab(t) || v->start < start || v->end < end ||
		    v->end < v->start || v->end > len || (v->start < cut && v->end > cut))
			abort();
		start = v->start;
		end = v->end;
		fc_tokenizer_decode(t, &v->id, 1, false, out);
	}
}

static inline int tokrun(const uint8_t *p, size_t n)
{
	static const char *const text[] = {
	    "", " Hello  world's\n\n 12345 don't<s>", OTHER_SCRIPTS, "bad \xff"};
	struct fc_tokenizer *t;
	struct fc_tokens tokens = {0};
	struct fc_buf out = FC_BUF_INIT;
	struct fc_err e;
	if (fc_tokenizer_open(&t, input_file(p, n, 0), &e) < 0)
		return 0;
	for (size_t i = 0; i < FC_LEN(text); i++)
		tokrun_text(t, text[i], &tokens, &out);
	fc_tokens_release(&tokens);
	fc_buf_release(&out);
	fc_tokenizer_free(t);
	return 0;
}

#endif
