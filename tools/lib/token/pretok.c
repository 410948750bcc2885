/* SPDX-License-Identifier: Apache-2.0 */
#include "token/pretok.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"
#include "token/charclass.h"
#include "token/component.h"

enum kind {
	BYTE_LEVEL,
	SPLIT,
	METASPACE,
	DIGITS,
	PUNCTUATION,
	WHITESPACE,
	WHITESPACE_SPLIT,
	CHAR_DELIMITER,
	BERT, /* becomes WHITESPACE_SPLIT and PUNCTUATION */
};
static const char kinds[] = "ByteLevel|Split|Metaspace|Digits|Punctuation|Whitespace|"
			    "WhitespaceSplit|CharDelimiterSplit|BertPreTokenizer";

/* What becomes of a match where the text is split. */
enum behavior { ISOLATED, REMOVED, MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT, CONTIGUOUS };
static const char behaviors[] = "Isolated|Removed|MergedWithPrevious|MergedWithNext|Contiguous";

enum scheme { ALWAYS, FIRST, NEVER };

static const char gpt2_regex[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

struct step {
	enum kind kind;
	size_t no;    /* of the part of the file, from 1 */
	int behavior; /* enum behavior */
	bool invert, split, prefix_space;
	int scheme; /* enum scheme, METASPACE */
	struct fc_pattern
	    *pattern; /* SPLIT; BYTE_LEVEL with its regex; METASPACE: the replacement */
	char mark[8]; /* METASPACE: the replacement; CHAR_DELIMITER */
	size_t n_mark;
};

struct fc_pretok {
	struct step *v;
	size_t n, cap, n_part;
};

static int mark_json(
    struct step *s, const json_t *o, const char *key, const char *where, struct fc_err *e)
{
	const char *p;
	if (fc_component_text(o, key, 4, &p, &s->n_mark, where, e) < 0)
		return -1;
	if (fc_utf8_valid(p, s->n_mark) != s->n_mark)
		return fc_fail(e, "%s: %s: expected one character", where, key);
	memcpy(s->mark, p, s->n_mark);
	json_t *pattern = json_pack("{s:s}", "String", p);
	int rc = fc_pattern_json(&s->pattern, pattern, where, e);
	json_decref(pattern);
	return rc;
}

static int metaspace_json(struct step *s, const json_t *o, const char *where, struct fc_err *e)
{
	bool prefix; /* the older form of prepend_scheme */
	if (fc_component_keys(
		o, "replacement add_prefix_space prepend_scheme split str_rep", where, e) < 0 ||
	    fc_json_bool(o, "add_prefix_space", true, &prefix, where, e) < 0 ||
	    fc_json_bool(o, "split", true, &s->split, where, e) < 0 ||
	    fc_component_choice(
		o, "prepend_scheme", "always|first|never", ALWAYS, &s->scheme, where, e) < 0)
		return -1;
	if (!prefix)
		s->scheme = NEVER;
	s->behavior = MERGED_WITH_NEXT;
	return mark_json(s, o, "replacement", where, e);
}

static int byte_level_json(struct step *s, const json_t *o, const char *where, struct fc_err *e)
{
	/* trim_offsets concerns the post-processor; spans here always include spaces */
	if (fc_component_keys(o, "add_prefix_space trim_offsets use_regex", where, e) < 0 ||
	    fc_json_bool(o, "add_prefix_space", true, &s->prefix_space, where, e) < 0 ||
	    fc_json_bool(o, "use_regex", true, &s->split, where, e) < 0)
		return -1;
	return s->split ? fc_pattern_regex(&s->pattern, gpt2_regex, sizeof gpt2_regex - 1, where, e)
			: 0;
}

static int read_parameters(struct step *s, const json_t *o, const char *where, struct fc_err *e)
{
	bool individual;
	switch (s->kind) {
	case BYTE_LEVEL:
		return byte_level_json(s, o, where, e);
	case METASPACE:
		return metaspace_json(s, o, where, e);
	case SPLIT:
		if (fc_component_keys(o, "pattern behavior invert", where, e) < 0 ||
		    fc_json_bool(o, "invert", false, &s->invert, where, e) < 0 ||
		    fc_component_choice(o, "behavior", behaviors, -1, &s->behavior, where, e) < 0)
			return -1;
		if (s->behavior < 0)
			return fc_fail(e, "%s: behavior is missing", where);
		return fc_pattern_json(&s->pattern, json_object_get(o, "pattern"), where, e);
	case DIGITS:
		if (fc_component_keys(o, "individual_digits", where, e) < 0 ||
		    fc_json_bool(o, "individual_digits", false, &individual, where, e) < 0)
			return -1;
		s->behavior = individual ? ISOLATED : CONTIGUOUS;
		return 0;
	case PUNCTUATION:
		if (fc_component_keys(o, "behavior", where, e) < 0)
			return -1;
		return fc_component_choice(
		    o, "behavior", behaviors, ISOLATED, &s->behavior, where, e);
	case CHAR_DELIMITER:
		s->behavior = REMOVED;
		return fc_component_keys(o, "delimiter", where, e) < 0
		    ? -1
		    : mark_json(s, o, "delimiter", where, e);
	default:
		s->behavior = REMOVED;
		return fc_component_keys(o, "", where, e);
	}
}

static struct step *step_new(struct fc_pretok *p, enum kind kind)
{
	FC_GROW(p->v, p->cap, p->n + 1);
	p->v[p->n] = (struct step){.kind = kind, .no = p->n_part};
	return &p->v[p->n++];
}

static int add_step(void *to, const json_t *o, const char *where, struct fc_err *e)
{
	struct fc_pretok *p = to;
	int kind;
	if (fc_component_choice(o, "type", kinds, -1, &kind, where, e) < 0)
		return -1;
	p->n_part++;
	if (kind == BERT) {
		step_new(p, WHITESPACE_SPLIT)->behavior = REMOVED;
		step_new(p, PUNCTUATION)->behavior = ISOLATED;
		return fc_component_keys(o, "", where, e);
	}
	return read_parameters(step_new(p, (enum kind)kind), o, where, e);
}

int fc_pretok_json(struct fc_pretok **out, const json_t *o, const char *where, struct fc_err *e)
{
	struct fc_pretok *p = FC_NEW(struct fc_pretok);
	*out = p;
	if (fc_component_each(o, "pretokenizers", add_step, p, where, e) == 0)
		return 0;
	fc_pretok_free(p);
	*out = NULL;
	return -1;
}

void fc_pretok_free(struct fc_pretok *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		fc_pattern_free(p->v[i].pattern);
	free(p->v);
	free(p);
}

bool fc_pretok_is_byte_level(const struct fc_pretok *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == BYTE_LEVEL)
			return true;
	return false;
}

bool fc_pretok_ends_in_bytes(const struct fc_pretok *p)
{
	return p->n && p->v[p->n - 1].kind == BYTE_LEVEL;
}

void fc_pretok_work_release(struct fc_pretok_work *w)
{
	free(w->pieces.v);
	free(w->before.v);
	free(w->matches.v);
	fc_alignpair_release(&w->pair);
	*w = (struct fc_pretok_work){0};
}

static void push_span(struct fc_spans *s, size_t start, size_t end)
{
	FC_GROW(s->v, s->cap, s->n + 1);
	s->v[s->n++] = (struct fc_span){(uint32_t)start, (uint32_t)end};
}

static void reverse_spans(struct fc_span *v, size_t n)
{
	for (size_t a = 0, b = n; a + 1 < b; a++) {
		struct fc_span t = v[a];
		v[a] = v[--b];
		v[b] = t;
	}
}

/* Pieces from matches and gaps of a text that starts at base. */
static void apply_behavior(
    const struct step *s, const struct fc_matches *m, uint32_t base, struct fc_spans *out)
{
	size_t first = out->n;
	bool before = false; /* was the last part a match? */
	for (size_t k = 0; k < m->n; k++) {
		bool backward = s->behavior == MERGED_WITH_NEXT;
		const struct fc_part_match *part = &m->v[backward ? m->n - 1 - k : k];
		bool is = part->is_match != s->invert, some = out->n > first;
		struct fc_span *last = some ? &out->v[out->n - 1] : NULL;
		if (s->behavior == CONTIGUOUS && is == before && some)
			last->end = base + part->end;
		else if (s->behavior == MERGED_WITH_PREVIOUS && is && !before && some)
			last->end = base + part->end;
		else if (backward && is && !before && some)
			last->start = base + part->start;
		else if (s->behavior != REMOVED || !is)
			push_span(out, base + part->start, base + part->end);
		before = is;
	}
	if (s->behavior == MERGED_WITH_NEXT)
		reverse_spans(out->v + first, out->n - first);
	size_t kept = first;
	for (size_t k = first; k < out->n; k++)
		if (out->v[k].end > out->v[k].start)
			out->v[kept++] = out->v[k];
	out->n = kept;
}

static bool is_split(const struct step *s, uint32_t cp)
{
	switch (s->kind) {
	case DIGITS:
		return fc_char_is_numeric(cp);
	case PUNCTUATION:
		return fc_char_is_punct(cp);
	default:
		return fc_char_is_space(cp);
	}
}

/* Every character of the class is a match of its own. */
static void split_chars(const struct step *s, const char *p, size_t n, struct fc_matches *out)
{
	size_t done = 0;
	out->n = 0;
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		size_t len = fc_utf8_get(p + i, n - i, &cp);
		if (is_split(s, cp)) {
			if (i > done)
				fc_matches_add(out, done, i, false);
			fc_matches_add(out, i, i + len, true);
			done = i + len;
		}
		i += len;
	}
	if (n > done)
		fc_matches_add(out, done, n, false);
}

/* \w+|[^\w\s]+ are the pieces; what is between, white space, is the match to be removed. */
static void split_words(const char *p, size_t n, struct fc_matches *out)
{
	size_t start = 0;
	int before = -1; /* 0: space, 1: word, 2: other */
	out->n = 0;
	for (size_t i = 0; i <= n;) {
		uint32_t cp = 0;
		size_t len = i < n ? fc_utf8_get(p + i, n - i, &cp) : 1;
		int now = i == n ? -1 : fc_char_is_word(cp) ? 1 : fc_char_is_space(cp) ? 0 : 2;
		if (now != before) {
			if (i > start)
				fc_matches_add(out, start, i, before == 0);
			start = i;
			before = now;
		}
		i += len;
	}
}

static int split_text(const struct step *s, const struct fc_aligned *text, struct fc_pretok_work *w,
    struct fc_matcher *m, struct fc_err *e)
{
	w->pieces.n = 0;
	for (size_t i = 0; i < w->before.n; i++) {
		struct fc_span in = w->before.v[i];
		const char *p = text->p + in.start;
		size_t n = in.end - in.start;
		if (s->kind == WHITESPACE)
			split_words(p, n, &w->matches);
		else if (!s->pattern)
			split_chars(s, p, n, &w->matches);
		else if (fc_pattern_split(s->pattern, m, p, n, &w->matches, e) < 0)
			return -1;
		apply_behavior(s, &w->matches, in.start, &w->pieces);
	}
	return 0;
}

/* Puts a space before every piece that does not start with one, nor goes on with another text. */
static void prefix_spaces(bool goes_on, struct fc_aligned *text, struct fc_pretok_work *w)
{
	struct fc_alignbuf *b = fc_alignpair_next(&w->pair);
	w->pieces.n = 0;
	for (size_t i = 0; i < w->before.n; i++) {
		struct fc_span in = w->before.v[i];
		size_t start = b->text.n;
		if (text->p[in.start] != ' ' && !(goes_on && in.start == 0))
			fc_alignbuf_put(b, " ", 1, fc_aligned_gap(text, in.start));
		fc_alignbuf_copy(b, text, in.start, in.end);
		push_span(&w->pieces, start, b->text.n);
	}
	*text = fc_alignbuf_done(b, text->base);
}

static void to_byte_level(struct fc_aligned *text, struct fc_pretok_work *w)
{
	struct fc_alignbuf *b = fc_alignpair_next(&w->pair);
	w->pieces.n = 0;
	for (size_t i = 0; i < w->before.n; i++) {
		struct fc_span in = w->before.v[i];
		size_t start = b->text.n;
		fc_alignbuf_put_bytes(b, text, in.start, in.end);
		push_span(&w->pieces, start, b->text.n);
	}
	*text = fc_alignbuf_done(b, text->base);
}

static void mark_spaces(
    const struct step *s, bool goes_on, struct fc_aligned *text, struct fc_pretok_work *w)
{
	struct fc_alignbuf *b = fc_alignpair_next(&w->pair);
	w->pieces.n = 0;
	for (size_t i = 0; i < w->before.n; i++) {
		struct fc_span in = w->before.v[i];
		size_t start = b->text.n, done = in.start;
		const char *p = text->p;
		bool has = (goes_on && in.start == 0) || p[in.start] == ' ' ||
		    (in.end - in.start >= s->n_mark && !memcmp(p + in.start, s->mark, s->n_mark));
		struct fc_span here = fc_aligned_gap(text, in.start);
		if (!has && (s->scheme == ALWAYS || (s->scheme == FIRST && here.start == 0)))
			fc_alignbuf_put(b, s->mark, s->n_mark, here);
		for (size_t k = in.start; k < in.end; k++) {
			if (p[k] != ' ')
				continue;
			fc_alignbuf_copy(b, text, done, k);
			fc_alignbuf_put(b, s->mark, s->n_mark, fc_aligned_span(text, k, k + 1));
			done = k + 1;
		}
		fc_alignbuf_copy(b, text, done, in.end);
		push_span(&w->pieces, start, b->text.n);
	}
	*text = fc_alignbuf_done(b, text->base);
}

static void swap_texts(struct fc_pretok_work *w)
{
	struct fc_spans t = w->pieces;
	w->pieces = w->before;
	w->before = t;
}

static int check_length(const struct step *s, const struct fc_pretok_work *w, struct fc_err *e)
{
	size_t n;
	const char *name = fc_component_word(kinds, (int)s->kind, &n);
	return fc_alignpair_check(&w->pair, "pre-tokenizer", name, n, s->no, e);
}

/* One step: from w->pieces to w->pieces. */
static int run_step(const struct step *s, bool raw_bytes, bool goes_on, struct fc_aligned *text,
    struct fc_pretok_work *w, struct fc_matcher *m, struct fc_err *e)
{
	if (s->kind == BYTE_LEVEL && s->prefix_space) {
		swap_texts(w);
		prefix_spaces(goes_on, text, w);
		if (check_length(s, w, e) < 0)
			return -1;
	}
	if (s->kind == METASPACE) {
		swap_texts(w);
		mark_spaces(s, goes_on, text, w);
		if (check_length(s, w, e) < 0)
			return -1;
	}
	if ((s->kind != BYTE_LEVEL && s->kind != METASPACE) || s->split) {
		swap_texts(w);
		if (split_text(s, text, w, m, e) < 0)
			return -1;
	}
	if (s->kind == BYTE_LEVEL && !raw_bytes) {
		swap_texts(w);
		to_byte_level(text, w);
		return check_length(s, w, e);
	}
	return 0;
}

int fc_pretok_run(const struct fc_pretok *p, bool raw_bytes, bool goes_on, struct fc_aligned *text,
    struct fc_pretok_work *w, struct fc_matcher *m, struct fc_err *e)
{
	w->pieces.n = 0;
	if (text->n)
		push_span(&w->pieces, 0, text->n);
	for (size_t i = 0; i < p->n; i++)
		if (run_step(&p->v[i], raw_bytes && i + 1 == p->n, goes_on, text, w, m, e) < 0)
			return -1;
	return 0;
}
