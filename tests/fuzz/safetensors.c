/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A .safetensors file: 4 bytes (little-endian) that say how many zeros come after the rest, so that
 * a small input can be a whole model.
 */
#include "input.h"

#include "store/store.h"

#define ZERO_MAX (2u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fc_store *s;
	struct fc_err e;
	if (n < 4)
		return 0;
	uint32_t n_zero = p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
	if (fc_store_open(&s, input_file(p + 4, n - 4, n_zero % ZERO_MAX), &e) < 0)
		return 0;
	for (size_t i = 0; i < fc_store_count(s); i++) {
		const struct fc_tensor *t = fc_store_at(s, i);
		input_touch(t->data, t->n_bytes);
		if (!fc_store_find(s, t->name))
			abort();
	}
	fc_store_fingerprint(s);
	fc_store_close(s);
	return 0;
}
