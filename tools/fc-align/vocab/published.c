/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/published.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "text/utf8.h"

/* As text: what is no UTF-8 becomes U+FFFD, each longest beginning of a character one. */
static void add_decoded(struct fc_buf *b, const char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = fc_utf8_valid(p + i, n - i);
		if (len) {
			fc_buf_add(b, p + i, len);
			i += len;
			continue;
		}
		fc_buf_adds(b, "\xef\xbf\xbd");
		/* a beginning that more bytes would complete counts once */
		static const char rest[] = "\x80\x80\x80";
		char head[4];
		size_t take = 1;
		for (size_t k = 2; k <= 3 && i + k <= n; k++) {
			memcpy(head, p + i, k);
			memcpy(head + k, rest, 4 - k);
			if (fc_utf8_valid(head, 4) > k)
				take = k;
		}
		i += take;
	}
}

/* The vocabulary with other spellings; those are in b, which must stay. */
static struct align_vocab decode_all(
    const struct align_vocab *vocab, bool byte_level, struct fc_buf *b)
{
	struct align_vocab v = {.word = FC_ARRAY(struct align_word, vocab->n + 1), .n = vocab->n};
	size_t *at = FC_ARRAY(size_t, vocab->n + 1);
	for (size_t i = 0; i < vocab->n; i++) {
		const struct align_word *w = &vocab->word[i];
		size_t space = !byte_level && w->n && w->bytes[0] == ' ';
		at[i] = b->n;
		if (w->special)
			fc_buf_adds(b, w->piece ? w->piece : "");
		else
			add_decoded(b, w->bytes + space, w->n - space);
		fc_buf_addc(b, '\0');
	}
	for (size_t i = 0; i < vocab->n; i++)
		v.word[i].piece = b->p + at[i];
	free(at);
	return v;
}

void align_wording_init(struct align_wording *w, enum align_published version,
    const struct align_vocab *vocab, const char *const *decoded, const char *mark,
    const char *pivot_mark)
{
	struct fc_buf text = FC_BUF_INIT;
	struct align_vocab v = *vocab;
	*w = (struct align_wording){.byte_level = !strcmp(mark, "\xc4\xa0")};
	w->mark = (struct align_chars){
	    w->mark_char, align_chars_decode(pivot_mark, strlen(pivot_mark), w->mark_char)};
	align_spelled_raw(&w->piece, vocab, mark, pivot_mark);
	if (version == ALIGN_FUSECHAT2 && decoded) {
		v.word = FC_ARRAY(struct align_word, v.n + 1);
		for (size_t i = 0; i < v.n; i++)
			v.word[i].piece = decoded[i];
	} else if (version == ALIGN_FUSECHAT2) {
		v = decode_all(vocab, w->byte_level, &text);
	}
	align_spelled_raw(&w->whole, &v, mark, pivot_mark);
	align_spelled_raw(&w->bare, &v, mark, "");
	if (v.word != vocab->word)
		free(v.word);
	fc_buf_release(&text);
}

void align_wording_release(struct align_wording *w)
{
	align_spelled_release(&w->whole);
	align_spelled_release(&w->bare);
	align_spelled_release(&w->piece);
}

/* Edit distance of the pattern, which is a, and b; weigh: a tenth where one contains the other. */
static double cost_of(
    struct align_chars a, struct align_chars b, bool weigh, struct align_leven *pattern)
{
	double d = align_leven_distance(pattern, b, UINT32_MAX);
	bool contained = weigh && (align_chars_contain(a, b) || align_chars_contain(b, a));
	return contained ? d * 0.1 : d;
}

/* Does FuseChat 2 compare the two with their marks? */
static bool by_whole(enum align_published version, struct align_chars a, struct align_chars b)
{
	return version == ALIGN_FUSECHAT2 && (a.n == 0 || b.n == 0);
}

void align_published_costs(enum align_published version, const struct align_wording *source,
    uint32_t s, const struct align_wording *pivot, const uint32_t *p, size_t n,
    struct align_leven *scratch, double *cost)
{
	struct align_chars bare = source->bare.v[s], whole = source->whole.v[s];
	size_t n_whole = 0;
	align_leven_set(scratch, bare);
	for (size_t j = 0; j < n; j++) {
		struct align_chars b = pivot->bare.v[p[j]];
		if (by_whole(version, bare, b))
			n_whole++;
		else
			cost[j] = cost_of(bare, b, version == ALIGN_FUSECHAT1, scratch);
	}
	if (n_whole == 0)
		return;
	align_leven_set(scratch, whole);
	for (size_t j = 0; j < n; j++)
		if (by_whole(version, bare, pivot->bare.v[p[j]]))
			cost[j] = cost_of(whole, pivot->whole.v[p[j]], false, scratch);
}

uint32_t align_published_choice(const struct align_wording *source, uint32_t s,
    const struct align_wording *pivot, const struct fc_map_entry *pair, size_t n,
    struct align_leven *scratch)
{
	uint32_t best = ALIGN_UNMAPPED;
	double least = INFINITY;
	for (size_t i = 0; i < n; i++) {
		struct align_chars a = source->bare.v[s], b = pivot->bare.v[pair[i].pivot];
		if (a.n == 0 || b.n == 0) {
			a = source->whole.v[s];
			b = pivot->whole.v[pair[i].pivot];
		}
		align_leven_set(scratch, a);
		/* a higher count makes it dearer, as in the published program */
		double cost = cost_of(a, b, true, scratch) / (1 + exp(-(double)pair[i].count));
		if (cost < least) {
			least = cost;
			best = pair[i].pivot;
		}
	}
	return best;
}
