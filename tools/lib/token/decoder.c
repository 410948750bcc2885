/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include "token/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"
#include "token/aligned.h"
#include "token/charclass.h"
#include "token/component.h"
#include "token/pieces.h"

enum kind { BYTE_LEVEL, METASPACE, BYTE_FALLBACK, FUSE, STRIP, REPLACE, BPE_SUFFIX, WORDPIECE };
static const char kinds[] =
    "ByteLevel|Metaspace|ByteFallback|Fuse|Strip|Replace|BPEDecoder|WordPiece";

struct step {
	enum kind kind;
	char *what, *with; /* METASPACE, STRIP: a character; REPLACE; BPE_SUFFIX;
			    * WORDPIECE: the prefix */
	size_t n_what, n_with;
	int64_t start, stop; /* STRIP: how many at most */
	bool drop_first;     /* METASPACE: the first token loses its mark */
	bool cleanup;        /* WORDPIECE: no spaces before punctuation */
};

struct fc_decoder {
	struct step *v;
	size_t n, cap;
	bool spaced;   /* no decoder: tokens are joined by spaces */
	bool bytes;    /* a token stands for bytes */
	double growth; /* the bytes of a text, at most, of one byte of a token */
};

static int text_json(struct step *s, const json_t *o, const char *key, size_t max,
    const char *where, struct fc_err *e)
{
	const char *p;
	if (fc_component_text(o, key, max, &p, &s->n_what, where, e) < 0)
		return -1;
	s->what = fc_memdup0(p, s->n_what);
	return 0;
}

static int metaspace_json(struct step *s, const json_t *o, const char *where, struct fc_err *e)
{
	bool prefix;
	int scheme;
	if (fc_component_keys(
		o, "replacement add_prefix_space prepend_scheme split str_rep", where, e) < 0 ||
	    fc_json_bool(o, "add_prefix_space", true, &prefix, where, e) < 0 ||
	    fc_component_choice(o, "prepend_scheme", "always|first|never", 0, &scheme, where, e) <
		0)
		return -1;
	s->drop_first = prefix && scheme != 2;
	return text_json(s, o, "replacement", 4, where, e);
}

static int replace_json(struct step *s, const json_t *o, const char *where, struct fc_err *e)
{
	const json_t *pattern = json_object_get(o, "pattern");
	const json_t *with = json_object_get(o, "content");
	if (json_object_get(pattern, "Regex"))
		return fc_fail(e, "%s: Replace: a regular expression is not supported", where);
	if (fc_component_keys(o, "pattern content", where, e) < 0 ||
	    text_json(s, pattern, "String", FC_PIECE_MAX, where, e) < 0)
		return -1;
	if (!json_is_string(with) || json_string_length(with) > FC_PIECE_MAX)
		return fc_fail(e, "%s: content: expected a string", where);
	s->n_with = json_string_length(with);
	s->with = fc_memdup0(json_string_value(with), s->n_with);
	return 0;
}

static int read_parameters(struct step *s, const json_t *o, const char *where, struct fc_err *e)
{
	switch (s->kind) {
	case BYTE_LEVEL: /* its parameters concern encoding */
		return fc_component_keys(o, "add_prefix_space trim_offsets use_regex", where, e);
	case METASPACE:
		return metaspace_json(s, o, where, e);
	case REPLACE:
		return replace_json(s, o, where, e);
	case BPE_SUFFIX:
		if (fc_component_keys(o, "suffix", where, e) < 0)
			return -1;
		return text_json(s, o, "suffix", 256, where, e);
	case WORDPIECE:
		if (fc_component_keys(o, "prefix cleanup", where, e) < 0 ||
		    fc_json_bool(o, "cleanup", true, &s->cleanup, where, e) < 0)
			return -1;
		return text_json(s, o, "prefix", 256, where, e);
	case STRIP:
		if (fc_component_keys(o, "content start stop", where, e) < 0 ||
		    fc_json_int(o, "start", 0, &s->start, where, e) < 0 ||
		    fc_json_int(o, "stop", 0, &s->stop, where, e) < 0)
			return -1;
		return text_json(s, o, "content", 4, where, e);
	default:
		return fc_component_keys(o, "", where, e);
	}
}

/* Only two kinds make a text longer: one by what it replaces, the other by a space a token. */
static int bound_growth(
    struct fc_decoder *d, const struct step *s, const char *where, struct fc_err *e)
{
	size_t n;
	if (s->kind == REPLACE && s->n_with > s->n_what)
		d->growth *= (double)s->n_with / (double)s->n_what;
	if (s->kind == WORDPIECE)
		d->growth += 1;
	const char *name = fc_component_word(kinds, (int)s->kind, &n);
	if (d->growth <= FC_GROWTH_TIMES)
		return 0;
	return fc_fail(e,
	    "%s %zu (%.*s) can make a text of more than %d times the bytes of its tokens, which no "
	    "model's does",
	    where, d->n, (int)n, name, FC_GROWTH_TIMES);
}

static int add_step(void *to, const json_t *o, const char *where, struct fc_err *e)
{
	struct fc_decoder *d = to;
	int kind;
	if (fc_component_choice(o, "type", kinds, -1, &kind, where, e) < 0)
		return -1;
	FC_GROW(d->v, d->cap, d->n + 1);
	struct step *s = &d->v[d->n++];
	*s = (struct step){.kind = (enum kind)kind};
	if (read_parameters(s, o, where, e) < 0)
		return -1;
	return bound_growth(d, s, where, e);
}

int fc_decoder_json(
    struct fc_decoder **out, const json_t *o, bool byte_level, const char *where, struct fc_err *e)
{
	struct fc_decoder *d = FC_NEW(struct fc_decoder);
	*out = d;
	d->growth = 1;
	d->spaced = !o || json_is_null(o);
	d->bytes = d->spaced && byte_level;
	if (fc_component_each(o, "decoders", add_step, d, where, e) == 0)
		return 0;
	fc_decoder_free(d);
	*out = NULL;
	return -1;
}

void fc_decoder_free(struct fc_decoder *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].what);
		free(d->v[i].with);
	}
	free(d->v);
	free(d);
}

void fc_decoder_list_release(struct fc_decoder_list *l)
{
	fc_buf_release(&l->text);
	free(l->end);
	*l = (struct fc_decoder_list){0};
}

static void end_item(struct fc_decoder_list *l)
{
	FC_GROW(l->end, l->cap, l->n + 1);
	l->end[l->n++] = l->text.n;
}

void fc_decoder_list_add(struct fc_decoder_list *l, const char *p, size_t n)
{
	fc_buf_add(&l->text, p, n);
	end_item(l);
}

/* A token with a character outside the alphabet is taken as it is: an added token. */
static void put_bytes(struct fc_buf *out, const char *p, size_t n)
{
	size_t first = out->n;
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		size_t len = fc_utf8_get(p + i, n - i, &cp);
		int byte = len ? fc_char_byte(cp) : -1;
		if (byte < 0) {
			out->n = first;
			fc_buf_add(out, p, n);
			return;
		}
		fc_buf_addc(out, (char)byte);
		i += len;
	}
}

static int hex(char c)
{
	return c >= '0' && c <= '9'              ? c - '0'
	    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
						 : -1;
}

static void put_byte_token(struct fc_buf *out, const char *p, size_t n)
{
	if (n == 6 && !memcmp(p, "<0x", 3) && p[5] == '>' && hex(p[3]) >= 0 && hex(p[4]) >= 0)
		fc_buf_addc(out, (char)(hex(p[3]) << 4 | hex(p[4])));
	else
		fc_buf_add(out, p, n);
}

static void put_replaced(struct fc_buf *out, const char *p, size_t n, const char *what,
    size_t n_what, const char *with, size_t n_with)
{
	const char *end = p + n, *hit;
	while (p < end && (hit = memmem(p, (size_t)(end - p), what, n_what))) {
		fc_buf_add(out, p, (size_t)(hit - p));
		fc_buf_add(out, with, n_with);
		p = hit + n_what;
	}
	fc_buf_add(out, p, (size_t)(end - p));
}

static void put_stripped(
    struct fc_buf *out, const struct step *s, const char *p, size_t n, bool keep_start)
{
	for (int64_t k = 0;
	     k < s->start && !keep_start && n >= s->n_what && !memcmp(p, s->what, s->n_what); k++) {
		p += s->n_what;
		n -= s->n_what;
	}
	for (int64_t k = 0;
	     k < s->stop && n >= s->n_what && !memcmp(p + n - s->n_what, s->what, s->n_what); k++)
		n -= s->n_what;
	fc_buf_add(out, p, n);
}

/* English, as Transformers writes it: "do n't ." becomes "don't." */
static void put_clean(struct fc_buf *out, const char *p, size_t n)
{
	static const char *const form[][2] = {{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","},
	    {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"},
	    {" 've", "'ve"}, {" 're", "'re"}};
	struct fc_buf from = FC_BUF_INIT, to = FC_BUF_INIT;
	fc_buf_add(&from, p, n);
	for (size_t i = 0; i < FC_LEN(form) && from.n; i++) {
		fc_buf_clear(&to);
		put_replaced(&to, from.p, from.n, form[i][0], strlen(form[i][0]), form[i][1],
		    strlen(form[i][1]));
		struct fc_buf t = from;
		from = to;
		to = t;
	}
	fc_buf_add(out, from.p, from.n);
	fc_buf_release(&from);
	fc_buf_release(&to);
}

static void put_wordpiece(
    struct fc_buf *out, const struct step *s, const char *p, size_t n, bool first)
{
	struct fc_buf b = FC_BUF_INIT;
	bool goes_on = n >= s->n_what && !memcmp(p, s->what, s->n_what);
	if (!first && !goes_on)
		fc_buf_addc(&b, ' ');
	size_t skip = !first && goes_on ? s->n_what : 0;
	fc_buf_add(&b, p + skip, n - skip);
	if (s->cleanup)
		put_clean(out, b.p, b.n);
	else
		fc_buf_add(out, b.p, b.n);
	fc_buf_release(&b);
}

/* keep_start: p is not the start of a text, though it is all of it that there is. */
static void put_piece(struct fc_buf *out, const struct step *s, const char *p, size_t n, bool first,
    bool last, bool keep_start)
{
	switch (s->kind) {
	case BYTE_LEVEL:
		put_bytes(out, p, n);
		break;
	case BYTE_FALLBACK:
		put_byte_token(out, p, n);
		break;
	case METASPACE:
		put_replaced(out, p, n, s->what, s->n_what, " ", first && s->drop_first ? 0 : 1);
		break;
	case REPLACE:
		put_replaced(out, p, n, s->what, s->n_what, s->with, s->n_with);
		break;
	case BPE_SUFFIX:
		put_replaced(out, p, n, s->what, s->n_what, " ", last ? 0 : 1);
		break;
	case STRIP:
		put_stripped(out, s, p, n, keep_start);
		break;
	case WORDPIECE:
		put_wordpiece(out, s, p, n, first);
		break;
	case FUSE:
		fc_buf_add(out, p, n);
		break;
	}
}

void fc_decoder_run(
    const struct fc_decoder *d, struct fc_decoder_list *l, bool goes_on, struct fc_buf *out)
{
	struct fc_decoder_list to = {0};
	bool is_fused = false;
	for (size_t k = 0; k < d->n; k++) {
		const struct step *s = &d->v[k];
		bool fuses = s->kind == FUSE || s->kind == BYTE_LEVEL;
		fc_buf_clear(&to.text);
		to.n = 0;
		for (size_t i = 0, at = 0; i < l->n; at = l->end[i++]) {
			put_piece(&to.text, s, l->text.p + at, l->end[i] - at, i == 0 && !goes_on,
			    i + 1 == l->n, goes_on && is_fused);
			if (!fuses || i + 1 == l->n)
				end_item(&to);
		}
		is_fused = is_fused || fuses;
		struct fc_decoder_list t = *l;
		*l = to;
		to = t;
	}
	for (size_t i = 0, at = 0; i < l->n; at = l->end[i++]) {
		if (d->spaced && i)
			fc_buf_addc(out, ' ');
		fc_buf_add(out, l->text.p + at, l->end[i] - at);
	}
	fc_decoder_list_release(&to);
}

void fc_decoder_token(const struct fc_decoder *d, const char *p, size_t n, struct fc_buf *out)
{
	struct fc_buf from = FC_BUF_INIT, to = FC_BUF_INIT;
	if (d->bytes) {
		put_bytes(out, p, n);
		return;
	}
	fc_buf_add(&from, p, n);
	for (size_t k = 0; k < d->n && d->v[k].kind != FUSE; k++) {
		fc_buf_clear(&to);
		put_piece(&to, &d->v[k], from.p, from.n, false, false, false);
		struct fc_buf t = from;
		from = to;
		to = t;
		if (d->v[k].kind == BYTE_LEVEL)
			break;
	}
	fc_buf_add(out, from.p, from.n);
	fc_buf_release(&from);
	fc_buf_release(&to);
}
