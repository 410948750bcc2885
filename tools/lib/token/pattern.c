/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include "token/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "text/utf8.h"
#include "token/onigsyntax.h"

#define REGEX_MAX ((size_t)1 << 16) /* bytes */
#define JIT_STACK_MAX ((size_t)8 << 20)
#define MATCH_LIMIT 50000000

struct fc_pattern {
	pcre2_code *code; /* NULL: literal */
	bool jit;
	char *literal;
	size_t n_literal;
};

struct fc_matcher {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

static int compile_pattern(
    struct fc_pattern *p, const struct fc_buf *source, const char *where, struct fc_err *e)
{
	pcre2_compile_context *c = pcre2_compile_context_create(NULL);
	int code;
	PCRE2_SIZE at;
	if (!c)
		fc_die("out of memory (regular expression)");
	pcre2_set_newline(c, PCRE2_NEWLINE_LF);
	p->code = pcre2_compile((PCRE2_SPTR)source->p, source->n,
	    PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code, &at, c);
	pcre2_compile_context_free(c);
	if (!p->code) {
		PCRE2_UCHAR why[128];
		pcre2_get_error_message(code, why, sizeof why);
		return fc_fail(e, "%s: regular expression: %s", where, (const char *)why);
	}
	p->jit = pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0;
	return 0;
}

int fc_pattern_regex(
    struct fc_pattern **out, const char *source, size_t n, const char *where, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_pattern *p = FC_NEW(struct fc_pattern);
	*out = NULL;
	int rc = -1;
	if (n > REGEX_MAX)
		fc_fail(e, "%s: a regular expression of %zu bytes; at most %zu are read", where, n,
		    REGEX_MAX);
	else if (fc_onig_translate(&b, source, n, where, e) == 0)
		rc = compile_pattern(p, (fc_buf_reserve(&b, 0), &b), where, e);
	fc_buf_release(&b);
	if (rc < 0)
		fc_pattern_free(p);
	else
		*out = p;
	return rc;
}

int fc_pattern_json(
    struct fc_pattern **out, const json_t *pattern, const char *where, struct fc_err *e)
{
	const json_t *literal = json_object_get(pattern, "String");
	const json_t *regex = json_object_get(pattern, "Regex");
	*out = NULL;
	if (json_object_size(pattern) != 1 || !json_is_string(literal ? literal : regex))
		return fc_fail(
		    e, "%s: pattern: expected {\"String\": ...} or {\"Regex\": ...}", where);
	if (regex)
		return fc_pattern_regex(
		    out, json_string_value(regex), json_string_length(regex), where, e);
	if (!json_string_length(literal))
		return fc_fail(e, "%s: pattern: an empty string", where);
	struct fc_pattern *p = FC_NEW(struct fc_pattern);
	p->n_literal = json_string_length(literal);
	p->literal = fc_memdup0(json_string_value(literal), p->n_literal);
	*out = p;
	return 0;
}

void fc_pattern_free(struct fc_pattern *p)
{
	if (!p)
		return;
	pcre2_code_free(p->code);
	free(p->literal);
	free(p);
}

struct fc_matcher *fc_matcher_new(void)
{
	struct fc_matcher *m = FC_NEW(struct fc_matcher);
	m->data = pcre2_match_data_create(1, NULL);
	m->context = pcre2_match_context_create(NULL);
	m->stack = pcre2_jit_stack_create((size_t)32 << 10, JIT_STACK_MAX, NULL);
	if (!m->data || !m->context)
		fc_die("out of memory (regular expression)");
	pcre2_set_match_limit(m->context, MATCH_LIMIT);
	if (m->stack)
		pcre2_jit_stack_assign(m->context, NULL, m->stack);
	return m;
}

void fc_matcher_free(struct fc_matcher *m)
{
	if (!m)
		return;
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	pcre2_jit_stack_free(m->stack);
	free(m);
}

void fc_matches_add(struct fc_matches *m, size_t start, size_t end, bool is_match)
{
	FC_GROW(m->v, m->cap, m->n + 1);
	m->v[m->n++] = (struct fc_part_match){(uint32_t)start, (uint32_t)end, is_match};
}

static void literal_split(
    const struct fc_pattern *p, const char *text, size_t n, struct fc_matches *out)
{
	size_t from = 0;
	const char *hit;
	while (from < n && (hit = memmem(text + from, n - from, p->literal, p->n_literal))) {
		size_t at = (size_t)(hit - text);
		if (at > from)
			fc_matches_add(out, from, at, false);
		fc_matches_add(out, at, at + p->n_literal, true);
		from = at + p->n_literal;
	}
	if (from < n)
		fc_matches_add(out, from, n, false);
}

static int match_at(const struct fc_pattern *p, struct fc_matcher *m, const char *text, size_t n,
    size_t from, struct fc_err *e)
{
	/* without NO_UTF_CHECK each call would check the rest of the text: quadratic */
	int rc = p->jit ? pcre2_jit_match(p->code, (PCRE2_SPTR)text, n, from, PCRE2_NO_UTF_CHECK,
			      m->data, m->context)
			: pcre2_match(p->code, (PCRE2_SPTR)text, n, from, PCRE2_NO_UTF_CHECK,
			      m->data, m->context);
	if (rc >= 0)
		return 1;
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	PCRE2_UCHAR why[128];
	pcre2_get_error_message(rc, why, sizeof why);
	return fc_fail(
	    e, "splitting a text of %zu bytes at byte %zu: %s", n, from, (const char *)why);
}

int fc_pattern_split(const struct fc_pattern *p, struct fc_matcher *m, const char *text, size_t n,
    struct fc_matches *out, struct fc_err *e)
{
	out->n = 0;
	if (!p->code) {
		literal_split(p, text, n, out);
		return 0;
	}
	size_t done = 0, from = 0; /* done: end of the last match; from: where to search */
	bool behind = false;       /* was there a match yet? */
	const PCRE2_SIZE *range = pcre2_get_ovector_pointer(m->data);
	while (from <= n) {
		int found = match_at(p, m, text, n, from, e);
		if (found < 0)
			return -1;
		if (!found)
			break;
		size_t start = range[0], end = range[1];
		if (start == end) { /* empty: a border, unless right behind the last match */
			from = start + (start < n ? fc_utf8_valid(text + start, n - start) : 1);
			if (behind && start == done)
				continue;
		} else {
			from = end;
		}
		if (start > done)
			fc_matches_add(out, done, start, false);
		fc_matches_add(out, start, end, true);
		done = end;
		behind = true;
	}
	if (done < n)
		fc_matches_add(out, done, n, false);
	return 0;
}
