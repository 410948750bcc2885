/* SPDX-License-Identifier: Apache-2.0 */
#include "text/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "text/utf8.h"

/* Copies JSON text, making reals of the integers that 64 bits cannot hold (model_max_length is
 * often 10^30). */
static void copy_long_integers_as_reals(struct fc_buf *to, const char *p, size_t n)
{
	bool in_string = false;
	for (size_t i = 0; i < n; i++) {
		size_t digits = 0;
		while (!in_string && i + digits < n && p[i + digits] >= '0' && p[i + digits] <= '9')
			digits++;
		if (digits) {
			char next = i + digits < n ? p[i + digits] : 0;
			fc_buf_add(to, p + i, digits);
			if (digits > 18 && next != '.' && next != 'e' && next != 'E')
				fc_buf_adds(to, "e0");
			i += digits - 1;
			continue;
		}
		if (p[i] == '"')
			in_string = !in_string;
		fc_buf_addc(to, p[i]);
		if (in_string && p[i] == '\\' && i + 1 < n)
			fc_buf_addc(to, p[++i]);
	}
}

/* The program that reads what a compressed file begins with; NULL: it is not compressed. */
static const char *compressor(const char *p, size_t n)
{
	static const struct {
		const char *magic, *program;
	} known[] = {{"\x28\xb5\x2f\xfd", "zstd"}, {"\x1f\x8b", "gzip"}, {"\xfd\x37zXZ", "xz"},
	    {"BZh", "bzip2"}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t len = strlen(known[i].magic);
		if (n >= len && !memcmp(p, known[i].magic, len))
			return known[i].program;
	}
	return NULL;
}

/* A line of JSONL that begins what goes on in the next lines: how jq makes it one line; or NULL. */
static const char *one_line(const char *p, size_t n, const json_error_t *why)
{
	while (n && strchr(" \t\r", p[n - 1]) && p[n - 1])
		n--;
	while (n && (*p == ' ' || *p == '\t'))
		p++, n--;
	if (!n || !strstr(why->text, "near end of file"))
		return NULL;
	return *p == '[' ? "'.[]'" : n == 1 && *p == '{' ? "." : NULL;
}

/* A line of JSONL has its number in its name already. */
static void fail_syntax(
    const char *p, size_t n, const char *name, bool line, const json_error_t *why, struct fc_err *e)
{
	static const char stream[] = "P*M\x18\x0c"; /* the frame that begins every stream */
	const char *program = compressor(p, n), *filter = line ? NULL : one_line(p, n, why);
	if (n >= sizeof stream - 1 && !memcmp(p, stream, sizeof stream - 1))
		fc_fail(e, "%s: JSON expected, this is a stream; fc-view shows it", name);
	else if (program)
		fc_fail(e, "%s: compressed; use %s -dc FILE | ...", name, program);
	else if (filter)
		fc_fail(e,
		    "%s: JSON over several lines, where every line is an object; use jq -c %s FILE "
		    "| ...",
		    name, filter);
	else if (line || why->line > 1)
		fc_fail(e, "%s: line %d, column %d: %s", name, why->line, why->column, why->text);
	else
		fc_fail(e, "%s: column %d: %s", name, why->column, why->text);
}

static json_t *parse_json(const char *p, size_t n, const char *name, bool line, struct fc_err *e)
{
	json_error_t why;
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY;
	json_t *v = json_loadb(p ? p : "", n, flags, &why);
	if (!v && json_error_code(&why) == json_error_numeric_overflow) {
		struct fc_buf b = FC_BUF_INIT;
		copy_long_integers_as_reals(&b, p, n);
		v = json_loadb(b.p, b.n, flags, &why);
		fc_buf_release(&b);
	}
	if (!v)
		fail_syntax(p, n, name, line, &why, e);
	return v;
}

json_t *fc_json_text(const char *p, size_t n, const char *name, struct fc_err *e)
{
	return parse_json(p, n, name, false, e);
}

static size_t ceiling_of(const char *path)
{
	return fc_ends_with(path, "config.json") ? FC_JSON_CONFIG_MAX : FC_JSON_FILE_MAX;
}

json_t *fc_json_file(const char *path, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	json_t *v = NULL;
	if (fc_file_read(path, ceiling_of(path), &b, e) == 0)
		v = parse_json(b.p, b.n, path, true, e);
	fc_buf_release(&b);
	return v;
}

static json_t *get_member(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);
	return json_is_null(v) ? NULL : v;
}

int fc_json_int(const json_t *o, const char *key, int64_t def, int64_t *out, const char *where,
    struct fc_err *e)
{
	json_t *v = get_member(o, key);
	if (v && !json_is_integer(v))
		return fc_fail(e, "%s: %s: expected an integer", where, key);
	*out = v ? json_integer_value(v) : def;
	return 0;
}

int fc_json_real(
    const json_t *o, const char *key, double def, double *out, const char *where, struct fc_err *e)
{
	json_t *v = get_member(o, key);
	if (v && !json_is_number(v))
		return fc_fail(e, "%s: %s: expected a number", where, key);
	*out = v ? json_number_value(v) : def;
	return 0;
}

int fc_json_bool(
    const json_t *o, const char *key, bool def, bool *out, const char *where, struct fc_err *e)
{
	json_t *v = get_member(o, key);
	if (v && !json_is_boolean(v))
		return fc_fail(e, "%s: %s: expected true or false", where, key);
	*out = v ? json_is_true(v) : def;
	return 0;
}

int fc_json_str(const json_t *o, const char *key, const char *def, const char **out,
    const char *where, struct fc_err *e)
{
	json_t *v = get_member(o, key);
	if (v && !json_is_string(v))
		return fc_fail(e, "%s: %s: expected a string", where, key);
	*out = v ? json_string_value(v) : def;
	return 0;
}

void fc_json_quote(struct fc_buf *b, const char *p, size_t n)
{
	fc_buf_addc(b, '"');
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)p[i];
		if (c == '"' || c == '\\') {
			fc_buf_addc(b, '\\');
			fc_buf_addc(b, (char)c);
			i++;
		} else if (c == '\n') {
			fc_buf_adds(b, "\\n");
			i++;
		} else if (c < 0x20 || c == 0x7f) {
			fc_buf_addf(b, "\\u%04x", c);
			i++;
		} else {
			size_t len = fc_utf8_valid(p + i, n - i);
			if (len)
				fc_buf_add(b, p + i, len);
			else
				fc_buf_adds(b, "\xef\xbf\xbd");
			i += len ? len : 1;
		}
	}
	fc_buf_addc(b, '"');
}

static int dump_to_buf(const char *p, size_t n, void *b /* struct fc_buf */)
{
	fc_buf_add(b, p, n);
	return 0;
}

static int digits_of(double x)
{
	char text[40];
	int digits = 15;
	do
		snprintf(text, sizeof text, "%.*g", digits, x);
	while (strtod(text, NULL) != x && digits++ < 17);
	return digits;
}

int fc_json_digits(const json_t *v)
{
	json_t *member;
	const char *key;
	size_t i;
	int most = 15;
	if (json_is_real(v))
		return digits_of(json_real_value(v));
	/* jansson's loops take no const object, and change none */
	json_object_foreach((json_t *)(uintptr_t)v, key, member)
	{
		const int digits = fc_json_digits(member);
		most = digits > most ? digits : most;
	}
	json_array_foreach(v, i, member)
	{
		const int digits = fc_json_digits(member);
		most = digits > most ? digits : most;
	}
	return most;
}

void fc_json_dump(struct fc_buf *b, const json_t *v)
{
	json_dump_callback(v, dump_to_buf, b,
	    JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION((size_t)fc_json_digits(v)));
}
