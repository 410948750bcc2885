/* SPDX-License-Identifier: Apache-2.0 */
#include "token/spmnorm.h"

#include <string.h>

#include "text/utf8.h"
#include "token/bpe_parts.h"
#include "token/tokenizer.h"

void fc_spmnorm_release(struct fc_spmnorm *s)
{
	fc_charsmap_free(s->charsmap);
	fc_trie_release(&s->user);
	*s = (struct fc_spmnorm){0};
}

/* What the text at byte i becomes: *to; the number of its bytes that do.  *same: it stays. */
static size_t match_prefix(const struct fc_spmnorm *s, const struct fc_aligned *text, size_t i,
    const char **to, size_t *n_to, bool *same)
{
	const char *p = text->p + i;
	size_t n = text->n - i, len = 0;
	*same = true;
	if (!s->user.edge || fc_trie_longest(&s->user, p, n, &len) == FC_NO_TOKEN) {
		if (s->charsmap)
			len = fc_charsmap_longest(s->charsmap, p, n, to, n_to);
		if (len) {
			*same = false;
			return len;
		}
		len = fc_utf8_valid(p, n);
	}
	*to = p;
	*n_to = len;
	return len;
}

static void put_space(const struct fc_spmnorm *s, struct fc_alignbuf *b, struct fc_span span)
{
	if (s->escape_spaces)
		fc_alignbuf_put(b, FC_MARK, FC_MARK_BYTES, span);
	else
		fc_alignbuf_put(b, " ", 1, span);
}

static bool ends_in_space(const struct fc_spmnorm *s, const struct fc_alignbuf *b)
{
	size_t n = s->escape_spaces ? FC_MARK_BYTES : 1;
	return b->text.n >= n &&
	    !memcmp(b->text.p + b->text.n - n, s->escape_spaces ? FC_MARK : " ", n);
}

/* Appends to[skip, n_to), which stands for text[i, i + len). */
static void put_bytes(const struct fc_spmnorm *s, const struct fc_aligned *text, size_t i,
    size_t len, const char *to, size_t n_to, size_t skip, bool same, struct fc_alignbuf *b)
{
	for (size_t k = skip; k < n_to; k++) {
		struct fc_span span = same ? fc_aligned_span(text, i + k, i + k + 1)
					   : fc_aligned_span(text, i, i + len);
		if (to[k] == ' ' && s->escape_spaces)
			put_space(s, b, span);
		else
			fc_alignbuf_put(b, to + k, 1, span);
	}
}

void fc_spmnorm_run(
    const struct fc_spmnorm *s, bool goes_on, const struct fc_aligned *text, struct fc_alignbuf *b)
{
	const char *to;
	size_t n_to, i = 0, len;
	bool same, after_space = s->remove_extra_spaces && !goes_on;
	for (; after_space && i < text->n; i += len) {
		len = match_prefix(s, text, i, &to, &n_to, &same);
		if (n_to != 1 || *to != ' ')
			break;
	}
	if (i == text->n)
		return;
	struct fc_span start = fc_aligned_span(text, 0, 0),
		       end = fc_aligned_span(text, text->n, text->n);
	if (!goes_on &&
	    (s->dummy == FC_DUMMY_PREFIX || (s->dummy == FC_DUMMY_START && start.start == 0)))
		put_space(s, b, start);
	for (; i < text->n; i += len) {
		size_t skip = 0;
		len = match_prefix(s, text, i, &to, &n_to, &same);
		while (after_space && skip < n_to && to[skip] == ' ')
			skip++;
		put_bytes(s, text, i, len, to, n_to, skip, same, b);
		if (skip < n_to)
			after_space = s->remove_extra_spaces && to[n_to - 1] == ' ';
	}
	while (s->remove_extra_spaces && ends_in_space(s, b))
		b->text.n -= s->escape_spaces ? FC_MARK_BYTES : 1;
	if (s->dummy == FC_DUMMY_SUFFIX)
		put_space(s, b, end);
}
