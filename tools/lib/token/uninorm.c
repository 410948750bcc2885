/* SPDX-License-Identifier: Apache-2.0 */
#include "token/uninorm.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "token/charclass.h"

/*
 * A cluster is a run of characters that normalize without regard to what is around: a new one
 * starts before every character whose decomposition begins with neither a mark nor a Hangul vowel
 * or final, since nothing else moves or combines with what is before it.
 */

#define FIRST_MARK 0x300 /* below: no marks, and nothing that composed forms change */

struct work {
	uint32_t *cp; /* the cluster, decomposed */
	size_t n, cap;
	uint64_t *key; /* for sorting */
	size_t cap_key;
	struct fc_buf out;
};

/*
 * The reference's tables are of Unicode 9: these characters, added later, neither move nor change
 * nor combine there (measured with `tokenizers` 0.23.3 against utf8proc 2.8, all code points).
 */
static bool is_young(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
	} list[] = {{0x7fd, 0x7fd}, {0x898, 0x89f}, {0x8ca, 0x8d3}, {0x9fe, 0x9fe}, {0xc3c, 0xc3c},
	    {0xd3b, 0xd3c}, {0xeba, 0xeba}, {0x1715, 0x1715}, {0x1abf, 0x1ace}, {0x1df6, 0x1dfa},
	    {0x32ff, 0x32ff}, {0xa7f2, 0xa7f4}, {0xa82c, 0xa82c}, {0xab69, 0xab69},
	    {0x10781, 0x10785}, {0x10787, 0x107b0}, {0x107b2, 0x107ba}, {0x10d24, 0x10d27},
	    {0x10eab, 0x10eac}, {0x10efd, 0x10eff}, {0x10f46, 0x10f50}, {0x10f82, 0x10f85},
	    {0x11070, 0x11070}, {0x1133b, 0x1133b}, {0x1145e, 0x1145e}, {0x11839, 0x1183a},
	    {0x11930, 0x11930}, {0x11938, 0x11938}, {0x1193d, 0x1193e}, {0x11943, 0x11943},
	    {0x119e0, 0x119e0}, {0x11a34, 0x11a34}, {0x11a47, 0x11a47}, {0x11a99, 0x11a99},
	    {0x11d42, 0x11d42}, {0x11d44, 0x11d45}, {0x11d97, 0x11d97}, {0x11f41, 0x11f42},
	    {0x16ff0, 0x16ff1}, {0x1e030, 0x1e06d}, {0x1e08f, 0x1e08f}, {0x1e130, 0x1e136},
	    {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef}, {0x1e4ec, 0x1e4ef}, {0x1f16c, 0x1f16c},
	    {0x1fbf0, 0x1fbf9}};
	for (size_t i = 0; i < FC_LEN(list) && cp >= list[i].first; i++)
		if (cp <= list[i].last)
			return true;
	return false;
}

static uint8_t combining_class(uint32_t cp)
{
	return is_young(cp) ? 0 : fc_unicode_combining_class(cp);
}

static bool does_compose(enum fc_uninorm form)
{
	return form == FC_NFC || form == FC_NFKC;
}

/* Is cp, when alone, its own normal form for certain? */
static bool is_inert(enum fc_uninorm form, uint32_t cp)
{
	return cp < (form == FC_NFC ? FIRST_MARK : 0x80u);
}

static size_t decompose_char(enum fc_uninorm form, uint32_t cp, uint32_t *to)
{
	if (!is_young(cp))
		return fc_unicode_decompose(cp, form == FC_NFKC || form == FC_NFKD, to);
	to[0] = cp;
	return 1;
}

static bool starts_cluster(enum fc_uninorm form, uint32_t cp)
{
	uint32_t d[FC_UNICODE_DECOMPOSITION_MAX];
	if (cp < FIRST_MARK || is_young(cp))
		return true;
	decompose_char(form, cp, d);
	return !fc_char_is_mark(d[0]) && !(d[0] >= 0x1160 && d[0] <= 0x11ff) &&
	    !(d[0] >= 0xd7b0 && d[0] <= 0xd7ff);
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Canonical order: runs of combining characters by class, stable.  utf8proc's own sorting is
 * quadratic in the length of a run. */
static void reorder_marks(struct work *w, size_t from, size_t to)
{
	bool sorted = true;
	FC_GROW(w->key, w->cap_key, to - from);
	for (size_t i = from; i < to; i++) {
		uint64_t ccc = combining_class(w->cp[i]);
		/* class, place in the run, code point */
		w->key[i - from] = ccc << 56 | (uint64_t)(i - from) << 24 | w->cp[i];
		sorted = sorted && (i == from || w->key[i - from] > w->key[i - from - 1]);
	}
	if (sorted)
		return;
	qsort(w->key, to - from, sizeof *w->key, by_key);
	for (size_t i = from; i < to; i++)
		w->cp[i] = (uint32_t)(w->key[i - from] & 0xffffff);
}

static void reorder_all(struct work *w)
{
	for (size_t i = 0; i < w->n;) {
		size_t from = i;
		while (i < w->n && combining_class(w->cp[i]))
			i++;
		if (i - from > 1)
			reorder_marks(w, from, i);
		i += i == from;
	}
}

/* Leaves the normal form of p (n bytes, one cluster) in w->out. */
static void normalize_cluster(enum fc_uninorm form, struct work *w, const char *p, size_t n)
{
	w->n = 0;
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		i += fc_utf8_get(p + i, n - i, &cp);
		FC_GROW(w->cp, w->cap, w->n + FC_UNICODE_DECOMPOSITION_MAX);
		w->n += decompose_char(form, cp, w->cp + w->n);
	}
	reorder_all(w);
	if (does_compose(form))
		w->n = fc_unicode_compose(w->cp, w->n);
	fc_buf_clear(&w->out);
	for (size_t i = 0; i < w->n; i++) {
		char *to = fc_buf_reserve(&w->out, 4);
		w->out.n += fc_utf8_put(to, w->cp[i]);
	}
}

static bool is_inside_char(const char *p, size_t n, size_t i)
{
	return i < n && ((unsigned char)p[i] & 0xc0) == 0x80;
}

/* Appends the new form of text[from, to), whole characters at both ends that stayed unchanged. */
static void put_changed(struct fc_alignbuf *b, const struct fc_aligned *text, size_t from,
    size_t to, const struct fc_buf *form)
{
	const char *old = text->p + from;
	size_t n_old = to - from, least = n_old < form->n ? n_old : form->n, head = 0, tail = 0;
	while (head < least && old[head] == form->p[head])
		head++;
	while (head && (is_inside_char(old, n_old, head) || is_inside_char(form->p, form->n, head)))
		head--;
	while (tail < least - head && old[n_old - tail - 1] == form->p[form->n - tail - 1])
		tail++;
	while (tail && is_inside_char(old, n_old, n_old - tail))
		tail--;
	fc_alignbuf_copy(b, text, from, from + head);
	fc_alignbuf_put(b, form->p + head, form->n - head - tail,
	    fc_aligned_span(text, from + head, to - tail));
	fc_alignbuf_copy(b, text, to - tail, to);
}

void fc_uninorm_run(enum fc_uninorm form, struct fc_aligned *text, struct fc_alignpair *pair)
{
	struct work w = {0};
	struct fc_alignbuf *b = NULL;
	const char *p = text->p;
	size_t n = text->n, done = 0;
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0, next = 0;
		size_t end = i + fc_utf8_get(p + i, n - i, &cp), len = 0;
		if (end < n)
			len = fc_utf8_get(p + end, n - end, &next);
		if (is_inert(form, cp) && next < FIRST_MARK) {
			i = end;
			continue;
		}
		while (end < n && !starts_cluster(form, next)) {
			end += len;
			if (end < n)
				len = fc_utf8_get(p + end, n - end, &next);
		}
		normalize_cluster(form, &w, p + i, end - i);
		if (w.out.n != end - i || memcmp(w.out.p, p + i, end - i) != 0) {
			if (!b)
				b = fc_alignpair_next(pair);
			fc_alignbuf_copy(b, text, done, i);
			put_changed(b, text, i, end, &w.out);
			done = end;
		}
		i = end;
	}
	if (b) {
		fc_alignbuf_copy(b, text, done, n);
		*text = fc_alignbuf_done(b, text->base);
	}
	free(w.cp);
	free(w.key);
	fc_buf_release(&w.out);
}
