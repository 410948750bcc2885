/* SPDX-License-Identifier: Apache-2.0 */
#include "token/onigsyntax.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"
#include "token/charclass.h"
#include "token/unicode16.h"

#define DEPTH_MAX 32 /* groups and classes inside one another */
#define NO_ATOM SIZE_MAX

/* Outside of classes \w and \b also know these superscripts and fractions: an oddity of theirs. */
#define WORD_OUTSIDE FC_CLASS_WORD "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"

struct reader {
	const char *p;
	size_t n, i;
	int depth;
	const char *where;
	struct fc_err *e;
};

static int refuse(struct reader *r, const char *what)
{
	return fc_fail(
	    r->e, "%s: regular expression: %s at byte %zu is not supported", r->where, what, r->i);
}

static int peek(const struct reader *r, size_t ahead)
{
	return r->n - r->i > ahead ? (unsigned char)r->p[r->i + ahead] : -1;
}

static bool looking_at(const struct reader *r, const char *s)
{
	size_t n = strlen(s);
	return r->n - r->i >= n && !memcmp(r->p + r->i, s, n);
}

static void copy_char(struct reader *r, struct fc_buf *out)
{
	size_t len = fc_utf8_valid(r->p + r->i, r->n - r->i);
	fc_buf_add(out, r->p + r->i, len);
	r->i += len;
}

/* Copies up to and including the next '}'. */
static int copy_braces(struct reader *r, struct fc_buf *out)
{
	const char *end = memchr(r->p + r->i, '}', r->n - r->i);
	if (peek(r, 0) != '{' || !end)
		return refuse(r, "an escape without braces");
	size_t len = (size_t)(end - (r->p + r->i)) + 1;
	fc_buf_add(out, r->p + r->i, len);
	r->i += len;
	return 0;
}

static bool is_hex(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* \xHH is a byte there and a code point here: the same only for ASCII. */
static int code_escape(struct reader *r, struct fc_buf *out, int letter)
{
	if (letter == 'x' && peek(r, 0) == '{') {
		fc_buf_adds(out, "\\x");
		return copy_braces(r, out);
	}
	size_t digits = letter == 'u' ? 4 : 2;
	for (size_t k = 0; k < digits; k++)
		if (!is_hex(peek(r, k)))
			return refuse(r, "a short \\x or \\u");
	if (letter == 'x' && peek(r, 0) > '7')
		return refuse(r, "a byte above \\x7f");
	fc_buf_adds(out, "\\x{");
	fc_buf_add(out, r->p + r->i, digits);
	fc_buf_addc(out, '}');
	r->i += digits;
	return 0;
}

/* Escapes that stand for one character or a property, in and outside of classes; the backslash
 * and the letter are behind us.  1: done, 0: not one of these, -1: error. */
static int common_escape(struct reader *r, struct fc_buf *out, int c)
{
	switch (c) {
	case 'n':
	case 't':
	case 'r':
	case 'f':
	case 'a':
	case 'e':
		fc_buf_addf(out, "\\%c", c);
		return 1;
	case 'v':
		fc_buf_adds(out, "\\x0b");
		return 1;
	case 'x':
	case 'u':
		return code_escape(r, out, c) < 0 ? -1 : 1;
	default:
		break;
	}
	if (c < 0x80 && c >= ' ' && !(c >= '0' && c <= '9') &&
	    !((c | 32) >= 'a' && (c | 32) <= 'z')) {
		fc_buf_addf(out, "\\%c", c);
		return 1;
	}
	if (c >= 0x80) {
		r->i--;
		copy_char(r, out);
		return 1;
	}
	return 0;
}

/* {NAME} behind \p or \P: what matches the property, as items of a class. */
static int property(struct reader *r, struct fc_buf *items)
{
	size_t from = r->i + 1;
	fc_buf_adds(items, "\\p");
	if (copy_braces(r, items) < 0)
		return -1;
	fc_buf_adds(items, fc_unicode16_items(r->p + from, r->i - 1 - from));
	return 0;
}

/* The items of \s \w \d \h, NULL for another letter. */
static const char *shorthand(int lower)
{
	switch (lower) {
	case 's':
		return FC_CLASS_SPACE;
	case 'w':
		return FC_CLASS_WORD;
	case 'd':
		return "\\p{Nd}";
	case 'h':
		return "0-9a-fA-F";
	default:
		return NULL;
	}
}

static const char *posix_items(struct reader *r)
{
	static const struct {
		const char *name, *items;
	} known[] = {
	    {"[:alpha:]", "\\p{Alphabetic}"},
	    {"[:alnum:]", "\\p{Alphabetic}\\p{Nd}"},
	    {"[:digit:]", "\\p{Nd}"},
	    {"[:upper:]", "\\p{Uppercase}"},
	    {"[:lower:]", "\\p{Lowercase}"},
	    {"[:space:]", FC_CLASS_SPACE},
	    {"[:word:]", FC_CLASS_WORD},
	    {"[:xdigit:]", "0-9a-fA-F"},
	    {"[:punct:]", "\\p{P}\\p{S}"},
	};
	for (size_t k = 0; k < FC_LEN(known); k++)
		if (looking_at(r, known[k].name)) {
			r->i += strlen(known[k].name);
			return known[k].items;
		}
	return NULL;
}

static int char_class(struct reader *r, struct fc_buf *out);

/* One operand of &&: single items as in a plain class, and alternatives ("|X|Y") that need a class
 * of their own.  Appends an expression that matches one character. */
struct operand {
	struct fc_buf items, others;
};

static void operand_emit(struct fc_buf *out, const struct operand *o, const char *negate)
{
	if (!o->others.n) {
		fc_buf_addf(out, "[%s%s]", negate, o->items.p);
		return;
	}
	fc_buf_adds(out, *negate ? "(?:(?!" : "(?:");
	if (o->items.n)
		fc_buf_addf(out, "[%s]%s", o->items.p, o->others.p);
	else
		fc_buf_adds(out, o->others.p + 1);
	fc_buf_adds(out, *negate ? ")(?s:.))" : ")");
}

static int class_escape(struct reader *r, struct operand *o)
{
	int c = peek(r, 1);
	if (c < 0)
		return refuse(r, "a backslash at the end");
	r->i += 2;
	const char *items = c < 0x80 ? shorthand(c | 32) : NULL;
	if (items && (c & 32)) {
		fc_buf_adds(&o->items, items);
		return 0;
	}
	if (items) {
		fc_buf_addf(&o->others, "|[^%s]", items);
		return 0;
	}
	if (c == 'p')
		return property(r, &o->items);
	if (c == 'P') {
		fc_buf_adds(&o->others, "|[^");
		int rc = property(r, &o->others);
		fc_buf_addc(&o->others, ']');
		return rc;
	}
	if (c == 'b') { /* backspace */
		fc_buf_adds(&o->items, "\\x08");
		return 0;
	}
	int done = common_escape(r, &o->items, c);
	return done < 0 ? -1 : done ? 0 : refuse(r, "an escape in a class");
}

static int class_item(struct reader *r, struct operand *o)
{
	int c = peek(r, 0);
	if (c < 0)
		return refuse(r, "a class without end");
	if (c == '\\')
		return class_escape(r, o);
	if (c == '[' && peek(r, 1) == ':') {
		const char *items = posix_items(r);
		if (!items)
			return refuse(r, "this POSIX class");
		fc_buf_adds(&o->items, items);
		return 0;
	}
	if (c == '[') {
		fc_buf_addc(&o->others, '|');
		return char_class(r, &o->others);
	}
	copy_char(r, &o->items);
	return 0;
}

/* [ ... ] at the reader.  Set operations become look-aheads: A&&B is (?:(?=A)B). */
static int char_class(struct reader *r, struct fc_buf *out)
{
	struct operand o = {FC_BUF_INIT, FC_BUF_INIT};
	struct fc_buf before = FC_BUF_INIT; /* the operands left of the last && */
	int rc = -1;
	if (++r->depth > DEPTH_MAX) {
		refuse(r, "such deep nesting");
		goto out;
	}
	r->i++;
	bool negated = peek(r, 0) == '^';
	r->i += negated;
	if (peek(r, 0) == ']') {
		refuse(r, "an empty class");
		goto out;
	}
	while (peek(r, 0) != ']') {
		if (!looking_at(r, "&&")) {
			if (class_item(r, &o) < 0)
				goto out;
			continue;
		}
		r->i += 2;
		if (!o.items.n && !o.others.n) {
			refuse(r, "an empty side of &&");
			goto out;
		}
		fc_buf_reserve(&o.items, 0);
		fc_buf_adds(&before, "(?=");
		operand_emit(&before, &o, "");
		fc_buf_addc(&before, ')');
		fc_buf_clear(&o.items);
		fc_buf_clear(&o.others);
	}
	r->i++;
	if (!o.items.n && !o.others.n) {
		refuse(r, "an empty side of &&");
		goto out;
	}
	fc_buf_reserve(&o.items, 0);
	if (!before.n) {
		operand_emit(out, &o, negated ? "^" : "");
	} else {
		fc_buf_addf(out, negated ? "(?:(?!%s" : "(?:%s", before.p);
		operand_emit(out, &o, "");
		fc_buf_adds(out, negated ? ")(?s:.))" : ")");
	}
	rc = 0;
out:
	r->depth--;
	fc_buf_release(&o.items);
	fc_buf_release(&o.others);
	fc_buf_release(&before);
	return rc;
}

static int copy_escape(struct reader *r, struct fc_buf *out)
{
	int c = peek(r, 1);
	if (c < 0)
		return refuse(r, "a backslash at the end");
	r->i += 2;
	const char *items = (c | 32) == 'w' ? WORD_OUTSIDE : c < 0x80 ? shorthand(c | 32) : NULL;
	if (items) {
		fc_buf_addf(out, c & 32 ? "[%s]" : "[^%s]", items);
		return 0;
	}
	if (c == 'p' || c == 'P') {
		fc_buf_adds(out, c == 'p' ? "[" : "[^");
		int rc = property(r, out);
		fc_buf_addc(out, ']');
		return rc;
	}
	if (c == 'b' || c == 'B') {
		fc_buf_addf(out,
		    c == 'b' ? "(?:(?<=%1$s)(?!%1$s)|(?<!%1$s)(?=%1$s))"
			     : "(?:(?<=%1$s)(?=%1$s)|(?<!%1$s)(?!%1$s))",
		    "[" WORD_OUTSIDE "]");
		return 0;
	}
	if (c == 'A' || c == 'z' || c == 'Z') {
		fc_buf_addf(out, "\\%c", c);
		return 0;
	}
	int done = common_escape(r, out, c);
	return done < 0 ? -1 : done ? 0 : refuse(r, "an escape");
}

/* "(" and what may follow "?".  *is_group: a matching ")" will come. */
static int copy_group(struct reader *r, struct fc_buf *out, bool first, bool *is_group)
{
	static const char *const same[] = {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"};
	*is_group = true;
	for (size_t k = 0; k < FC_LEN(same); k++)
		if (looking_at(r, same[k])) {
			fc_buf_adds(out, same[k]);
			r->i += strlen(same[k]);
			return 0;
		}
	if (!looking_at(r, "(?")) { /* captures are never used */
		fc_buf_adds(out, "(?:");
		r->i++;
		return 0;
	}
	r->i += 2;
	fc_buf_adds(out, "(?");
	for (;; r->i++) {
		int c = peek(r, 0);
		if (c == ':' || c == ')')
			break;
		if (c != 'i' && c != 'm' && c != '-')
			return refuse(r, "this kind of group");
		fc_buf_addc(out, c == 'm' ? 's' : (char)c);
	}
	*is_group = peek(r, 0) == ':';
	/* further right, Oniguruma puts the rest of the group, with its alternatives, inside */
	if (!*is_group && !first)
		return refuse(r, "an option in the middle of a group");
	fc_buf_addc(out, *is_group ? ':' : ')');
	r->i++;
	return 0;
}

static void wrap_atom(struct fc_buf *out, size_t atom)
{
	fc_buf_reserve(out, 3);
	memmove(out->p + atom + 3, out->p + atom, out->n - atom + 1);
	memcpy(out->p + atom, "(?:", 3);
	out->n += 3;
	fc_buf_addc(out, ')');
}

/* {n}, {n,}, {,m}, {n,m} at the reader; anything else is a literal brace. */
static int copy_interval(struct reader *r, struct fc_buf *out, size_t atom)
{
	size_t i = r->i + 1, low = 0, high = 0;
	bool comma = false;
	while (i < r->n && r->p[i] >= '0' && r->p[i] <= '9' && low < 6)
		i++, low++;
	if (i < r->n && r->p[i] == ',') {
		comma = true;
		i++;
	}
	while (comma && i < r->n && r->p[i] >= '0' && r->p[i] <= '9' && high < 6)
		i++, high++;
	if (atom == NO_ATOM || i >= r->n || r->p[i] != '}' || low + high == 0) {
		fc_buf_adds(out, "\\{");
		r->i++;
		return 0;
	}
	fc_buf_addc(out, '{');
	if (!low)
		fc_buf_addc(out, '0');
	fc_buf_add(out, r->p + r->i + 1, i - r->i);
	r->i = i + 1;
	/* {n,m}+ repeats the interval there and is possessive here; {n}? makes it optional */
	if (peek(r, 0) == '+' || (peek(r, 0) == '?' && !comma))
		wrap_atom(out, atom);
	return 0;
}

int fc_onig_translate(
    struct fc_buf *out, const char *p, size_t n, const char *where, struct fc_err *e)
{
	struct reader r = {p, n, 0, 0, where, e};
	size_t start[DEPTH_MAX], atom = NO_ATOM;
	bool first = true, is_group; /* first: nothing before in this group */
	if (fc_utf8_check(p, n) != n || memchr(p, 0, n))
		return fc_fail(e, "%s: regular expression: not UTF-8 or with a NUL", where);
	while (r.i < n) {
		int c = peek(&r, 0), rc = 0;
		size_t here = out->n;
		bool was_first = first;
		first = false;
		if (c == '(') {
			rc = copy_group(&r, out, was_first, &is_group);
			if (rc == 0 && is_group) {
				if (r.depth == DEPTH_MAX)
					return refuse(&r, "such deep nesting");
				start[r.depth++] = here;
			}
			first = true;
			here = NO_ATOM;
		} else if (c == ')') {
			if (!r.depth)
				return refuse(&r, "an unmatched \")\"");
			here = start[--r.depth];
			copy_char(&r, out);
		} else if (c == '\\') {
			rc = copy_escape(&r, out);
		} else if (c == '[') {
			rc = char_class(&r, out);
		} else if (c == '{') {
			rc = copy_interval(&r, out, atom);
			here = atom;
		} else if (c == '*' || c == '+' || c == '?') {
			here = atom;
			copy_char(&r, out);
		} else {
			if (c == '|')
				here = NO_ATOM;
			copy_char(&r, out);
		}
		if (rc < 0)
			return -1;
		atom = here;
	}
	if (r.depth)
		return refuse(&r, "a group without end");
	return 0;
}
