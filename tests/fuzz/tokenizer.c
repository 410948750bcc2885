/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer.json, and what encodes and decodes with it. */
#include "input.h"

#include <string.h>

#include "base/mem.h"
#include "token/tokenizer.h"

#define OTHER_SCRIPTS                                                                              \
	"\xc3\xa9 e\xcc\x81 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80 "                            \
	"\xef\xac\x81\t\xc2\xa0\xe2\x96\x81"
static const char *const text[] = {
    "", " Hello  world's\n\n 12345 don't<s>", OTHER_SCRIPTS, "bad \xff"};

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fc_tokenizer *t;
	struct fc_tokens tokens = {0};
	struct fc_buf out = FC_BUF_INIT;
	struct fc_span guard = {1, 4};
	struct fc_err e;
	if (fc_tokenizer_open(&t, input_file(p, n, 0), &e) < 0)
		return 0;
	for (size_t i = 0; i < FC_LEN(text); i++) {
		tokens.n = 0;
		size_t len = strlen(text[i]);
		if (fc_tokenizer_encode(t, text[i], len, &guard, len > 4, &tokens, &e) < 0)
			continue;
		uint32_t start = 0, end = 0;
		for (size_t k = 0; k < tokens.n; k++) {
			const struct fc_token *v = &tokens.v[k];
			if (v->id >= fc_tokenizer_n_vocab(t) || v->start < start || v->end < end ||
			    v->end < v->start || v->end > len)
				abort();
			start = v->start;
			end = v->end;
			fc_tokenizer_decode(t, &v->id, 1, false, &out);
		}
	}
	fc_tokens_release(&tokens);
	fc_buf_release(&out);
	fc_tokenizer_free(t);
	return 0;
}
