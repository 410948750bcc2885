/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GGUF file: 4 bytes (little-endian) that say how many zeros come after the rest, so that a small
 * input can be a whole model.  What opens is read as the model it says it is.
 */
#include "input.h"

#include <string.h>

#include "model/config.h"
#include "store/gguf.h"
#include "store/store.h"

#define ZERO_MAX (2u << 20)
#define ELEMENTS_MAX ((size_t)1 << 16)

static void read_metadata(const char *path)
{
	struct fc_gguf *g;
	struct fc_err e;
	if (fc_gguf_open(&g, path, &e) < 0)
		return;
	for (size_t i = 0; i < fc_gguf_n_key(g); i++) {
		const struct fc_gguf_str s = fc_gguf_key(g, i);
		char *key = strndup(s.p, s.n);
		struct fc_gguf_array a;
		struct fc_gguf_str item;
		int64_t v;
		double d;
		if (!fc_gguf_has(g, key))
			abort();
		if (fc_gguf_string(g, key, &item, &e) == 0)
			input_touch(item.p, item.n);
		if (fc_gguf_array(g, key, &a, &e) == 0)
			while (fc_gguf_next_str(&a, &item) || fc_gguf_next_int(&a, &v) ||
			    fc_gguf_next_real(&a, &d))
				;
		fc_gguf_int(g, key, 0, &v, &e);
		fc_gguf_real(g, key, 0, &d, &e);
		free(key);
	}
	fc_gguf_close(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fc_store *s;
	struct fc_config c;
	struct fc_err e;
	if (n < 4)
		return 0;
	const uint32_t n_zero = p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
	const char *path = input_file(p + 4, n - 4, n_zero % ZERO_MAX);
	read_metadata(path);
	if (fc_config_load(&c, path, &e) == 0)
		fc_config_release(&c);
	if (fc_store_open(&s, path, &e) < 0)
		return 0;
	for (size_t i = 0; i < fc_store_count(s); i++) {
		const struct fc_tensor *t = fc_store_at(s, i);
		size_t count;
		input_touch(t->data, t->n_bytes);
		if (!fc_tensor_count(t, &count) || !fc_dtype_is_real(t->dtype) ||
		    count > ELEMENTS_MAX)
			continue;
		float *f = malloc((count + 1) * sizeof *f);
		fc_tensor_to_f32(t, 0, count, f);
		free(f);
	}
	fc_store_fingerprint(s);
	fc_store_close(s);
	return 0;
}
