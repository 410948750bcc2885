/* SPDX-License-Identifier: Apache-2.0 */
#include "token/charsmap.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/base64.h"
#include "text/utf8.h"

struct fc_charsmap {
	uint32_t *unit; /* [n_unit] */
	size_t n_unit;
	char *text; /* [n_text], ends in NUL */
	size_t n_text;
};

static uint32_t u32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

int fc_charsmap_new(
    struct fc_charsmap **out, const char *blob, size_t n, const char *where, struct fc_err *e)
{
	*out = NULL;
	size_t size = n >= 4 ? u32(blob) : 0;
	if (!size || size % 4 || size > n - 4 || size == n - 4)
		return fc_fail(e,
		    "%s: precompiled_charsmap: %zu bytes do not hold an array and its texts", where,
		    n);
	const char *text = blob + 4 + size;
	size_t n_text = n - 4 - size;
	if (text[n_text - 1] || fc_utf8_check(text, n_text) < n_text)
		return fc_fail(
		    e, "%s: precompiled_charsmap: its texts are not UTF-8 that ends in NUL", where);
	struct fc_charsmap *c = FC_NEW(struct fc_charsmap);
	c->n_unit = size / 4;
	c->unit = FC_ARRAY(uint32_t, c->n_unit);
	for (size_t i = 0; i < c->n_unit; i++)
		c->unit[i] = u32(blob + 4 + 4 * i);
	c->text = fc_memdup0(text, n_text);
	c->n_text = n_text;
	*out = c;
	return 0;
}

int fc_charsmap_base64(
    struct fc_charsmap **out, const char *p, size_t n, const char *where, struct fc_err *e)
{
	struct fc_buf blob = FC_BUF_INIT;
	*out = NULL;
	const size_t at = fc_base64_decode(&blob, p, n);
	int rc = at < n
	    ? fc_fail(e, "%s: precompiled_charsmap: not base64 at character %zu", where, at)
	    : fc_charsmap_new(out, blob.p ? blob.p : "", blob.n, where, e);
	fc_buf_release(&blob);
	return rc;
}

void fc_charsmap_free(struct fc_charsmap *c)
{
	if (!c)
		return;
	free(c->unit);
	free(c->text);
	free(c);
}

/* The double array's units: label and leaf bit of a node, and where its children are. */
static uint32_t label(uint32_t unit)
{
	return unit & (1u << 31 | 0xff);
}

static uint32_t offset(uint32_t unit)
{
	return unit >> 10 << ((unit & 1u << 9) >> 6);
}

static bool value(const struct fc_charsmap *c, uint32_t at, const char **to, size_t *n_to)
{
	uint32_t v = at < c->n_unit ? c->unit[at] & ~(1u << 31) : UINT32_MAX;
	if (v >= c->n_text || ((unsigned char)c->text[v] & 0xc0) == 0x80)
		return false;
	*to = c->text + v;
	*n_to = strlen(*to);
	return true;
}

static size_t find_rule(const struct fc_charsmap *c, const char *p, size_t n, bool longest,
    const char **to, size_t *n_to)
{
	uint32_t at = offset(c->unit[0]);
	size_t best = 0;
	for (size_t i = 0; i < n && p[i]; i++) {
		at ^= (unsigned char)p[i];
		if (at >= c->n_unit || label(c->unit[at]) != (unsigned char)p[i])
			break;
		uint32_t unit = c->unit[at];
		at ^= offset(unit);
		if (unit & 1u << 8 && value(c, at, to, n_to)) {
			best = i + 1;
			if (!longest)
				break;
		}
	}
	return best;
}

size_t fc_charsmap_longest(
    const struct fc_charsmap *c, const char *p, size_t n, const char **to, size_t *n_to)
{
	return find_rule(c, p, n, true, to, n_to);
}

size_t fc_charsmap_shortest(
    const struct fc_charsmap *c, const char *p, size_t n, const char **to, size_t *n_to)
{
	return find_rule(c, p, n, false, to, n_to);
}
