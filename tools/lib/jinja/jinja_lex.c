/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "jinja/jinja_impl.h"
#include "text/utf8.h"

struct lexer {
	struct fc_jpool *pool;
	struct fc_jtoks *out;
	const char *p, *end; /* where we are */
	uint32_t line;
	bool line_starting; /* the last tag, or what it ate, ended with a newline */
	char closing[FC_JINJA_NEST_MAX];
	int depth;
	const char *name;
	struct fc_err *e;
};

static bool at(const struct lexer *x, const char *s)
{
	size_t n = strlen(s);
	return (size_t)(x->end - x->p) >= n && !memcmp(x->p, s, n);
}

static void skip(struct lexer *x, size_t n)
{
	for (; n > 0; n--)
		x->line += *x->p++ == '\n';
}

static size_t space_at(const char *p, const char *end)
{
	uint32_t cp;
	size_t n = fc_utf8_get(p, (size_t)(end - p), &cp);
	return n && fc_jchar_is_space(cp) ? n : 0;
}

static void skip_space(struct lexer *x)
{
	for (size_t n; (n = space_at(x->p, x->end)) > 0;)
		skip(x, n);
}

static struct fc_jtok *push(struct lexer *x, enum fc_jtok_kind kind)
{
	FC_GROW(x->out->v, x->out->cap, x->out->n + 1);
	struct fc_jtok *t = &x->out->v[x->out->n++];
	*t = (struct fc_jtok){.kind = kind, .line = x->line};
	return t;
}

/* End of p[0, n) without its trailing white space. */
static size_t rstrip(const char *p, size_t n)
{
	for (;;) {
		size_t k = n;
		while (k > 0 && (p[k - 1] & 0xc0) == 0x80)
			k--;
		if (k > 0)
			k--;
		if (k == n || space_at(p + k, p + n) != n - k)
			return n;
		n = k;
	}
}

/* The text before a tag, less what the tag's sign or lstrip_blocks takes away. */
static size_t data_end(const struct lexer *x, const char *p, size_t n, char sign, bool block)
{
	if (sign == '-')
		return rstrip(p, n);
	if (sign == '+' || !block)
		return n;
	size_t from = n;
	while (from > 0 && p[from - 1] != '\n')
		from--;
	if (from == 0 && !x->line_starting)
		return n;
	size_t keep = rstrip(p, n);
	return keep <= from ? from : n;
}

static void push_data(struct lexer *x, const char *p, size_t n)
{
	if (!n)
		return;
	struct fc_jtok *t = push(x, FC_JT_DATA);
	t->p = p;
	t->n = (uint32_t)n;
}

/* At the end of a tag that closes with s ("%}"): eats it with its sign and the white space or
 * newline that goes with it.  False: not at the end. */
static bool close_tag(struct lexer *x, const char *s)
{
	char sign = 0;
	const char *p = x->p;
	if (p < x->end && (*p == '-' || (*p == '+' && *s != '}')))
		sign = *p++;
	if (x->end - p < 2 || memcmp(p, s, 2) != 0)
		return false;
	skip(x, (size_t)(p - x->p) + 2);
	const char *before = x->p;
	if (sign == '-')
		skip_space(x);
	else if (!sign && *s != '}' && x->p < x->end && *x->p == '\n')
		skip(x, 1);
	x->line_starting = x->p > before && x->p[-1] == '\n';
	return true;
}

static int lex_comment(struct lexer *x)
{
	uint32_t line = x->line;
	while (x->p < x->end) {
		if (close_tag(x, "#}"))
			return 0;
		skip(x, 1);
	}
	return fc_fail(x->e, "%s:%" PRIu32 ": comment without an end", x->name, line);
}

static int put_escape(struct lexer *x, struct fc_buf *b, const char **p, const char *end)
{
	static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
	char c = *(*p)++;
	const char *hit = c ? strchr(from, c) : NULL;
	if (hit) {
		fc_buf_addc(b, to[hit - from]);
		return 0;
	}
	if (c == '\n')
		return 0;
	int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : c >= '0' && c <= '7' ? 3 : 0;
	if (!digits) {
		fc_buf_addc(b, '\\');
		fc_buf_addc(b, c);
		return 0;
	}
	uint32_t cp = 0, base = digits == 3 ? 8 : 16;
	int got = 0;
	*p -= digits == 3;
	for (; got < digits && *p < end; got++, (*p)++) {
		char d = **p;
		uint32_t v = d >= '0' && d <= '9' ? (uint32_t)(d - '0')
		    : d >= 'a' && d <= 'f'        ? (uint32_t)(d - 'a' + 10)
		    : d >= 'A' && d <= 'F'        ? (uint32_t)(d - 'A' + 10)
						  : 99;
		if (v >= base)
			break;
		cp = cp * base + v;
	}
	char utf8[4];
	uint32_t back;
	size_t n = cp <= 0x10ffff ? fc_utf8_put(utf8, cp) : 0;
	if ((digits != 3 && got < digits) || !fc_utf8_get(utf8, n, &back))
		return fc_fail(
		    x->e, "%s:%" PRIu32 ": bad character escape in a string", x->name, x->line);
	fc_buf_add(b, utf8, n);
	return 0;
}

static int lex_string(struct lexer *x)
{
	char quote = *x->p;
	const char *p = x->p + 1;
	while (p < x->end && *p != quote)
		p += *p == '\\' && p + 1 < x->end ? 2 : 1;
	if (p >= x->end)
		return fc_fail(x->e, "%s:%" PRIu32 ": string without an end", x->name, x->line);
	const char *end = p, *start = x->p;
	struct fc_buf b = FC_BUF_INIT;
	int ret = 0;
	for (p = x->p + 1; p < end && ret == 0;)
		if (*p == '\\') {
			p++;
			ret = put_escape(x, &b, &p, end);
		} else {
			fc_buf_addc(&b, *p++);
		}
	struct fc_jtok *t = push(x, FC_JT_CONST);
	char *copy = fc_jpool_take(x->pool, b.n);
	if (b.n)
		memcpy(copy, b.p, b.n);
	t->value = fc_jv_str(fc_jstr_new(x->pool, copy, b.n, 0));
	fc_buf_release(&b);
	skip(x, (size_t)(end + 1 - start));
	return ret;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
	return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c & 0x80);
}

/* Digits with single underscores between them, copied to out (of 64) without these. */
static size_t copy_digits(const char *p, const char *end, char *out, size_t *n)
{
	size_t i = 0;
	while (p + i < end &&
	    (is_digit(p[i]) ||
		(p[i] == '_' && i && p + i + 1 < end && is_digit(p[i + 1]) && p[i - 1] != '_'))) {
		if (p[i] != '_' && *n < 63)
			out[(*n)++] = p[i];
		i++;
	}
	return i;
}

static int lex_number(struct lexer *x)
{
	char text[64];
	size_t n = 0;
	const char *p = x->p, *whole;
	bool real = false;
	p += copy_digits(p, x->end, text, &n);
	whole = p;
	if (x->end - p > 1 && *p == '.' && is_digit(p[1])) {
		real = true;
		if (n < 63)
			text[n++] = '.';
		p++;
		p += copy_digits(p, x->end, text, &n);
	}
	if (p < x->end && (*p == 'e' || *p == 'E')) {
		const char *q = p + 1;
		if (q < x->end && (*q == '+' || *q == '-'))
			q++;
		if (q < x->end && is_digit(*q)) {
			real = true;
			for (const char *c = p; c < q && n < 63; c++)
				text[n++] = *c;
			p = q + copy_digits(q, x->end, text, &n);
		}
	}
	if (n >= 63)
		return fc_fail(x->e, "%s:%" PRIu32 ": number too long", x->name, x->line);
	text[n] = 0;
	struct fc_jtok *t = push(x, FC_JT_CONST);
	errno = 0;
	if (real) {
		t->value = fc_jv_float(strtod(text, NULL));
		x->p = p;
		return 0;
	}
	t->value = fc_jv_int(strtoll(text, NULL, 10));
	x->p = whole;
	if (errno || (n > 1 && text[0] == '0' && strspn(text, "0") != n))
		return fc_fail(x->e, "%s:%" PRIu32 ": bad number %s", x->name, x->line, text);
	return 0;
}

static int lex_op(struct lexer *x)
{
	static const char *const two[] = {"//", "**", "==", "!=", "<=", ">="};
	char c = *x->p;
	int op = (unsigned char)c;
	for (size_t i = 0; i < FC_LEN(two); i++)
		if (at(x, two[i]))
			op = FC_JOP(two[i][0], two[i][1]);
	if (op < 256 && (!c || !strchr("+-*/%~|.,:()[]{}=<>", c)))
		return fc_fail(
		    x->e, "%s:%" PRIu32 ": unexpected character '%c'", x->name, x->line, c);
	if (strchr("([{", c)) {
		if (x->depth == FC_JINJA_NEST_MAX)
			return fc_fail(x->e, "%s:%" PRIu32 ": nested too deeply", x->name, x->line);
		x->closing[x->depth++] = c == '(' ? ')' : c == '[' ? ']' : '}';
	} else if (strchr(")]}", c)) {
		if (!x->depth || x->closing[--x->depth] != c)
			return fc_fail(
			    x->e, "%s:%" PRIu32 ": unexpected '%c'", x->name, x->line, c);
	}
	push(x, FC_JT_OP)->op = op;
	x->p += op < 256 ? 1 : 2;
	return 0;
}

/* The inside of {{ }} and {% %}, with its end. */
static int lex_tag(struct lexer *x, const char *close, enum fc_jtok_kind kind)
{
	uint32_t line = x->line;
	x->depth = 0;
	for (;;) {
		skip_space(x);
		uint32_t end_line = x->line;
		if (x->p >= x->end)
			return fc_fail(
			    x->e, "%s:%" PRIu32 ": tag without '%s'", x->name, line, close);
		if (!x->depth && close_tag(x, close)) {
			push(x, kind)->line = end_line;
			return 0;
		}
		int ret;
		if (*x->p == '"' || *x->p == '\'') {
			ret = lex_string(x);
		} else if (is_digit(*x->p)) {
			ret = lex_number(x);
		} else if (is_name(*x->p)) {
			struct fc_jtok *t = push(x, FC_JT_NAME);
			t->p = x->p;
			while (x->p < x->end && is_name(*x->p))
				x->p++;
			t->n = (uint32_t)(x->p - t->p);
			ret = 0;
		} else {
			ret = lex_op(x);
		}
		if (ret < 0)
			return -1;
	}
}

/* Length of "{% raw %}" (or endraw) at p, 0 if it is none; *sign is that of its beginning. */
static size_t raw_tag(const char *p, const char *end, const char *word, char *sign)
{
	const char *s = p;
	if (end - p < 2 || memcmp(p, "{%", 2) != 0)
		return 0;
	p += 2;
	*sign = p < end && (*p == '-' || *p == '+') ? *p++ : 0;
	for (size_t n; (n = space_at(p, end)) > 0;)
		p += n;
	size_t n = strlen(word);
	if ((size_t)(end - p) < n || memcmp(p, word, n) != 0)
		return 0;
	p += n;
	for (size_t k; (k = space_at(p, end)) > 0;)
		p += k;
	const char *q = p < end && (*p == '-' || *p == '+') ? p + 1 : p;
	return end - q >= 2 && !memcmp(q, "%}", 2) ? (size_t)(p - s) : 0;
}

/* After the word of {% raw %}: the text up to {% endraw %}, as it is. */
static int lex_raw(struct lexer *x)
{
	uint32_t line = x->line;
	/* trim_blocks does not reach behind {% raw %} */
	bool strip = *x->p == '-';
	skip(x, *x->p == '%' ? 2 : 3);
	if (strip)
		skip_space(x);
	x->line_starting = x->p[-1] == '\n';
	for (const char *p = x->p; p < x->end; p++) {
		char sign;
		size_t n = raw_tag(p, x->end, "endraw", &sign);
		if (!n)
			continue;
		push_data(x, x->p, data_end(x, x->p, (size_t)(p - x->p), sign, true));
		skip(x, (size_t)(p - x->p) + n);
		close_tag(x, "%}");
		return 0;
	}
	return fc_fail(x->e, "%s:%" PRIu32 ": {%% raw %%} without {%% endraw %%}", x->name, line);
}

static int lex_text(struct lexer *x)
{
	const char *p = x->p;
	while (p < x->end &&
	    !(*p == '{' && p + 1 < x->end && (p[1] == '{' || p[1] == '%' || p[1] == '#')))
		p++;
	size_t n = (size_t)(p - x->p);
	if (p == x->end) {
		push_data(x, x->p, n);
		x->p = p;
		return 0;
	}
	char tag = p[1], sign = p + 2 < x->end ? p[2] : 0, raw_sign;
	push_data(x, x->p, data_end(x, x->p, n, sign, tag != '{'));
	skip(x, n);
	size_t raw = raw_tag(p, x->end, "raw", &raw_sign);
	if (raw) {
		skip(x, raw);
		return lex_raw(x);
	}
	if (tag != '#')
		push(x, tag == '{' ? FC_JT_PRINT : FC_JT_BLOCK);
	skip(x, sign == '-' || sign == '+' ? 3 : 2);
	if (tag == '#')
		return lex_comment(x);
	return tag == '{' ? lex_tag(x, "}}", FC_JT_PRINT_END) : lex_tag(x, "%}", FC_JT_BLOCK_END);
}

int fc_jinja_lex(struct fc_jtoks *out, struct fc_jpool *pool, const char *src, size_t n,
    const char *name, struct fc_err *e)
{
	/* one kind of newline; a last one does not count */
	char *text = fc_jpool_take(pool, n);
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		if (src[i] == '\r' && i + 1 < n && src[i + 1] == '\n')
			continue;
		text[k++] = src[i] == '\r' ? '\n' : src[i];
	}
	if (k > 0 && text[k - 1] == '\n')
		k--;
	struct lexer x = {.pool = pool,
	    .out = out,
	    .p = text,
	    .end = text + k,
	    .line = 1,
	    .line_starting = true,
	    .name = name,
	    .e = e};
	if (fc_utf8_check(text, k) != k)
		return fc_fail(e, "%s: not UTF-8", name);
	while (x.p < x.end)
		if (lex_text(&x) < 0)
			return -1;
	push(&x, FC_JT_END);
	return 0;
}
