/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of any kind.  After a byte 0 the file as it is; after another its records, which are put
 * into a frame here: few mutations would get past the checksum.
 */
#include "input.h"

#include <zstd.h>

#include "base/mem.h"
#include "stream/reader.h"

static const char *framed(const uint8_t *p, size_t n)
{
	size_t cap = ZSTD_compressBound(n);
	uint8_t *frame = fc_malloc(cap);
	ZSTD_CCtx *z = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, -5);
	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	size_t n_frame = ZSTD_compress2(z, frame, cap, p, n);
	if (ZSTD_isError(n_frame))
		abort();
	const char *path = input_file(frame, n_frame, 0);
	ZSTD_freeCCtx(z);
	free(frame);
	return path;
}

static void touch_example(const struct fc_reader *r, const struct fc_example *x)
{
	const struct fc_header *h = fc_reader_header(r);
	for (size_t i = 0; i < x->n_tok; i++)
		if (x->tok[i] >= h->n_vocab || x->end[i] > x->text.n)
			abort();
	for (size_t i = 0; i < x->n_row; i++)
		if (x->row_tok[i] >= x->n_tok || x->row_off[i + 1] - x->row_off[i] > h->top_k)
			abort();
	for (size_t i = 0; x->n_row && i < x->row_off[x->n_row]; i++)
		if (x->entry_id[i] >= fc_header_n_output(h))
			abort();
	if (x->n_row && h->n_source && x->source >= h->n_source)
		abort();
	input_touch(x->text.p, x->text.n);
	input_touch(x->seg, x->n_seg * sizeof *x->seg);
	input_touch(x->true_logprob, x->n_row * sizeof *x->true_logprob);
}

static void read_all(struct fc_reader *r)
{
	struct fc_err e;
	struct fc_example x;
	struct fc_tensor_part t;
	struct fc_map_part m;
	fc_example_init(&x);
	switch (fc_reader_header(r)->kind) {
	case FC_KIND_TOKENS:
	case FC_KIND_DISTS:
		while (fc_reader_example(r, &x, &e) == FC_READ_RECORD)
			touch_example(r, &x);
		break;
	case FC_KIND_TENSORS:
	case FC_KIND_UPDATE:
		while (fc_reader_tensor(r, &t, &e) == FC_READ_RECORD)
			input_touch(t.data, t.n);
		break;
	case FC_KIND_MAP:
		while (fc_reader_map(r, &m, &e) == FC_READ_RECORD)
			input_touch(m.entry, m.n * sizeof *m.entry);
		break;
	}
	fc_example_release(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fc_reader *r;
	struct fc_err e;
	if (n == 0)
		return 0;
	const char *path = p[0] ? framed(p + 1, n - 1) : input_file(p + 1, n - 1, 0);
	if (fc_reader_open(&r, path, 0, &e) < 0)
		return 0;
	read_all(r);
	fc_reader_close(r);
	return 0;
}
