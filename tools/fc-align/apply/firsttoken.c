/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/firsttoken.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "text/utf8.h"

enum { N_MEMORY = 1 << 18, N_AFTER = 1 << 14 }; /* powers of two */

struct memory { /* key 0: none */
	uint64_t key;
	uint32_t token;
};

struct after {
	uint64_t key;
	struct align_byteset set;
};

struct align_firsttoken {
	const struct fc_tokenizer *tokenizer;
	const struct align_vocab *vocab;
	struct align_spellings *spellings;
	struct memory *memory; /* [N_MEMORY] */
	struct after *after;   /* [N_AFTER] */
	struct fc_tokens tokens;
	struct fc_buf text;
};

struct align_firsttoken *align_firsttoken_new(
    const struct fc_tokenizer *t, const struct align_vocab *vocab)
{
	struct align_firsttoken *f = FC_NEW(struct align_firsttoken);
	f->tokenizer = t;
	f->vocab = vocab;
	f->spellings = align_spellings_new(vocab);
	f->memory = FC_ARRAY(struct memory, N_MEMORY);
	f->after = FC_ARRAY(struct after, N_AFTER);
	return f;
}

void align_firsttoken_free(struct align_firsttoken *f)
{
	if (!f)
		return;
	align_spellings_free(f->spellings);
	free(f->memory);
	free(f->after);
	fc_tokens_release(&f->tokens);
	fc_buf_release(&f->text);
	free(f);
}

/* The token that starts after `skip` bytes of f->text, if it spells what stands there.
 * ALIGN_NO_BORDER: one that started before reaches beyond. */
static uint32_t token_after(struct align_firsttoken *f, size_t skip)
{
	struct fc_span all = {0, (uint32_t)f->text.n};
	struct fc_err ignored;
	f->tokens.n = 0;
	if (fc_tokenizer_encode(f->tokenizer, f->text.p, f->text.n, &all, 1, &f->tokens, &ignored) <
	    0)
		return ALIGN_UNMAPPED;
	for (size_t i = 0; i < f->tokens.n; i++) {
		const struct fc_token *t = &f->tokens.v[i];
		if (t->start < skip && t->end > skip)
			return ALIGN_NO_BORDER;
		if (t->start < skip || t->end == skip)
			continue;
		size_t n;
		const char *bytes = fc_tokenizer_bytes(f->tokenizer, t->id, &n);
		bool spells = n && n <= f->text.n - skip && !memcmp(f->text.p + skip, bytes, n);
		return spells ? t->id : ALIGN_UNMAPPED;
	}
	return ALIGN_UNMAPPED;
}

/* A newline goes before: at a text's beginning some tokenizers put a space of their own. */
static uint32_t token_of(
    struct align_firsttoken *f, const struct align_word *before, const char *p, size_t n)
{
	fc_buf_clear(&f->text);
	fc_buf_addc(&f->text, '\n');
	if (before)
		fc_buf_add(&f->text, before->bytes, before->n);
	size_t skip = f->text.n;
	fc_buf_add(&f->text, p, n);
	return token_after(f, skip);
}

/* Does the tokenizer make this very token of its bytes, alone? */
static bool stands_alone(struct align_firsttoken *f, uint32_t id)
{
	const struct align_word *w = &f->vocab->word[id];
	return token_of(f, NULL, w->bytes, w->n) == id && f->tokens.v[f->tokens.n - 1].id == id;
}

static uint32_t find_first(struct align_firsttoken *f, uint32_t before, const char *p, size_t n)
{
	size_t n_text = fc_utf8_check(p, n);
	const struct align_word *u = before < f->vocab->n ? &f->vocab->word[before] : NULL;
	uint32_t id = ALIGN_UNMAPPED;
	if (u && (u->n == 0 || fc_utf8_check(u->bytes, u->n) < u->n))
		u = NULL;
	if (n_text && u) {
		id = token_of(f, u, p, n_text);
		if (id == ALIGN_NO_BORDER && stands_alone(f, before))
			return ALIGN_NO_BORDER;
	}
	if (n_text && (id == ALIGN_UNMAPPED || id == ALIGN_NO_BORDER))
		id = token_of(f, NULL, p, n_text);
	if (id == ALIGN_UNMAPPED || id == ALIGN_NO_BORDER)
		id = align_spellings_longest(f->spellings, p, n);
	return id;
}

uint32_t align_firsttoken_get(struct align_firsttoken *f, uint32_t before, const char *a,
    size_t n_a, const char *b, size_t n_b)
{
	/* XXH3 only adds a seed to up to three bytes and their number, so small seeds would make
	 * equal keys of "el" after one token and "ell" after another: an odd factor spreads them.
	 */
	uint64_t seed = (before + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
	uint64_t key = fc_hash(b, n_b, n_a ? fc_hash(a, n_a, seed) : seed) | 1;
	struct memory *m = &f->memory[(key >> 1) & (N_MEMORY - 1)];
	if (m->key == key)
		return m->token;
	char *p = fc_malloc(n_a + n_b + 1);
	if (n_a)
		memcpy(p, a, n_a);
	if (n_b)
		memcpy(p + n_a, b, n_b);
	*m = (struct memory){key, find_first(f, before, p, n_a + n_b)};
	free(p);
	return m->token;
}

const struct align_byteset *align_firsttoken_after(
    struct align_firsttoken *f, const char *bytes, size_t n)
{
	uint64_t key = fc_hash(bytes, n, 0) | 1;
	struct after *a = &f->after[(key >> 1) & (N_AFTER - 1)];
	if (a->key != key)
		*a = (struct after){key, align_spellings_after(f->spellings, bytes, n)};
	return &a->set;
}
