/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of any kind.  After a byte 0 the file as it is; after another its records, which are put
 * into a frame here: few mutations would get past the checksum.
 */
#include "input.h"

#include <math.h>

#include <zstd.h>

#include "base/mem.h"
#include "stream/reader.h"
#include "stream/record.h"

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

/* What a tool may take for granted: fc-stream(5), Damage. */
static void check_numbers(const struct fc_header *h, const struct fc_example *x)
{
	if (!(x->nll >= 0) || isinf(x->nll) || x->label_bytes > x->text.n ||
	    (x->n_label == 0 && x->nll != 0))
		abort();
	for (size_t r = 0; r < x->n_row; r++) {
		double mass = 0;
		for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++) {
			mass += exp((double)x->entry_logprob[i]);
			for (size_t j = x->row_off[r]; j < i; j++)
				if (x->entry_id[j] == x->entry_id[i])
					abort();
		}
		if (mass > exp(0.0011 + log(h->top_k ? h->top_k : 1) / 2048))
			abort();
	}
}

/* What was read can be written. */
static void write_example(const struct fc_header *h, const struct fc_example *x)
{
	struct fc_packer packer = {0};
	struct fc_buf out = FC_BUF_INIT;
	struct fc_err e;
	if (fc_pack_example(&packer, &out, h, x, &e) < 0)
		abort();
	fc_packer_release(&packer);
	fc_buf_release(&out);
}

static void touch_example(const struct fc_reader *r, const struct fc_example *x)
{
	const struct fc_header *h = fc_reader_header(r);
	check_numbers(h, x);
	write_example(h, x);
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
	for (uint64_t skip = 0; skip < 2; skip++) {
		uint64_t skipped;
		if (fc_reader_open(&r, path, 0, &e) < 0)
			return 0;
		if (fc_reader_skip(r, skip, &skipped, &e) == 0)
			read_all(r);
		fc_reader_close(r);
	}
	return 0;
}
