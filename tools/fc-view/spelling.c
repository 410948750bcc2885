/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "fc-view/view.h"
#include "text/utf8.h"

/*
 * Do the tokens of a conversation spell its text?  A token's bytes are those of its span, but for
 * what a tokenizer does to a text: it invents a space before a word, drops or replaces characters,
 * and gives all parts of a replaced one the whole of it.  So tokens whose bytes are others are
 * taken together, and must spell what the tokenizer itself makes of the text they cover.  Where it
 * would cut that text elsewhere does not matter: a model may have written other tokens.
 */

struct string {
	const char *p;
	size_t n;
};

static struct string trim_space(const char *p, size_t n)
{
	while (n && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) {
		p++;
		n--;
	}
	while (n && (p[n - 1] == ' ' || (p[n - 1] >= '\t' && p[n - 1] <= '\r')))
		n--;
	return (struct string){p, n};
}

static bool same_string(struct string a, struct string b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

static struct string span_of(const struct fc_example *x, size_t t)
{
	uint32_t start = fc_example_start(x, t);
	return (struct string){x->text.p ? x->text.p + start : "", x->end[t] - start};
}

/* Special tokens stand for their name, at most with white space, or for no text.  The ends of turns
 * and the beginning of a text are written as the template's model does, whatever this one's are. */
static bool special_fits(const struct fc_tokenizer *t, const struct fc_example *x, size_t i)
{
	const char *piece = fc_tokenizer_piece(t, x->tok[i]);
	struct string span = span_of(x, i);
	if (FC_TOK_PART(x->flags[i]) >= FC_PART_TURN_END || x->tok[i] == fc_tokenizer_unk(t))
		return true;
	return piece &&
	    (!span.n || same_string(trim_space(piece, strlen(piece)), trim_space(span.p, span.n)));
}

static bool ends_in(const char *p, size_t n, const char *end)
{
	size_t n_end = strlen(end);
	return n >= n_end && !memcmp(p + n - n_end, end, n_end);
}

/* Does the word end in a space that its piece does not have?  So do words of a vocabulary that
 * marks their ends ("o</w>"): the space is the text's where it has one, but the next token's. */
static bool invents_end(const char *piece, struct string word)
{
	static const char *const space[] = {
	    " ", "\xc4\xa0", "\xe2\x96\x81"}; /* as pieces spell it */
	if (!piece || !ends_in(word.p, word.n, " "))
		return false;
	for (size_t i = 0; i < FC_LEN(space); i++)
		if (ends_in(piece, strlen(piece), space[i]))
			return false;
	return true;
}

/* Does token i alone spell its span? */
static bool token_fits(const struct fc_tokenizer *t, const struct fc_example *x, size_t i)
{
	struct string word, span = span_of(x, i);
	if (fc_tokenizer_is_special(t, x->tok[i]))
		return special_fits(t, x, i);
	word.p = fc_tokenizer_bytes(t, x->tok[i], &word.n);
	if (same_string(word, span))
		return true;
	if (invents_end(fc_tokenizer_piece(t, x->tok[i]), word))
		return same_string((struct string){word.p, word.n - 1}, span);
	/* the first one of a text whose beginning was cut off covers all of that */
	if (i == 0 && span.n > word.n)
		return !memcmp(span.p + span.n - word.n, word.p, word.n);
	if (!word.n || *word.p != ' ')
		return false;
	word.p++;
	word.n--;
	return same_string(word, span);
}

static bool at_character(const struct fc_example *x, uint32_t at)
{
	return at >= x->text.n || ((unsigned char)x->text.p[at] & 0xc0) != 0x80;
}

static void add_word(const struct fc_tokenizer *t, uint32_t id, struct fc_buf *b)
{
	size_t n;
	const char *p = fc_tokenizer_bytes(t, id, &n);
	fc_buf_add(b, p, n);
}

/* Do the tokens [from, end), not all of which spell their spans, together spell what the tokenizer
 * makes of their text?  If they spell the text itself, nothing was replaced, and a span is wrong.
 */
static bool run_fits(struct view_spelling *s, const struct fc_tokenizer *t,
    const struct fc_example *x, size_t from, size_t end)
{
	uint32_t start = fc_example_start(x, from), n = x->end[end - 1] - start;
	const char *text = x->text.p ? x->text.p + start : "";
	struct fc_span all = {0, n};
	struct fc_err ignored; /* such a text has no tokens at all */
	fc_buf_clear(&s->words);
	fc_buf_clear(&s->own);
	s->tokens.n = 0;
	if (fc_utf8_check(text, n) < n ||
	    fc_tokenizer_encode(t, text, n, &all, 1, &s->tokens, &ignored) < 0)
		return false;
	for (size_t i = from; i < end; i++)
		add_word(t, x->tok[i], &s->words);
	for (size_t i = 0; i < s->tokens.n; i++)
		add_word(t, s->tokens.v[i].id, &s->own);
	if (same_string((struct string){s->words.p, s->words.n}, (struct string){text, n}))
		return false;
	return same_string(trim_space(s->words.p, s->words.n), trim_space(s->own.p, s->own.n));
}

static int name_token(
    const struct fc_tokenizer *t, const struct fc_example *x, size_t i, struct fc_err *e)
{
	enum { MOST = 80 };
	struct string word, span = span_of(x, i);
	word.p = fc_tokenizer_bytes(t, x->tok[i], &word.n);
	if (!word.n && fc_tokenizer_piece(t, x->tok[i])) {
		word.p = fc_tokenizer_piece(t, x->tok[i]);
		word.n = strlen(word.p);
	}
	return fc_fail(e,
	    "conversation '%.*s': token %zu, id %" PRIu32 ", is \"%.*s\", but bytes %" PRIu32
	    " to %" PRIu32 " of the text are \"%.*s\"",
	    (int)x->id.n, x->id.p ? x->id.p : "", i, x->tok[i],
	    (int)(word.n < MOST ? word.n : MOST), word.p, fc_example_start(x, i), x->end[i],
	    (int)(span.n < MOST ? span.n : MOST), span.p);
}

int view_spelling_check(struct view_spelling *s, const struct fc_tokenizer *t,
    const struct fc_example *x, struct fc_err *e)
{
	for (size_t i = 0, end; i < x->n_tok; i = end) {
		end = i + 1;
		if (token_fits(t, x, i))
			continue;
		size_t from = i;
		while (from > 0 && !at_character(x, fc_example_start(x, from)))
			from--;
		while (
		    end < x->n_tok && (!at_character(x, x->end[end - 1]) || !token_fits(t, x, end)))
			end++;
		if (!run_fits(s, t, x, from, end))
			return name_token(t, x, i, e);
	}
	return 0;
}

void view_spelling_release(struct view_spelling *s)
{
	fc_tokens_release(&s->tokens);
	fc_buf_release(&s->words);
	fc_buf_release(&s->own);
}
