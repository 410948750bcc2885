/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/source/layername.h"

#include <string.h>

#include "base/mem.h"

#define MAX_DIGITS 6

int varm_layername_find(const char *name, size_t *at, size_t *n)
{
	for (const char *p = name; p; p = strchr(p, '.')) {
		p += *p == '.';
		size_t digits = strspn(p, "0123456789");
		if (!digits || digits > MAX_DIGITS || p[digits] != '.')
			continue;
		*at = (size_t)(p - name);
		*n = digits;
		int layer = 0;
		for (size_t i = 0; i < digits; i++)
			layer = layer * 10 + (p[i] - '0');
		return layer;
	}
	return -1;
}

void varm_layername_set(struct fc_buf *out, const char *name, int layer)
{
	size_t at, n;
	fc_buf_clear(out);
	if (varm_layername_find(name, &at, &n) < 0) {
		fc_buf_adds(out, name);
		return;
	}
	fc_buf_add(out, name, at);
	fc_buf_addf(out, "%d", layer);
	fc_buf_adds(out, name + at + n);
}

static bool contains_any(const char *name, const char *const *part, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(name, part[i]))
			return true;
	return false;
}

bool varm_layername_is_embedding(const char *name)
{
	static const char *const parts[] = {"embed_tokens", "embed_in", "embed_positions",
	    "word_embeddings", "tok_embeddings", "wte.", "wpe."};
	return contains_any(name, parts, FC_LEN(parts));
}

bool varm_layername_is_vocabulary(const char *name)
{
	static const char *const parts[] = {
	    "embed_tokens", "embed_in", "word_embeddings", "tok_embeddings", "wte."};
	return contains_any(name, parts, FC_LEN(parts)) || varm_layername_is_head(name);
}

bool varm_layername_is_head(const char *name)
{
	static const char *const parts[] = {"lm_head.", "embed_out."};
	return contains_any(name, parts, FC_LEN(parts)) || !strcmp(name, "output.weight");
}
