/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jinja/jinja_impl.h"
#include "text/utf8.h"

#define CHUNK_BYTES ((size_t)64 << 10)
#define ALIGN ((size_t)16)

struct fc_jchunk {
	struct fc_jchunk *next;
	size_t n, cap;
	_Alignas(16) char p[];
};

static size_t align_up(size_t n)
{
	return (n + ALIGN - 1) & ~(ALIGN - 1);
}

void *fc_jpool_take(struct fc_jpool *p, size_t n)
{
	n = align_up(n ? n : 1);
	struct fc_jchunk *c = p->chunk;
	if (!c || c->cap - c->n < n) {
		size_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
		c = fc_malloc(sizeof *c + cap);
		c->next = p->chunk;
		c->n = 0;
		c->cap = cap;
		p->chunk = c;
		p->n_bytes += cap;
	}
	p->last = memset(c->p + c->n, 0, n);
	c->n += n;
	return p->last;
}

void *fc_jpool_grow(struct fc_jpool *p, void *block, size_t old, size_t n)
{
	struct fc_jchunk *c = p->chunk;
	if (block && block == p->last) {
		size_t used = c->n - align_up(old ? old : 1);
		if (c->cap - used >= align_up(n)) {
			c->n = used + align_up(n);
			memset(p->last + old, 0, n - old);
			return block;
		}
	}
	void *to = fc_jpool_take(p, n);
	if (old)
		memcpy(to, block, old);
	return to;
}

void fc_jpool_release(struct fc_jpool *p)
{
	while (p->chunk) {
		struct fc_jchunk *next = p->chunk->next;
		free(p->chunk);
		p->chunk = next;
	}
	*p = (struct fc_jpool){0};
}

const struct fc_jstr *fc_jstr_new(struct fc_jpool *p, const char *s, size_t n, int32_t mark)
{
	struct fc_jstr *str = fc_jpool_take(p, sizeof *str);
	str->p = s ? s : "";
	str->n = (uint32_t)n;
	if (mark && n) {
		struct fc_jrun *run = fc_jpool_take(p, sizeof *run);
		*run = (struct fc_jrun){(uint32_t)n, mark};
		str->run = run;
		str->n_run = 1;
	}
	return str;
}

/* Index of the run that covers byte at. */
static uint32_t run_at(const struct fc_jstr *s, size_t at)
{
	uint32_t lo = 0, hi = s->n_run - 1;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (s->run[mid].end > at)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

int32_t fc_jstr_mark(const struct fc_jstr *s, size_t at)
{
	return s->n_run && at < s->n ? s->run[run_at(s, at)].mark : 0;
}

const struct fc_jstr *fc_jstr_sub(struct fc_jx *x, const struct fc_jstr *s, size_t from, size_t to)
{
	struct fc_jstr *sub = fc_jpool_take(&x->pool, sizeof *sub);
	sub->p = s->p + from;
	sub->n = (uint32_t)(to - from);
	if (!s->n_run || from == to)
		return sub;
	uint32_t a = run_at(s, from), b = run_at(s, to - 1);
	struct fc_jrun *run = fc_jpool_take(&x->pool, (b - a + 1) * sizeof *run);
	for (uint32_t i = a; i <= b; i++) {
		uint32_t end = s->run[i].end < to ? s->run[i].end : (uint32_t)to;
		run[i - a] = (struct fc_jrun){end - (uint32_t)from, s->run[i].mark};
	}
	sub->run = run;
	sub->n_run = b - a + 1;
	return sub;
}

size_t fc_jstr_chars(const struct fc_jstr *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += (s->p[i] & 0xc0) != 0x80;
	return n;
}

size_t fc_jstr_offset(const struct fc_jstr *s, size_t i)
{
	size_t at = 0;
	for (; i > 0 && at < s->n; i--)
		do
			at++;
		while (at < s->n && (s->p[at] & 0xc0) == 0x80);
	return at;
}

bool fc_jstr_is(const struct fc_jstr *s, const char *name)
{
	return strlen(name) == s->n && !memcmp(s->p, name, s->n);
}

bool fc_jstr_same(const struct fc_jstr *a, const struct fc_jstr *b)
{
	return a->n == b->n && !memcmp(a->p, b->p, a->n);
}

size_t fc_jstr_find(const struct fc_jstr *s, const struct fc_jstr *part, size_t from)
{
	if (from > s->n)
		return SIZE_MAX;
	const char *hit = memmem(s->p + from, s->n - from, part->p, part->n);
	return hit ? (size_t)(hit - s->p) : SIZE_MAX;
}

size_t fc_jstr_find_last(const struct fc_jstr *s, const struct fc_jstr *part, size_t end)
{
	if (part->n > end)
		return SIZE_MAX;
	for (size_t at = end - part->n;; at--) {
		if (!memcmp(s->p + at, part->p, part->n))
			return at;
		if (!at)
			return SIZE_MAX;
	}
}

bool fc_jstr_has_affix(const struct fc_jstr *s, const struct fc_jstr *part, bool at_end)
{
	return part->n <= s->n && !memcmp(at_end ? s->p + s->n - part->n : s->p, part->p, part->n);
}

bool fc_jchar_is_space(uint32_t cp)
{
	return (cp >= 9 && cp <= 13) || (cp >= 28 && cp <= 32) || cp == 0x85 || cp == 0xa0 ||
	    cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
	    cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

size_t fc_jchar_get(const struct fc_jstr *s, size_t at, uint32_t *cp)
{
	size_t n = fc_utf8_get(s->p + at, s->n - at, cp);
	if (n)
		return n;
	*cp = 0xfffd; /* cannot be: sources and JSON are checked */
	return 1;
}

void fc_jcat_add(struct fc_jx *x, struct fc_jcat *c, const char *p, size_t n, int32_t mark)
{
	if (!n)
		return;
	if (n > FC_JINJA_TEXT_MAX - c->n || x->pool.n_bytes > x->pool_max) {
		x->too_long = true;
		return;
	}
	if (c->cap - c->n < n) {
		size_t cap = c->cap ? c->cap * 2 : 256;
		while (cap - c->n < n)
			cap *= 2;
		c->p = fc_jpool_grow(&x->pool, c->p, c->n, cap);
		c->cap = cap;
	}
	memcpy(c->p + c->n, p, n);
	if (mark || c->n_run) {
		uint32_t need = c->n_run + 2;
		if (need > c->cap_run) {
			c->cap_run = need + need / 2 + 4;
			c->run = fc_jpool_grow(&x->pool, c->run, c->n_run * sizeof *c->run,
			    c->cap_run * sizeof *c->run);
		}
		if (!c->n_run && c->n)
			c->run[c->n_run++] = (struct fc_jrun){(uint32_t)c->n, 0};
		if (c->n_run && c->run[c->n_run - 1].mark == mark)
			c->run[c->n_run - 1].end = (uint32_t)(c->n + n);
		else
			c->run[c->n_run++] = (struct fc_jrun){(uint32_t)(c->n + n), mark};
	}
	x->steps += ((c->n & 255) + n) >> 8;
	c->n += n;
}

void fc_jcat_adds(struct fc_jx *x, struct fc_jcat *c, const char *p)
{
	fc_jcat_add(x, c, p, strlen(p), 0);
}

void fc_jcat_add_char(struct fc_jx *x, struct fc_jcat *c, uint32_t cp, int32_t mark)
{
	char utf8[4];
	fc_jcat_add(x, c, utf8, fc_utf8_put(utf8, cp), mark);
}

void fc_jcat_add_sub(struct fc_jx *x, struct fc_jcat *c, const struct fc_jstr *s, size_t from,
    size_t to, int32_t or_mark)
{
	if (from >= to)
		return;
	if (!s->n_run) {
		fc_jcat_add(x, c, s->p + from, to - from, or_mark);
		return;
	}
	for (uint32_t i = run_at(s, from); from < to; i++) {
		size_t end = s->run[i].end < to ? s->run[i].end : to;
		fc_jcat_add(x, c, s->p + from, end - from, s->run[i].mark | or_mark);
		from = end;
	}
}

void fc_jcat_add_str(struct fc_jx *x, struct fc_jcat *c, const struct fc_jstr *s)
{
	fc_jcat_add_sub(x, c, s, 0, s->n, 0);
}

const struct fc_jstr *fc_jcat_str(struct fc_jx *x, const struct fc_jcat *c)
{
	struct fc_jstr *s = fc_jpool_take(&x->pool, sizeof *s);
	s->p = c->p ? c->p : "";
	s->n = (uint32_t)c->n;
	s->run = c->run;
	s->n_run = c->n_run;
	return s;
}
