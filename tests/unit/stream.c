/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "stream/reader.h"
#include "stream/writer.h"
#include "t.h"

/* Records written and read again are the same, up to the rounding of log-probabilities, which
 * fc_f32_to_f16 of another layer does independently. */

static char path[64];

static float rounded(float logprob)
{
	return -fc_f16_to_f32(fc_f32_to_f16(-logprob));
}

static int descending(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x < y) - (x > y);
}

static void add_random_row(
    struct fc_example *x, struct fc_rng *rng, uint32_t tok, size_t k, uint32_t n_vocab)
{
	uint32_t *id = FC_ARRAY(uint32_t, k);
	float *logprob = FC_ARRAY(float, k);
	uint32_t first = (uint32_t)fc_rng_below(rng, n_vocab);
	double mass = 1e-3;
	for (size_t i = 0; i < k; i++) {
		id[i] = (uint32_t)((first + i * 7919) % n_vocab);
		logprob[i] = (float)(-20 * fc_rng_unit(rng) * fc_rng_unit(rng));
		mass += exp(logprob[i]);
	}
	for (size_t i = 0; i < k; i++)
		logprob[i] = fminf(logprob[i] - (float)log(mass), 0);
	qsort(logprob, k, sizeof *logprob, descending);
	fc_example_add_row(x, tok, k, id, logprob, (float)(-9 * fc_rng_unit(rng)));
	free(id);
	free(logprob);
}

static void make_example(struct fc_example *x, struct fc_rng *rng, uint32_t n_vocab, size_t top_k,
    bool ragged, size_t n_tok)
{
	fc_example_clear(x);
	fc_buf_addf(&x->id, "conv-%u", (unsigned)fc_rng_below(rng, 1000000));
	if (fc_rng_below(rng, 2))
		fc_buf_adds(&x->meta, "{\"skill\":\"sum\"}");
	size_t n_text = n_tok * 3 + fc_rng_below(rng, 9);
	for (size_t i = 0; i < n_text; i++)
		fc_buf_addc(&x->text, (char)(i % 97 ? 'a' + (int)fc_rng_below(rng, 26) : 0));
	for (size_t at = 0; at < n_text;) {
		size_t left = n_text - at, n = 1 + fc_rng_below(rng, left);
		at += n;
		fc_example_add_segment(x, (uint32_t)at, (uint8_t)fc_rng_below(rng, 32));
	}
	uint32_t end = 0;
	size_t seg = 0;
	for (size_t t = 0; t < n_tok; t++) {
		while (seg + 1 < x->n_seg && x->seg[seg].end <= end)
			seg++;
		uint8_t flags = seg < x->n_seg ? x->seg[seg].flags : 0;
		end += (uint32_t)fc_rng_below(rng, 4);
		fc_example_add_token(x, (uint32_t)fc_rng_below(rng, n_vocab), end, flags);
	}
	for (uint32_t t = 1; top_k && t < n_tok; t += 1 + (uint32_t)fc_rng_below(rng, 3))
		add_random_row(x, rng, t, ragged ? fc_rng_below(rng, top_k + 1) : top_k, n_vocab);
	x->nll = 100 * fc_rng_unit(rng) * (x->n_row != 0);
	x->n_label = (uint32_t)x->n_row;
	x->label_bytes = 3 * x->n_label;
	x->source = (uint32_t)fc_rng_below(rng, 2);
	if (fc_rng_below(rng, 2)) /* field 1000 of a version to come */
		fc_buf_add(&x->unknown,
		    "\xc2\x3e\x03"
		    "abc",
		    6);
}

static bool same_bytes(const struct fc_buf *a, const struct fc_buf *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->p, b->p, a->n));
}

static bool same_array(const void *a, const void *b, size_t n, size_t size)
{
	return !n || !memcmp(a, b, n * size);
}

/* Is y what x becomes on the wire? */
static bool same_example(const struct fc_example *x, const struct fc_example *y)
{
	bool same = same_bytes(&x->id, &y->id) && same_bytes(&x->meta, &y->meta) &&
	    same_bytes(&x->text, &y->text) && same_bytes(&x->unknown, &y->unknown) &&
	    x->n_seg == y->n_seg && x->n_tok == y->n_tok && x->n_row == y->n_row &&
	    x->nll == y->nll && x->n_label == y->n_label && x->label_bytes == y->label_bytes &&
	    x->source == y->source;
	if (!same)
		return false;
	for (size_t i = 0; i < x->n_seg; i++)
		same = same && x->seg[i].end == y->seg[i].end && x->seg[i].flags == y->seg[i].flags;
	same = same && same_array(x->tok, y->tok, x->n_tok, 4) &&
	    same_array(x->end, y->end, x->n_tok, 4) &&
	    same_array(x->flags, y->flags, x->n_tok, 1) &&
	    same_array(x->row_tok, y->row_tok, x->n_row, 4) &&
	    (!x->n_row || same_array(x->row_off, y->row_off, x->n_row + 1, 4));
	for (size_t r = 0; same && r < x->n_row; r++)
		same = rounded(x->true_logprob[r]) == y->true_logprob[r];
	size_t n = x->n_row ? x->row_off[x->n_row] : 0;
	for (size_t i = 0; same && i < n; i++) /* ids of values that rounding made equal may move */
		same = rounded(x->entry_logprob[i]) == y->entry_logprob[i] &&
		    (x->entry_id[i] == y->entry_id[i] ||
			(i && y->entry_logprob[i] == y->entry_logprob[i - 1]) ||
			(i + 1 < n && y->entry_logprob[i] == y->entry_logprob[i + 1]));
	return same;
}

static void dist_header(struct fc_header *h, uint32_t n_vocab, uint32_t top_k)
{
	fc_header_init(h, top_k ? FC_KIND_DISTS : FC_KIND_TOKENS);
	h->tokenizer = 0x1122334455667788;
	h->model = 42;
	h->template_hash = UINT64_MAX;
	h->cut = FC_CUT_PROMPT;
	h->n_vocab = n_vocab;
	h->top_k = top_k;
	fc_header_add_source(h, "pivot", 42, 7);
	fc_header_add_source(h, "other", 43, 8);
	fc_header_add_program(h, "fc-infer", "1.0", "--top-k 10");
}

static bool same_header(const struct fc_header *a, const struct fc_header *b)
{
	bool same = a->kind == b->kind && a->tokenizer == b->tokenizer && a->model == b->model &&
	    a->template_hash == b->template_hash && a->cut == b->cut && a->n_vocab == b->n_vocab &&
	    fc_header_n_output(a) == fc_header_n_output(b) && a->top_k == b->top_k &&
	    a->n_sample == b->n_sample && a->sample_temperature == b->sample_temperature &&
	    a->source_tokenizer == b->source_tokenizer && a->source_n_vocab == b->source_n_vocab &&
	    a->n_source == b->n_source && a->n_history == b->n_history;
	for (size_t i = 0; same && i < a->n_source; i++)
		same = !strcmp(a->source[i].name, b->source[i].name) &&
		    a->source[i].model == b->source[i].model &&
		    a->source[i].tokenizer == b->source[i].tokenizer;
	for (size_t i = 0; same && i < a->n_history; i++)
		same = !strcmp(a->history[i].name, b->history[i].name) &&
		    !strcmp(a->history[i].version, b->history[i].version) &&
		    !strcmp(a->history[i].args, b->history[i].args);
	return same;
}

/* Writes n examples, reads them back; odd sizes on purpose. */
static void test_examples(
    uint32_t n_vocab, uint32_t n_output, uint32_t top_k, bool ragged, int n, const char *what)
{
	struct fc_err e = {""};
	struct fc_header h;
	struct fc_writer *w;
	struct fc_reader *r = NULL;
	struct fc_example *x = FC_ARRAY(struct fc_example, (size_t)n), y;
	struct fc_rng rng;
	fc_rng_seed(&rng, n_vocab + top_k);
	dist_header(&h, n_vocab, top_k);
	h.n_output = n_output;
	if (ragged) { /* shares of draws that were carried over */
		h.n_sample = FC_MAX_DRAWS;
		h.sample_temperature = 0.7;
	}
	bool good = fc_writer_open(&w, path, &h, &e) == 0;
	for (int i = 0; good && i < n; i++) {
		fc_example_init(&x[i]);
		make_example(&x[i], &rng, n_output, top_k, ragged, i ? fc_rng_below(&rng, 300) : 0);
		for (size_t t = 0; t < x[i].n_tok; t++)
			x[i].tok[t] %= n_vocab;
		good = fc_writer_example(w, &x[i], &e) == 0;
	}
	good = good && fc_writer_finish(w, &e) == 0 &&
	    fc_reader_open(&r, path, top_k ? FC_KIND_DISTS : FC_KIND_TOKENS, &e) == 0;
	T_OK(good, "%s: written (%s)", what, e.msg);
	T_OK(good && same_header(&h, fc_reader_header(r)), "%s: header comes back", what);
	fc_example_init(&y);
	int same = 0;
	for (int i = 0; i < n && fc_reader_example(r, &y, &e) == FC_READ_RECORD; i++)
		same += same_example(&x[i], &y);
	T_EQ(same, n, "examples that come back the same");
	T_OK(fc_reader_example(r, &y, &e) == FC_READ_END, "%s: then the end (%s)", what, e.msg);
	for (int i = 0; i < n; i++)
		fc_example_release(&x[i]);
	free(x);
	fc_example_release(&y);
	fc_header_release(&h);
	fc_reader_close(r);
}

static void test_tensors(void)
{
	static const struct {
		const char *name;
		enum fc_dtype dtype;
		int n_dim;
		int64_t dim[2];
	} shape[] = {{"model.w", FC_BF16, 2, {1031, 1033}}, {"scalar", FC_F32, 0, {0}},
	    {"none", FC_F64, 2, {0, 7}}, {"last", FC_U8, 1, {5}}};
	struct fc_err e = {""};
	struct fc_header h;
	struct fc_writer *w;
	struct fc_reader *r;
	struct fc_tensor_part part;
	char *data = fc_malloc(2 * 1031 * 1033);
	for (size_t i = 0; i < 2 * 1031 * 1033; i++)
		data[i] = (char)(i * i >> 7);
	fc_header_init(&h, FC_KIND_TENSORS);
	bool good = fc_writer_open(&w, path, &h, &e) == 0;
	for (size_t i = 0; good && i < FC_LEN(shape); i++) {
		struct fc_tensor t = {.name = shape[i].name,
		    .dtype = shape[i].dtype,
		    .n_dim = shape[i].n_dim,
		    .dim = {shape[i].dim[0], shape[i].dim[1]},
		    .data = data};
		size_t count;
		fc_tensor_count(&t, &count);
		t.n_bytes = count * fc_dtype_size(t.dtype);
		good = fc_writer_tensor(w, &t, &e) == 0;
	}
	good = good && fc_writer_finish(w, &e) == 0 &&
	    fc_reader_open(&r, path, FC_KIND_TENSORS, &e) == 0;
	T_OK(good, "tensors: written (%s)", e.msg);
	for (size_t i = 0; good && i < FC_LEN(shape); i++) {
		size_t done = 0;
		do {
			good = fc_reader_tensor(r, &part, &e) == FC_READ_RECORD &&
			    part.offset == done && !strcmp(part.whole.name, shape[i].name) &&
			    part.whole.dtype == shape[i].dtype &&
			    part.whole.n_dim == shape[i].n_dim &&
			    part.whole.dim[0] == shape[i].dim[0] &&
			    same_array(part.data, data + done, part.n, 1);
			done += part.n;
		} while (good && done < part.whole.n_bytes);
		T_OK(good, "tensors: %s comes back (%s)", shape[i].name, e.msg);
	}
	T_OK(fc_reader_tensor(r, &part, &e) == FC_READ_END, "tensors: then the end");
	fc_reader_close(r);
	fc_header_release(&h);
	free(data);
}

static void test_map(void)
{
	enum { N = 40000 };
	struct fc_err e = {""};
	struct fc_header h;
	struct fc_writer *w;
	struct fc_reader *r;
	struct fc_map_part m;
	struct fc_map_entry *entry = FC_ARRAY(struct fc_map_entry, N);
	struct fc_rng rng;
	fc_rng_seed(&rng, 3);
	fc_header_init(&h, FC_KIND_MAP);
	h.n_vocab = 32000;
	h.source_n_vocab = 151936;
	h.source_tokenizer = 99;
	for (int i = 0; i < N; i++)
		entry[i] = (struct fc_map_entry){(uint32_t)fc_rng_below(&rng, 151936),
		    (uint32_t)fc_rng_below(&rng, 32000),
		    i == 17 ? UINT64_MAX : fc_rng_below(&rng, 99),
		    (uint8_t)fc_rng_below(&rng, FC_N_MAP_RULE), fc_rng_below(&rng, 2)};
	bool good = fc_writer_open(&w, path, &h, &e) == 0 && fc_writer_map(w, entry, N, &e) == 0 &&
	    fc_writer_finish(w, &e) == 0 && fc_reader_open(&r, path, FC_KIND_MAP, &e) == 0;
	T_OK(good && same_header(&h, fc_reader_header(r)), "map: header comes back (%s)", e.msg);
	size_t n = 0;
	while (good && fc_reader_map(r, &m, &e) == FC_READ_RECORD && n + m.n <= N)
		for (size_t i = 0; i < m.n; i++, n++)
			good = good && m.entry[i].source == entry[n].source &&
			    m.entry[i].pivot == entry[n].pivot &&
			    m.entry[i].count == entry[n].count &&
			    m.entry[i].rule == entry[n].rule &&
			    m.entry[i].chosen == entry[n].chosen;
	T_OK(good && n == N, "map: %zu entries come back (%s)", n, e.msg);
	fc_reader_close(r);
	fc_header_release(&h);
	free(entry);
}

/* Streams for the tests in tests/cli: examples over V = 70,000 or, "plain", over 50,000 and without
 * tokenizer; tensors; a map. */
static void write_examples(struct fc_writer *w, const struct fc_header *h, bool *good)
{
	struct fc_err e;
	struct fc_example x;
	struct fc_rng rng;
	fc_rng_seed(&rng, 11);
	fc_example_init(&x);
	for (int i = 0; *good && i < 60; i++) {
		make_example(&x, &rng, h->n_vocab, h->top_k, i % 2,
		    i || !h->tokenizer ? fc_rng_below(&rng, 80) + 2 : 0);
		x.id.n = 0;
		fc_buf_addf(&x.id, "q%d", i);
		*good = fc_writer_example(w, &x, &e) == 0;
	}
	fc_example_release(&x);
}

static bool write_tensors(struct fc_writer *w)
{
	static float data[350000];
	struct fc_err e;
	for (size_t i = 0; i < FC_LEN(data); i++)
		data[i] = (float)(i % 1000);
	struct fc_tensor t[] = {
	    {.name = "model.w",
		.dtype = FC_BF16,
		.n_dim = 2,
		.dim = {700, 1000},
		.data = data,
		.n_bytes = sizeof data},
	    {.name = "scalar", .dtype = FC_F32, .data = data, .n_bytes = 4},
	};
	return fc_writer_tensor(w, &t[0], &e) == 0 && fc_writer_tensor(w, &t[1], &e) == 0;
}

static bool write_map(struct fc_writer *w)
{
	enum { N = 40000 };
	static struct fc_map_entry entry[N];
	struct fc_err e;
	for (uint32_t i = 0; i < N; i++)
		entry[i] = (struct fc_map_entry){i, i * 7 % 60000, i % 100 + 1, FC_MAP_COUNT, true};
	return fc_writer_map(w, entry, N, &e) == 0;
}

static int make_file(const char *to, const char *what)
{
	struct fc_err e;
	struct fc_header h;
	struct fc_writer *w;
	dist_header(&h, 70000, 7);
	if (!strcmp(what, "plain")) {
		h.n_vocab = 50000;
		h.tokenizer = 0;
	}
	h.source_n_vocab = 70000;
	h.kind = !strcmp(what, "tensors") ? FC_KIND_TENSORS
	    : !strcmp(what, "map")        ? FC_KIND_MAP
					  : FC_KIND_DISTS;
	bool good = fc_writer_open(&w, to, &h, &e) == 0;
	if (h.kind == FC_KIND_DISTS)
		write_examples(w, &h, &good);
	else
		good = good && (h.kind == FC_KIND_MAP ? write_map(w) : write_tensors(w));
	good = good && fc_writer_finish(w, &e) == 0;
	fc_header_release(&h);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return make_file(argv[1], argc > 2 ? argv[2] : "");
	snprintf(path, sizeof path, "/tmp/fc-stream-%ld.fcs", (long)getpid());
	test_examples(32000, 32000, 10, false, 40, "k = 10");
	test_examples(200, 200, 1, false, 7, "k = 1, ids of a byte");
	test_examples(151936, 151936, 64, true, 20, "ragged rows, ids of three bytes");
	test_examples(1 << 24, 1 << 24, 3, true, 5, "the largest vocabulary");
	test_examples(32000, 32000, 0, false, 9, "tokens");
	test_examples(200, 300, 10, false, 40, "outputs without a token, ids of two bytes");
	test_examples(32000, 32000, 10, false, 0, "no records");
	test_tensors();
	test_map();
	unlink(path);
	return t_done();
}
