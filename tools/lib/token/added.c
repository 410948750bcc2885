/* SPDX-License-Identifier: Apache-2.0 */
#include "token/added.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"
#include "token/charclass.h"

static void tree_release(struct fc_added_tree *t)
{
	free(t->node);
}

void fc_added_release(struct fc_added *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].content);
		free(a->v[i].form);
	}
	free(a->v);
	free(a->place_1);
	fc_pieces_release(&a->index);
	tree_release(&a->raw);
	tree_release(&a->normalized);
	*a = (struct fc_added){0};
}

struct fc_added_token *fc_added_by_content(const struct fc_added *a, const char *content)
{
	uint32_t place = fc_pieces_find(&a->index, content, strlen(content));
	return place == FC_NO_TOKEN ? NULL : &a->v[place];
}

struct fc_added_token *fc_added_by_id(const struct fc_added *a, uint32_t id)
{
	return id < a->n_id && a->place_1[id] ? &a->v[a->place_1[id] - 1] : NULL;
}

struct fc_added_token *fc_added_new(struct fc_added *a, const char *content, size_t n, uint32_t id)
{
	struct fc_err none;
	fc_pieces_add(&a->index, content, n, (int64_t)a->n, "", &none);
	if (id >= a->n_id) {
		size_t old = a->n_id;
		FC_GROW(a->place_1, a->n_id, (size_t)id + 1);
		memset(a->place_1 + old, 0, (a->n_id - old) * sizeof *a->place_1);
	}
	FC_GROW(a->v, a->cap, a->n + 1);
	struct fc_added_token *t = &a->v[a->n++];
	a->place_1[id] = (uint32_t)a->n;
	*t = (struct fc_added_token){
	    .id = id, .content = fc_memdup0(content, n), .form = fc_memdup0(content, n)};
	return t;
}

static uint32_t node_new(struct fc_added_tree *t, unsigned char byte, uint32_t sibling)
{
	FC_GROW(t->node, t->cap, t->n + 1);
	t->node[t->n] = (struct fc_added_node){.byte = byte, .sibling = sibling};
	return (uint32_t)t->n++;
}

static uint32_t child(const struct fc_added_tree *t, uint32_t parent, unsigned char byte)
{
	uint32_t k = parent ? t->node[parent].child : t->first[byte];
	while (k && t->node[k].byte != byte)
		k = t->node[k].sibling;
	return k;
}

static void insert(struct fc_added_tree *t, const char *form, uint32_t index)
{
	uint32_t at = 0;
	if (!t->n)
		node_new(t, 0, 0);
	for (const unsigned char *p = (const unsigned char *)form; *p; p++) {
		uint32_t next = child(t, at, *p);
		if (!next && at) {
			next = node_new(t, *p, t->node[at].child);
			t->node[at].child = next;
		} else if (!next) {
			next = t->first[*p] = node_new(t, *p, 0);
		}
		at = next;
	}
	if (!t->node[at].token_1)
		t->node[at].token_1 = index + 1;
}

int fc_added_index(struct fc_added *a, const char *where, struct fc_err *e)
{
	size_t total = 0;
	for (size_t i = 0; i < a->n; i++) {
		struct fc_added_token *t = &a->v[i];
		total += strlen(t->form);
		if (total > ((size_t)1 << 28))
			return fc_fail(e, "%s: added tokens: more than 256 MiB of text", where);
		if (*t->form)
			insert(t->normalized ? &a->normalized : &a->raw, t->form, (uint32_t)i);
	}
	return 0;
}

static uint32_t char_before(const char *p, size_t i)
{
	uint32_t cp = 0;
	size_t at = i - 1;
	while (((unsigned char)p[at] & 0xc0) == 0x80)
		at--;
	fc_utf8_get(p + at, i - at, &cp);
	return cp;
}

static bool is_word_at(const struct fc_aligned *text, size_t start, size_t end)
{
	uint32_t cp = 0;
	if (start && fc_char_is_word(char_before(text->p, start)))
		return true;
	return end < text->n && fc_utf8_get(text->p + end, text->n - end, &cp) &&
	    fc_char_is_word(cp);
}

static size_t strip_left(const struct fc_aligned *text, size_t from, size_t start)
{
	while (start > from) {
		uint32_t cp = char_before(text->p, start);
		char c[4];
		if (!fc_char_is_space(cp))
			break;
		start -= fc_utf8_put(c, cp);
	}
	return start;
}

static size_t strip_right(const struct fc_aligned *text, size_t end)
{
	while (end < text->n) {
		uint32_t cp = 0;
		size_t len = fc_utf8_get(text->p + end, text->n - end, &cp);
		if (!fc_char_is_space(cp))
			break;
		end += len;
	}
	return end;
}

/* The first guard that ends behind start: does it begin before end? */
static bool is_guarded(const struct fc_guard *g, struct fc_span s)
{
	size_t low = 0, high = g->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (g->v[middle].end > s.start)
			high = middle;
		else
			low = middle + 1;
	}
	while (low < g->n && g->v[low].start == g->v[low].end)
		low++;
	return low < g->n && g->v[low].start < s.end;
}

/* The longest token at i that no guard forbids, its end in *end. */
static const struct fc_added_token *longest(const struct fc_added *a, const struct fc_added_tree *t,
    const struct fc_aligned *text, size_t i, const struct fc_guard *guard, size_t *end)
{
	const struct fc_added_token *best = NULL;
	uint32_t at = t->first[(unsigned char)text->p[i]];
	for (size_t k = i + 1; at; k++) {
		uint32_t hit = t->node[at].token_1;
		if (hit) {
			const struct fc_added_token *token = &a->v[hit - 1];
			if (!token->special || !is_guarded(guard, fc_aligned_span(text, i, k))) {
				best = token;
				*end = k;
			}
		}
		at = k < text->n && t->node[at].child ? child(t, at, (unsigned char)text->p[k]) : 0;
	}
	return best;
}

bool fc_added_next(const struct fc_added *a, bool normalized, const struct fc_aligned *text,
    size_t from, const struct fc_guard *guard, struct fc_added_match *m)
{
	const struct fc_added_tree *t = normalized ? &a->normalized : &a->raw;
	if (!t->n)
		return false;
	for (size_t i = from, end; i < text->n; i++) {
		if (!t->first[(unsigned char)text->p[i]])
			continue;
		const struct fc_added_token *token = longest(a, t, text, i, guard, &end);
		if (!token)
			continue;
		if (token->single_word && is_word_at(text, i, end)) {
			i = end - 1;
			continue;
		}
		m->token = token;
		m->start = (uint32_t)(token->lstrip ? strip_left(text, from, i) : i);
		m->end = (uint32_t)(token->rstrip ? strip_right(text, end) : end);
		return true;
	}
	return false;
}
