/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/served/place.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* First byte of the last answer: of the last run of segments that are learned, from the end on. */
static uint32_t answer_start(const struct fc_example *x)
{
	size_t i = x->n_seg;
	while (i > 0 && !(x->seg[i - 1].flags & FC_TOK_TRAINED))
		i--;
	while (i > 1 && (x->seg[i - 2].flags & FC_TOK_TRAINED))
		i--;
	return i > 1 ? x->seg[i - 2].end : 0;
}

/* Of the last answer's content; ends of turns and what follows are the template's. */
static uint32_t answer_end(const struct fc_example *x)
{
	size_t i = x->n_seg;
	while (i > 0 &&
	    (!(x->seg[i - 1].flags & FC_TOK_TRAINED) ||
		FC_TOK_PART(x->seg[i - 1].flags) != FC_PART_CONTENT))
		i--;
	return i ? x->seg[i - 1].end : 0;
}

static size_t token_at(const struct fc_example *x, uint32_t byte)
{
	size_t t = 0;
	while (t < x->n_tok && (fc_example_start(x, t) < byte || x->end[t] == 0))
		t++;
	return t;
}

static const char *span_of(const struct fc_example *x, size_t t, size_t *n)
{
	const uint32_t start = fc_example_start(x, t);
	*n = x->end[t] - start;
	return x->text.p ? x->text.p + start : "";
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Are the reply's tokens from `reply` on x's from `token` on, as far as both go? */
static bool agrees(struct place *p, const struct fc_example *x, const struct reply *r,
    const struct words *w, size_t token, size_t reply)
{
	bool spaceless = false;
	size_t n = 0;
	for (; token + n < x->n_tok && reply + n < r->n_token; n++) {
		size_t n_span;
		const char *span = span_of(x, token + n, &n_span);
		const enum words_fit fit = infer_words_fit(
		    w, r, &r->token[reply + n].word, x->tok[token + n], span, n_span);
		if (fit == WORDS_DIFFER)
			break;
		spaceless = spaceless || fit == WORDS_SPACELESS;
	}
	/* of an answer the end of its turn may be missing, or another's; its content must be there
	 */
	const bool all = reply + n == r->n_token || token + n == x->n_tok ||
	    (r->scope == REPLY_ANSWER && n && x->end[token + n - 1] >= answer_end(x));
	if (!n || !all)
		return false;
	*p = (struct place){.token = token,
	    .reply = reply,
	    .n = n,
	    .n_beyond = r->n_token - reply - n,
	    .spaceless = spaceless};
	return true;
}

/* White space before an answer is its own, where a template or a text's context ends in it. */
static bool is_blank(const struct fc_example *x, size_t t)
{
	size_t n, i = 0;
	const char *p = t < x->n_tok ? span_of(x, t, &n) : NULL;
	while (p && i < n && is_space(p[i]))
		i++;
	return p && i == n;
}

/* Takes the first token out of x, or puts one before it. */
static void drop_first(struct fc_example *x)
{
	x->n_tok--;
	memmove(x->tok, x->tok + 1, x->n_tok * sizeof *x->tok);
	memmove(x->end, x->end + 1, x->n_tok * sizeof *x->end);
	memmove(x->flags, x->flags + 1, x->n_tok);
	x->flags[0] &= (uint8_t)~FC_TOK_TRAINED; /* nothing predicts it */
}

static void put_first(struct fc_example *x, uint32_t bos)
{
	fc_example_add_token(x, bos, 0, 0);
	memmove(x->tok + 1, x->tok, (x->n_tok - 1) * sizeof *x->tok);
	memmove(x->end + 1, x->end, (x->n_tok - 1) * sizeof *x->end);
	memmove(x->flags + 1, x->flags, x->n_tok - 1);
	x->tok[0] = bos;
	x->end[0] = 0;
	x->flags[0] = FC_TOK_FLAGS(false, FC_ROLE_NONE, FC_PART_BOS);
}

/* With a BOS that only one of both has, which x then has as the reply, and with tokens that the
 * reply leaves out. */
static bool agrees_somewhere(
    struct place *p, struct fc_example *x, const struct reply *r, const struct words *w)
{
	if (r->scope == REPLY_ANSWER) {
		size_t t = token_at(x, answer_start(x));
		while (!agrees(p, x, r, w, t, 0))
			if (!is_blank(x, t++))
				return false;
		return true;
	}
	if (r->n_before)
		return r->n_before < x->n_tok && agrees(p, x, r, w, r->n_before, 0);
	if (agrees(p, x, r, w, 0, 0))
		return true;
	const uint32_t bos = fc_tokenizer_bos(w->tokenizer);
	if (bos == FC_NO_TOKEN)
		return false;
	if (x->n_tok > 1 && x->tok[0] == bos && agrees(p, x, r, w, 1, 0)) {
		drop_first(x);
		p->token = 0;
		return true;
	}
	if (r->n_token > 1 && r->token[0].word.id == bos && agrees(p, x, r, w, 0, 1)) {
		put_first(x, bos);
		p->token = p->reply = 0;
		p->n++;
		return true;
	}
	return false;
}

/* The flags of the segment that has the byte. */
static uint8_t flags_at(const struct fc_example *x, uint32_t byte, size_t *seg)
{
	while (*seg + 1 < x->n_seg && x->seg[*seg].end <= byte)
		++*seg;
	return x->n_seg ? x->seg[*seg].flags : 0;
}

/* Puts tokens in the place of x's from `first` on, each with the flags of the segment in which it
 * begins. */
static void put_tokens(
    struct fc_example *x, size_t first, const uint32_t *tok, const uint32_t *end, size_t n)
{
	size_t seg = 0;
	x->n_tok = first;
	for (size_t i = 0; i < n; i++) {
		const uint32_t start = x->n_tok ? x->end[x->n_tok - 1] : 0;
		uint8_t flags = flags_at(x, start, &seg);
		if (!x->n_tok)
			flags &= (uint8_t)~FC_TOK_TRAINED;
		fc_example_add_token(x, tok[i], end[i], flags);
	}
}

/*
 * How many bytes of the text a token covers that stands there; -1: it does not.  A special token
 * stands for its name or for nothing, and a space may have been invented at the beginning, or be
 * missing from the reply behind a prompt.
 */
static int64_t bytes_there(const struct words *w, const struct reply *r,
    const struct reply_word *word, uint32_t id, const char *text, size_t n, bool first)
{
	size_t n_word = 0;
	const char *p = fc_tokenizer_bytes(w->tokenizer, id, &n_word);
	const char *piece = fc_tokenizer_piece(w->tokenizer, id);
	if (fc_tokenizer_is_special(w->tokenizer, id)) {
		const size_t n_piece = piece ? strlen(piece) : 0;
		return n_piece && n_piece <= n && !memcmp(piece, text, n_piece) ? (int64_t)n_piece
										: 0;
	}
	if (word->id == FC_NO_TOKEN && word->has_text) {
		p = r->text.p + word->at;
		n_word = word->n;
	}
	if (n_word <= n && !memcmp(p, text, n_word))
		return (int64_t)n_word;
	if (!first)
		return -1;
	if (n_word && *p == ' ' && n_word - 1 <= n && !memcmp(p + 1, text, n_word - 1))
		return (int64_t)n_word - 1;
	size_t lead = 0;
	while (lead < n && is_space(text[lead]))
		lead++;
	if (lead && n_word <= n - lead && !memcmp(p, text + lead, n_word))
		return (int64_t)(lead + n_word);
	return -1;
}

static int fail_place(const struct fc_example *x, const struct reply *r, size_t i, uint32_t at,
    const char *why, struct fc_err *e)
{
	enum { SHOWN = 40 };
	const struct reply_word *word = &r->token[i].word;
	const size_t left = x->text.n - at;
	char name[64] = "";
	if (word->id != FC_NO_TOKEN)
		snprintf(name, sizeof name, "id %" PRIu32, word->id);
	else
		snprintf(name, sizeof name, "\"%.*s\"", (int)(word->n < SHOWN ? word->n : SHOWN),
		    r->text.p ? r->text.p + word->at : "");
	return fc_fail(e,
	    "token %zu of the response, %s, %s byte %" PRIu32 " of the text: \"%.*s\"", i, name,
	    why, at, (int)(left < SHOWN ? left : SHOWN), x->text.p ? x->text.p + at : "");
}

/* Of a token that the reply leaves open, as vLLM's does the first one: x's own that begins at byte
 * at, behind a BOS if the reply's next token does not follow the BOS. */
static bool take_own(const struct fc_example *x, const struct reply *r, const struct words *w,
    size_t token, size_t reply, uint32_t at, uint32_t *tok, uint32_t *end)
{
	const struct reply_word *next = reply + 1 < r->n_token ? &r->token[reply + 1].word : NULL;
	if (token >= x->n_tok || fc_example_start(x, token) != at)
		return false;
	if (x->end[token] == at && next && token + 1 < x->n_tok) {
		const uint32_t id = infer_words_find(w, r, next);
		const char *text = x->text.p ? x->text.p + at : "";
		if (id != FC_NO_TOKEN &&
		    bytes_there(w, r, next, id, text, x->text.n - at, true) < 0)
			token++;
	}
	*tok = x->tok[token];
	*end = x->end[token];
	return true;
}

/* Goes through the text token by token. */
static int spell(struct place *p, struct fc_example *x, const struct reply *r,
    const struct words *w, struct fc_err *e)
{
	const bool answer = r->scope == REPLY_ANSWER;
	const uint32_t start = answer ? answer_start(x) : 0;
	const uint32_t stop = answer ? answer_end(x) : (uint32_t)x->text.n;
	const size_t first = answer ? token_at(x, start) : 0;
	uint32_t *tok = FC_ARRAY(uint32_t, r->n_token + x->n_tok + 1);
	uint32_t *end = FC_ARRAY(uint32_t, r->n_token + x->n_tok + 1);
	uint32_t at = start;
	size_t n = 0, n_own;
	int ret = -1;
	if (r->n_before) {
		fc_fail(e, "its tokens are others than the tokenizer makes of the text");
		goto out;
	}
	for (; n < r->n_token && (at < stop || n == 0); n++) {
		const struct reply_word *word = &r->token[n].word;
		const char *text = x->text.p ? x->text.p + at : "";
		tok[n] = infer_words_find(w, r, word);
		if (tok[n] == FC_NO_TOKEN && !word->has_text &&
		    take_own(x, r, w, first + n, n, at, &tok[n], &end[n])) {
			at = end[n];
			continue;
		}
		if (tok[n] == FC_NO_TOKEN || tok[n] >= fc_tokenizer_n_vocab(w->tokenizer)) {
			fail_place(x, r, n, at,
			    tok[n] != FC_NO_TOKEN || word->has_text
				? "is no token of the vocabulary, at"
				: "has neither an id nor a text, at",
			    e);
			goto out;
		}
		const int64_t covers =
		    bytes_there(w, r, word, tok[n], text, x->text.n - at, at == start);
		if (covers < 0) {
			fail_place(x, r, n, at, "does not stand at", e);
			goto out;
		}
		end[n] = at += (uint32_t)covers;
	}
	if (at < stop) {
		fc_fail(e, "its tokens end at byte %" PRIu32 " of %" PRIu32, at, stop);
		goto out;
	}
	*p = (struct place){
	    .token = first, .reply = 0, .n = n, .n_beyond = r->n_token - n, .spelled = true};
	/* behind an answer: the end of its turn */
	n_own = n;
	for (size_t t = first; answer && t < x->n_tok; t++) {
		if (fc_example_start(x, t) < at)
			continue;
		tok[n_own] = x->tok[t];
		end[n_own++] = x->end[t];
	}
	put_tokens(x, first, tok, end, n_own);
	if (answer && p->n_beyond && n < n_own &&
	    infer_words_find(w, r, &r->token[n].word) == tok[n])
		p->n++, p->n_beyond--;
	ret = 0;
out:
	free(tok);
	free(end);
	return ret;
}

int infer_place_find(struct place *p, struct fc_example *x, struct fc_example *other,
    const struct reply *r, const struct words *w, struct fc_err *e)
{
	if (agrees_somewhere(p, x, r, w))
		return 0;
	if (other->n_tok && other->text.n == x->text.n &&
	    !memcmp(other->text.p ? other->text.p : "", x->text.p ? x->text.p : "", x->text.n) &&
	    agrees_somewhere(p, other, r, w)) {
		put_tokens(x, 0, other->tok, other->end, other->n_tok);
		return 0;
	}
	return spell(p, x, r, w, e);
}
