/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_ALIGNED_H
#define FC_TOKEN_ALIGNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "token/tokenizer.h"

/*
 * Text on its way through normalizers, each byte knowing the bytes of the original it stands for.
 * Starts and ends never decrease from byte to byte.  The bytes of a character that stands for
 * other bytes all have the whole span; bytes made from nothing have an empty one.
 */
struct fc_aligned {
	const char *p; /* borrowed, from the caller or from a fc_alignbuf */
	size_t n;
	const struct fc_span *at; /* [n]; NULL: byte i stands for byte base + i */
	uint32_t base;
};

/* The original bytes of [from, to). */
static inline struct fc_span fc_aligned_span(const struct fc_aligned *a, size_t from, size_t to)
{
	if (!a->at)
		return (struct fc_span){a->base + (uint32_t)from, a->base + (uint32_t)to};
	if (from == to) {
		uint32_t here = from < a->n ? a->at[from].start
		    : a->n                  ? a->at[a->n - 1].end
					    : a->base;
		return (struct fc_span){here, here};
	}
	return (struct fc_span){a->at[from].start, a->at[to - 1].end};
}

/* Span of bytes that a normalizer inserts before byte i: empty, or, between the parts of a changed
 * character, that of the character. */
static inline struct fc_span fc_aligned_gap(const struct fc_aligned *a, size_t i)
{
	if (a->at && i && i < a->n && a->at[i].start < a->at[i - 1].end)
		return a->at[i];
	return fc_aligned_span(a, i, i);
}

/* [from, to) as an aligned text of its own; shares the bytes. */
static inline struct fc_aligned fc_aligned_slice(const struct fc_aligned *a, size_t from, size_t to)
{
	return (struct fc_aligned){a->p + from, to - from, a->at ? a->at + from : NULL,
	    a->at ? fc_aligned_span(a, from, from).start : a->base + (uint32_t)from};
}

/*
 * How long normalizers and pre-tokenizers, all of one text together, may make it: a hostile file
 * could double it forty times.  (The longest growth that has a use: U+FDFA becomes 11 times its
 * bytes by NFKC, and twice that in the byte-level alphabet.)  Decoders keep to the same factor.
 */
#define FC_GROWTH_TIMES 32
#define FC_GROWTH_BYTES ((size_t)64 << 10) /* more */
size_t fc_growth_max(size_t n_bytes);

/* Where a changed text is built.  {0} is empty. */
struct fc_alignbuf {
	struct fc_buf text;
	struct fc_span *at; /* [text.n] */
	size_t cap;
	size_t max; /* bytes of text */
	bool over;  /* something did not fit, and was left out */
};

void fc_alignbuf_release(struct fc_alignbuf *b);
void fc_alignbuf_clear(struct fc_alignbuf *b);
/* Appends [from, to) of a as it is. */
void fc_alignbuf_copy(struct fc_alignbuf *b, const struct fc_aligned *a, size_t from, size_t to);
/* Appends n bytes that all stand for span. */
void fc_alignbuf_put(struct fc_alignbuf *b, const char *p, size_t n, struct fc_span span);
/* Appends every byte of [from, to) of a as the character of the byte-level alphabet. */
void fc_alignbuf_put_bytes(
    struct fc_alignbuf *b, const struct fc_aligned *a, size_t from, size_t to);
/* The built text; base as in the text it was made from. */
struct fc_aligned fc_alignbuf_done(const struct fc_alignbuf *b, uint32_t base);

/* Two of them: a step reads the text from one and builds in the other. */
struct fc_alignpair {
	struct fc_alignbuf b[2];
	int last;
	size_t room; /* bytes that a text may still have */
};
/* Before the first step of a text. */
static inline void fc_alignpair_begin(struct fc_alignpair *p, size_t room)
{
	p->room = room;
	p->b[0].over = p->b[1].over = false;
}
static inline struct fc_alignbuf *fc_alignpair_next(struct fc_alignpair *p)
{
	p->last = !p->last;
	fc_alignbuf_clear(&p->b[p->last]);
	p->b[p->last].max = p->room;
	return &p->b[p->last];
}
/* Did what the last step built fit?  kind: what it is, "normalizer"; name and no: of the step. */
int fc_alignpair_check(const struct fc_alignpair *p, const char *kind, const char *name,
    size_t n_name, size_t no, struct fc_err *e);
/* Takes the bytes of a finished text off the room. */
static inline void fc_alignpair_spend(struct fc_alignpair *p, size_t n)
{
	p->room -= n < p->room ? n : p->room;
}
static inline void fc_alignpair_release(struct fc_alignpair *p)
{
	fc_alignbuf_release(&p->b[0]);
	fc_alignbuf_release(&p->b[1]);
}

#endif
