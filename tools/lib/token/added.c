/* SPDX-License-Identifier: Apache-2.0 */
#include "token/added.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"
#include "token/charclass.h"
#include "token/tokenizer.h"

static void set_release(struct fc_added_set *s)
{
	fc_automaton_release(&s->special);
	fc_automaton_release(&s->other);
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
	set_release(&a->raw);
	set_release(&a->normalized);
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
	struct fc_err e;
	const int rc = fc_pieces_add(&a->index, content, n, (int64_t)a->n, "", &e);
	assert(rc == 0); /* its content is new, and no longer than a piece may be */
	(void)rc;
	if (id >= a->n_id) {
		size_t old = a->n_id;
		FC_GROW(a->place_1, a->n_id, (size_t)id + 1);
		memset(a->place_1 + old, 0, (a->n_id - old) * sizeof *a->place_1);
	}
	FC_GROW(a->v, a->cap, a->n + 1);
	struct fc_added_token *t = &a->v[a->n++];
	a->place_1[id] = (uint32_t)a->n;
	a->max_id_1 = id >= a->max_id_1 ? id + 1 : a->max_id_1;
	*t = (struct fc_added_token){
	    .id = id, .content = fc_memdup0(content, n), .form = fc_memdup0(content, n)};
	return t;
}

static void add_backwards(struct fc_automaton *to, const char *p, size_t n, uint32_t id)
{
	char on_stack[256], *back = n > sizeof on_stack ? fc_malloc(n) : on_stack;
	for (size_t i = 0; i < n; i++)
		back[i] = p[n - 1 - i];
	fc_automaton_add(to, back, n, id);
	if (back != on_stack)
		free(back);
}

int fc_added_index(struct fc_added *a, const char *where, struct fc_err *e)
{
	size_t total = 0;
	for (size_t i = a->n; i--;) { /* of tokens with one form the first counts */
		struct fc_added_token *t = &a->v[i];
		struct fc_added_set *set = t->normalized ? &a->normalized : &a->raw;
		t->n_form = strlen(t->form);
		total += t->n_form;
		if (total > ((size_t)1 << 28))
			return fc_fail(e, "%s: added tokens: more than 256 MiB of text", where);
		if (!t->n_form)
			continue;
		add_backwards(
		    t->special ? &set->special : &set->other, t->form, t->n_form, (uint32_t)i);
		set->ends[(unsigned char)t->form[t->n_form - 1]] = set->any = true;
	}
	fc_automaton_build(&a->raw.special);
	fc_automaton_build(&a->raw.other);
	fc_automaton_build(&a->normalized.special);
	fc_automaton_build(&a->normalized.other);
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

/* Where a token at start begins with the white space before it; nothing before from is taken. */
static size_t strip_left(const struct fc_aligned *text, size_t from, size_t start)
{
	if (start < from)
		return from;
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

/* The state of the special tokens' automaton after byte i as well; it never reads over bytes that a
 * guard forbids, nor over guarded ones of the original that left no trace between two bytes. */
static uint32_t step_special(const struct fc_automaton *a, uint32_t state,
    const struct fc_aligned *text, size_t i, const struct fc_guard *guard)
{
	unsigned char c = (unsigned char)text->p[i];
	if (guard->n && state && is_guarded(guard, fc_aligned_span(text, i, i + 2)))
		state = 0;
	if (guard->n && !state &&
	    (!a->root[c] || is_guarded(guard, fc_aligned_span(text, i, i + 1))))
		return 0;
	return fc_automaton_step(a, state, c);
}

static const struct fc_added_token *longest_at(
    const struct fc_added *a, const struct fc_automaton *of, uint32_t state)
{
	uint32_t i = state ? of->longest[state] : FC_NO_TOKEN;
	return i == FC_NO_TOKEN ? NULL : &a->v[i];
}

/* The longest token that begins at each place, the last place first. */
static void find_longest(const struct fc_added *a, const struct fc_added_set *set,
    const struct fc_aligned *text, const struct fc_guard *guard, struct fc_added_found *f)
{
	uint32_t special = 0, other = 0;
	for (size_t i = text->n; i--;) {
		unsigned char c = (unsigned char)text->p[i];
		if (!(special | other) && !set->ends[c])
			continue;
		special = step_special(&set->special, special, text, i, guard);
		other = fc_automaton_step(&set->other, other, c);
		const struct fc_added_token *s = longest_at(a, &set->special, special),
					    *o = longest_at(a, &set->other, other);
		if (!s || (o && o->n_form > s->n_form))
			s = o;
		if (!s)
			continue;
		FC_GROW(f->v, f->cap, f->n + 1);
		f->v[f->n++] = (struct fc_added_match){(uint32_t)i, (uint32_t)(i + s->n_form), s};
	}
}

static void reverse_matches(struct fc_added_match *v, size_t n)
{
	for (size_t a = 0, b = n; a + 1 < b; a++) {
		struct fc_added_match t = v[a];
		v[a] = v[--b];
		v[b] = t;
	}
}

/* Of the tokens that may begin somewhere those that do, with the white space they take. */
static void choose_matches(const struct fc_aligned *text, struct fc_added_found *f)
{
	size_t n = 0, at = 0;          /* at: behind the last token, without white space */
	struct fc_span space = {0, 0}; /* the white space last taken behind one */
	for (size_t k = 0; k < f->n; k++) {
		struct fc_added_match m = f->v[k];
		struct fc_added_match *last = n ? &f->v[n - 1] : NULL;
		if (m.start < at)
			continue;
		at = m.end;
		if (m.token->single_word && is_word_at(text, m.start, m.end))
			continue;
		if (m.token->lstrip)
			m.start = (uint32_t)strip_left(text, last ? last->end : 0, m.start);
		else if (last && last->end > m.start)
			last->end = m.start;
		if (m.token->rstrip) {
			if (m.end < space.start || m.end >= space.end)
				space = (struct fc_span){m.end, (uint32_t)strip_right(text, m.end)};
			m.end = space.end;
		}
		if (m.start < m.end) /* what is left empty was white space, all taken */
			f->v[n++] = m;
	}
	f->n = n;
}

void fc_added_find(const struct fc_added *a, bool normalized, const struct fc_aligned *text,
    const struct fc_guard *guard, struct fc_added_found *f)
{
	const struct fc_added_set *set = normalized ? &a->normalized : &a->raw;
	f->n = 0;
	if (!set->any)
		return;
	find_longest(a, set, text, guard, f);
	reverse_matches(f->v, f->n);
	choose_matches(text, f);
}

void fc_added_found_release(struct fc_added_found *f)
{
	free(f->v);
	*f = (struct fc_added_found){0};
}
