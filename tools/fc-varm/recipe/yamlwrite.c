/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/recipe/yamlwrite.h"

#include <string.h>

#include "text/utf8.h"

/* YAML wants a sign before a key of more than 1024 characters, of which escapes make six each. */
#define LONG_KEY 128

struct writer {
	struct fc_buf *b;
	const char *(*text)(const struct yaml *node, void *ctx);
	void *ctx;
};

/* Text that YAML reads as itself wherever it stands. */
static bool is_bare(const char *s)
{
	static const char first[] = "-.?:,[]{}#&*!|>'\"%@` ";
	if (!*s || strchr(first, *s) || s[strlen(s) - 1] == ' ')
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~' ||
		    strchr(",[]{}#:\"'\\", *s))
			return false;
	return true;
}

void varm_yaml_write_quoted(struct fc_buf *b, const char *s)
{
	size_t n = strlen(s);
	fc_buf_addc(b, '"');
	for (size_t i = 0, len; i < n; i += len) {
		uint32_t c;
		len = fc_utf8_get(s + i, n - i, &c);
		if (!len) { /* a path's; the parser lets only UTF-8 pass */
			fc_buf_adds(b, "\xef\xbf\xbd"); /* U+FFFD */
			len = 1;
		} else if (c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0xfeff || c == 0xfffe ||
		    c == 0xffff || c == 0x2028 || c == 0x2029)
			fc_buf_addf(b, "\\u%04x", (unsigned)c);
		else if (c == '"' || c == '\\')
			fc_buf_addf(b, "\\%c", (char)c);
		else
			fc_buf_add(b, s + i, len);
	}
	fc_buf_addc(b, '"');
}

/* What looks like a number, or nearly; a sign alone begins a list. */
static bool is_number(const char *s)
{
	const char *p = s + (*s == '-' || *s == '+');
	return strspn(p, "+-.0123456789eE") == strlen(p) && strpbrk(p, "0123456789") &&
	    strchr("0123456789.", *p);
}

/* A text in quotes is one that must not be taken for a number or a truth. */
static void write_text(struct writer *w, const struct yaml *v)
{
	const char *given = w->text ? w->text(v, w->ctx) : NULL, *s = given ? given : v->text;
	bool number = is_number(s);
	if (v->plain && (is_bare(s) || number || !*s))
		fc_buf_adds(w->b, *s ? s : "null");
	else
		varm_yaml_write_quoted(w->b, s);
}

static bool is_flat(const struct yaml *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->item[i]->kind != YAML_TEXT)
			return false;
	return true;
}

static void write_node(struct writer *w, const struct yaml *v, int indent);

static void new_line(struct writer *w, int indent)
{
	fc_buf_addf(w->b, "\n%*s", indent, "");
}

static void write_list(struct writer *w, const struct yaml *v, int indent)
{
	if (is_flat(v)) {
		fc_buf_addc(w->b, '[');
		for (size_t i = 0; i < v->n; i++) {
			fc_buf_adds(w->b, i ? ", " : "");
			write_text(w, v->item[i]);
		}
		fc_buf_addc(w->b, ']');
		return;
	}
	for (size_t i = 0; i < v->n; i++) {
		if (i)
			new_line(w, indent);
		fc_buf_adds(w->b, "- ");
		write_node(w, v->item[i], indent + 2);
	}
}

static bool is_block(const struct yaml *v)
{
	return v->n && v->kind != YAML_TEXT && !(v->kind == YAML_LIST && is_flat(v));
}

static void write_map(struct writer *w, const struct yaml *v, int indent)
{
	if (!v->n)
		fc_buf_adds(w->b, "{}");
	for (size_t i = 0; i < v->n; i++) {
		if (i)
			new_line(w, indent);
		bool is_long = strlen(v->key[i]->text) > LONG_KEY;
		fc_buf_adds(w->b, is_long ? "? " : "");
		write_text(w, v->key[i]);
		if (is_long)
			new_line(w, indent);
		fc_buf_addc(w->b, ':');
		if (is_block(v->item[i]))
			new_line(w, indent + 2);
		else
			fc_buf_addc(w->b, ' ');
		write_node(w, v->item[i], indent + 2);
	}
}

static void write_node(struct writer *w, const struct yaml *v, int indent)
{
	if (v->kind == YAML_TEXT)
		write_text(w, v);
	else if (v->kind == YAML_LIST)
		write_list(w, v, indent);
	else
		write_map(w, v, indent);
}

void varm_yaml_write(struct fc_buf *b, const struct yaml *v,
    const char *(*text)(const struct yaml *node, void *ctx), void *ctx)
{
	struct writer w = {b, text, ctx};
	write_node(&w, v, 0);
	fc_buf_addc(b, '\n');
}
