/* SPDX-License-Identifier: Apache-2.0 */
#include "token/normalizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"
#include "token/bertnorm.h"
#include "token/charclass.h"
#include "token/component.h"
#include "token/pieces.h"
#include "token/uninorm.h"

enum kind {
	NFC,
	NFD,
	NFKC,
	NFKD,
	LOWERCASE,
	STRIP_ACCENTS,
	STRIP,
	PREPEND,
	REPLACE,
	BYTE_LEVEL,
	NMT,
	PRECOMPILED,
	BERT, /* replaced by BERT_CLEAN, BERT_IDEOGRAPHS, STRIP_NONSPACING and others */
	BERT_CLEAN,
	BERT_IDEOGRAPHS,
	STRIP_NONSPACING,
	SENTENCEPIECE, /* not in tokenizer.json */
};
static const char kinds[] = "NFC|NFD|NFKC|NFKD|Lowercase|StripAccents|Strip|Prepend|Replace|"
			    "ByteLevel|Nmt|Precompiled|BertNormalizer";

struct step {
	enum kind kind;
	size_t no;        /* of the part of the file, from 1 */
	bool left, right; /* STRIP */
	char *content;    /* PREPEND, REPLACE */
	size_t n_content;
	struct fc_pattern *pattern; /* REPLACE */
	struct fc_charsmap *map;    /* PRECOMPILED */
	struct fc_spmnorm *sp;      /* SENTENCEPIECE */
};

struct fc_normalizer {
	struct step *v;
	size_t n, cap, n_part;
};

static int content_json(struct step *s, const json_t *o, const char *key, bool may_be_empty,
    const char *where, struct fc_err *e)
{
	const json_t *v = json_object_get(o, key);
	size_t n = json_string_length(v);
	if (!json_is_string(v) || (!n && !may_be_empty) || n > FC_PIECE_MAX)
		return fc_fail(e, "%s: %s: expected a string", where, key);
	s->content = fc_memdup0(json_string_value(v), n);
	s->n_content = n;
	return 0;
}

static int precompiled_json(struct step *s, const json_t *o, const char *where, struct fc_err *e)
{
	const json_t *map = json_object_get(o, "precompiled_charsmap");
	if (fc_component_keys(o, "precompiled_charsmap", where, e) < 0)
		return -1;
	if (!json_is_string(map))
		return fc_fail(e, "%s: precompiled_charsmap: expected a string", where);
	return fc_charsmap_base64(
	    &s->map, json_string_value(map), json_string_length(map), where, e);
}

static int read_parameters(struct step *s, const json_t *o, const char *where, struct fc_err *e)
{
	switch (s->kind) {
	case STRIP:
		if (fc_component_keys(o, "strip_left strip_right", where, e) < 0 ||
		    fc_json_bool(o, "strip_left", true, &s->left, where, e) < 0)
			return -1;
		return fc_json_bool(o, "strip_right", true, &s->right, where, e);
	case PREPEND:
		if (fc_component_keys(o, "prepend", where, e) < 0)
			return -1;
		return content_json(s, o, "prepend", false, where, e);
	case REPLACE:
		if (fc_component_keys(o, "pattern content", where, e) < 0 ||
		    content_json(s, o, "content", true, where, e) < 0)
			return -1;
		return fc_pattern_json(&s->pattern, json_object_get(o, "pattern"), where, e);
	case PRECOMPILED:
		return precompiled_json(s, o, where, e);
	default:
		return fc_component_keys(o, "", where, e);
	}
}

static struct step *step_new(struct fc_normalizer *n, enum kind kind)
{
	FC_GROW(n->v, n->cap, n->n + 1);
	n->v[n->n] = (struct step){.kind = kind, .no = n->n_part};
	return &n->v[n->n++];
}

static int bert_json(struct fc_normalizer *n, const json_t *o, const char *where, struct fc_err *e)
{
	bool clean, ideographs, lower, accents;
	if (fc_component_keys(
		o, "clean_text handle_chinese_chars strip_accents lowercase", where, e) < 0 ||
	    fc_json_bool(o, "clean_text", true, &clean, where, e) < 0 ||
	    fc_json_bool(o, "handle_chinese_chars", true, &ideographs, where, e) < 0 ||
	    fc_json_bool(o, "lowercase", true, &lower, where, e) < 0 ||
	    fc_json_bool(o, "strip_accents", lower, &accents, where, e) < 0)
		return -1;
	if (clean)
		step_new(n, BERT_CLEAN);
	if (ideographs)
		step_new(n, BERT_IDEOGRAPHS);
	if (accents) {
		step_new(n, NFD);
		step_new(n, STRIP_NONSPACING);
	}
	if (lower)
		step_new(n, LOWERCASE);
	return 0;
}

static int add_step(void *to, const json_t *o, const char *where, struct fc_err *e)
{
	struct fc_normalizer *n = to;
	int kind;
	if (fc_component_choice(o, "type", kinds, -1, &kind, where, e) < 0)
		return -1;
	n->n_part++;
	if (kind == BERT)
		return bert_json(n, o, where, e);
	return read_parameters(step_new(n, (enum kind)kind), o, where, e);
}

int fc_normalizer_json(
    struct fc_normalizer **out, const json_t *o, const char *where, struct fc_err *e)
{
	struct fc_normalizer *n = FC_NEW(struct fc_normalizer);
	*out = n;
	if (fc_component_each(o, "normalizers", add_step, n, where, e) == 0)
		return 0;
	fc_normalizer_free(n);
	*out = NULL;
	return -1;
}

struct fc_normalizer *fc_normalizer_sentencepiece(struct fc_spmnorm *sp)
{
	struct fc_normalizer *n = FC_NEW(struct fc_normalizer);
	step_new(n, SENTENCEPIECE)->sp = sp;
	return n;
}

void fc_normalizer_free(struct fc_normalizer *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->n; i++) {
		free(n->v[i].content);
		fc_pattern_free(n->v[i].pattern);
		fc_charsmap_free(n->v[i].map);
		if (n->v[i].sp)
			fc_spmnorm_release(n->v[i].sp);
		free(n->v[i].sp);
	}
	free(n->v);
	free(n);
}

static struct fc_aligned strip_text(const struct step *s, bool goes_on, struct fc_aligned text)
{
	uint32_t cp = 0;
	size_t from = 0, to = text.n;
	while (s->left && !goes_on && from < to) {
		size_t len = fc_utf8_get(text.p + from, to - from, &cp);
		if (!fc_char_is_space(cp))
			break;
		from += len;
	}
	while (s->right && to > from) {
		size_t at = to - 1;
		while (((unsigned char)text.p[at] & 0xc0) == 0x80)
			at--;
		fc_utf8_get(text.p + at, to - at, &cp);
		if (!fc_char_is_space(cp))
			break;
		to = at;
	}
	return fc_aligned_slice(&text, from, to);
}

static int replace_text(const struct step *s, struct fc_aligned *text, struct fc_alignpair *pair,
    struct fc_matches *matches, struct fc_matcher *m, struct fc_err *e)
{
	if (fc_pattern_split(s->pattern, m, text->p, text->n, matches, e) < 0)
		return -1;
	if (matches->n == 1 && !matches->v[0].is_match)
		return 0;
	struct fc_alignbuf *b = fc_alignpair_next(pair);
	for (size_t i = 0; i < matches->n; i++) {
		const struct fc_part_match *part = &matches->v[i];
		if (part->is_match)
			fc_alignbuf_put(b, s->content, s->n_content,
			    fc_aligned_span(text, part->start, part->end));
		else
			fc_alignbuf_copy(b, text, part->start, part->end);
	}
	*text = fc_alignbuf_done(b, text->base);
	return 0;
}

/* Maps characters one by one; what maps to itself keeps its bytes' own places. */
static void map_chars(enum kind kind, const struct fc_aligned *text, struct fc_alignbuf *b)
{
	for (size_t i = 0; i < text->n;) {
		uint32_t cp = 0, low[2];
		size_t len = fc_utf8_get(text->p + i, text->n - i, &cp);
		if (kind == LOWERCASE) {
			char to[8];
			size_t n_low = fc_char_lower(cp, low), n = fc_utf8_put(to, low[0]);
			if (n_low == 2)
				n += fc_utf8_put(to + n, low[1]);
			if (n_low == 1 && low[0] == cp)
				fc_alignbuf_copy(b, text, i, i + len);
			else
				fc_alignbuf_put(b, to, n, fc_aligned_span(text, i, i + len));
		} else if (kind == STRIP_ACCENTS ? !fc_char_is_mark(cp)
						 : !fc_char_is_nonspacing(cp)) {
			fc_alignbuf_copy(b, text, i, i + len);
		}
		i += len;
	}
}

/* The steps that build a text without fail. */
static void rebuild_text(
    const struct step *s, bool goes_on, struct fc_aligned *text, struct fc_alignbuf *b)
{
	switch (s->kind) {
	case PREPEND:
		if (!goes_on)
			fc_alignbuf_put(b, s->content, s->n_content, fc_aligned_span(text, 0, 0));
		fc_alignbuf_copy(b, text, 0, text->n);
		break;
	case BYTE_LEVEL:
		fc_alignbuf_put_bytes(b, text, 0, text->n);
		break;
	case NMT:
		fc_nmtnorm_run(text, b);
		break;
	case PRECOMPILED:
		fc_precompiled_run(s->map, text, b);
		break;
	case BERT_CLEAN:
		fc_bertnorm_clean(text, b);
		break;
	case BERT_IDEOGRAPHS:
		fc_bertnorm_ideographs(text, b);
		break;
	case SENTENCEPIECE:
		fc_spmnorm_run(s->sp, goes_on, text, b);
		break;
	default:
		map_chars(s->kind, text, b);
		break;
	}
	*text = fc_alignbuf_done(b, text->base);
}

static int check_length(const struct step *s, const struct fc_alignpair *pair, struct fc_err *e)
{
	size_t n;
	const char *name = fc_component_word(kinds, s->kind < BERT ? (int)s->kind : BERT, &n);
	if (s->kind == SENTENCEPIECE)
		return fc_alignpair_check(pair, "normalizer", "SentencePiece", 13, 1, e);
	return fc_alignpair_check(pair, "normalizer", name, n, s->no, e);
}

int fc_normalizer_run(const struct fc_normalizer *n, bool goes_on, struct fc_aligned *text,
    struct fc_alignpair *pair, struct fc_matches *matches, struct fc_matcher *m, struct fc_err *e)
{
	for (size_t i = 0; i < n->n && text->n; i++) {
		const struct step *s = &n->v[i];
		switch (s->kind) {
		case NFC:
		case NFD:
		case NFKC:
		case NFKD:
			fc_uninorm_run((enum fc_uninorm)(s->kind - NFC + FC_NFC), text, pair);
			break;
		case STRIP:
			*text = strip_text(s, goes_on, *text);
			break;
		case REPLACE:
			if (replace_text(s, text, pair, matches, m, e) < 0)
				return -1;
			break;
		default:
			rebuild_text(s, goes_on, text, fc_alignpair_next(pair));
			break;
		}
		if (check_length(s, pair, e) < 0)
			return -1;
	}
	return 0;
}
