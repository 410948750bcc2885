/* SPDX-License-Identifier: Apache-2.0 */
/* Headers as all writers write them, read without building a tree of JSON values: a fifth of the
 * time where there are 200,000 tensors. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/safetensors_header.h"
#include "text/jsonscan.h"

struct scan {
	struct fc_jsonscan s;
	struct fc_buf b; /* of strings with escapes */
};

static bool is_word(const char *p, size_t n, const char *word)
{
	return n == strlen(word) && !memcmp(p, word, n);
}

/* [I, I, ...]: their number, at most max; -1: anything else. */
static int scan_integers(struct fc_jsonscan *s, int64_t *v, int max)
{
	int n = 0;
	if (!fc_jsonscan_char(s, '['))
		return -1;
	if (fc_jsonscan_char(s, ']'))
		return 0;
	do
		if (n == max || !fc_jsonscan_integer(s, &v[n]) || v[n++] < 0)
			return -1;
	while (fc_jsonscan_char(s, ','));
	return fc_jsonscan_char(s, ']') ? n : -1;
}

static bool scan_dtype(struct scan *c, struct fc_safetensors_entry *x)
{
	const char *p;
	size_t n;
	char name[16];
	if (!fc_jsonscan_string(&c->s, &c->b, &p, &n) || n >= sizeof name || memchr(p, 0, n))
		return false;
	memcpy(name, p, n);
	name[n] = 0;
	return fc_dtype_parse(name, &x->t.dtype);
}

/* The three members, each once, and no other. */
static bool scan_entry(struct scan *c, struct fc_safetensors_entry *x)
{
	const char *key;
	size_t n;
	int64_t offset[2];
	unsigned seen = 0, bit;
	if (!fc_jsonscan_char(&c->s, '{'))
		return false;
	do {
		if (!fc_jsonscan_string(&c->s, &c->b, &key, &n) || !fc_jsonscan_char(&c->s, ':'))
			return false;
		if (is_word(key, n, "dtype")) {
			bit = 1;
			if (!scan_dtype(c, x))
				return false;
		} else if (is_word(key, n, "shape")) {
			bit = 2;
			x->t.n_dim = scan_integers(&c->s, x->t.dim, FC_MAX_DIM);
			if (x->t.n_dim < 0)
				return false;
		} else if (is_word(key, n, "data_offsets")) {
			bit = 4;
			if (scan_integers(&c->s, offset, 2) != 2)
				return false;
			x->begin = (uint64_t)offset[0];
			x->end = (uint64_t)offset[1];
		} else {
			return false;
		}
		if (seen & bit)
			return false;
		seen |= bit;
	} while (fc_jsonscan_char(&c->s, ','));
	return seen == 7 && fc_jsonscan_char(&c->s, '}');
}

/* The metadata, which are small, are checked as any JSON. */
static bool scan_metadata(struct scan *c, const char *path)
{
	struct fc_err ignored;
	size_t from = c->s.i;
	if (!fc_jsonscan_skip(&c->s))
		return false;
	json_t *v = fc_json_text(c->s.p + from, c->s.i - from, path, &ignored);
	bool good = v && fc_safetensors_metadata(v, path, &ignored) == 0;
	json_decref(v);
	return good;
}

static bool scan_all(struct scan *c, struct fc_safetensors_header *h, const char *path)
{
	const char *name;
	size_t n;
	bool has_metadata = false;
	if (!fc_jsonscan_char(&c->s, '{'))
		return false;
	do {
		if (!fc_jsonscan_string(&c->s, &c->b, &name, &n) || memchr(name, 0, n))
			return false;
		if (is_word(name, n, "__metadata__")) {
			if (has_metadata || !fc_jsonscan_char(&c->s, ':') ||
			    !scan_metadata(c, path))
				return false;
			has_metadata = true;
			continue;
		}
		struct fc_safetensors_entry *x = fc_safetensors_header_add(h, name, n);
		if (!fc_jsonscan_char(&c->s, ':') || !scan_entry(c, x))
			return false;
	} while (fc_jsonscan_char(&c->s, ','));
	return fc_jsonscan_char(&c->s, '}') && !fc_jsonscan_char(&c->s, 0) && c->s.i == c->s.n;
}

bool fc_safetensors_scan(
    struct fc_safetensors_header *h, const char *text, size_t n, const char *path)
{
	struct scan c = {{text, n, 0}, FC_BUF_INIT};
	bool good = scan_all(&c, h, path);
	fc_buf_release(&c.b);
	if (!good)
		fc_safetensors_header_release(h);
	return good;
}
