/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "store/store.h"

/* Bytes hashed at either end of a tensor: a few ms for a model of 7 billion weights, and no
 * training step leaves the ends of every tensor as they were. */
#define SAMPLE_BYTES ((size_t)4096)

static void add_number(struct fc_hasher *h, uint64_t v)
{
	unsigned char le[8];
	for (int i = 0; i < 8; i++)
		le[i] = (unsigned char)(v >> 8 * i);
	fc_hasher_add(h, le, sizeof le);
}

static void add_text(struct fc_hasher *h, const char *s)
{
	add_number(h, strlen(s));
	fc_hasher_add(h, s, strlen(s));
}

uint64_t fc_store_fingerprint(const struct fc_store *s)
{
	struct fc_hasher *h = fc_hasher_new();
	for (size_t i = 0; i < fc_store_count(s); i++) {
		const struct fc_tensor *t = fc_store_at(s, i);
		add_text(h, t->name);
		add_text(h, fc_dtype_name(t->dtype));
		add_number(h, (uint64_t)t->n_dim);
		for (int d = 0; d < t->n_dim; d++)
			add_number(h, (uint64_t)t->dim[d]);
		size_t n = t->n_bytes < SAMPLE_BYTES ? t->n_bytes : SAMPLE_BYTES;
		fc_hasher_add(h, t->data, n);
		fc_hasher_add(h, (const char *)t->data + t->n_bytes - n, n);
	}
	uint64_t v = fc_hasher_value(h);
	fc_hasher_free(h);
	return v;
}
