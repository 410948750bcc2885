/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/bf16.h"

#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/par.h"

/* A model of 7 kinds of matrices, forward and backward, in about 10 classes of batch sizes. */
enum { MAX_PRODUCT = 256 };

struct product {
	struct fc_bf16_shape shape;
	int n_threads; /* a primitive serves the number of threads it was made for */
	uint64_t used; /* time of the last use, in calls */
	dnnl_primitive_t primitive;
	dnnl_memory_desc_t desc[3]; /* a, b, c */
	dnnl_memory_t memory[4];    /* a, b, c, scratch */
	size_t scratch_bytes;
};

struct fc_bf16 {
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	struct product product[MAX_PRODUCT];
	size_t n_product;
	uint64_t n_call;
	void *scratch;
	size_t scratch_bytes;
};

/*
 * Of products by the instructions that the library may use, against OpenBLAS in float32: with AMX
 * 2.7 to 7 times as fast.  AVX512-BF16 alone: twice on AMD's Zen 4, half on Intel's server cores,
 * where the instruction has half the rate.  Without it the library imitates it, at a fifth.
 */
static bool is_fast(void)
{
#if defined(__x86_64__)
	const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
	if (isa == dnnl_cpu_isa_avx512_core_amx)
		return true;
	return isa == dnnl_cpu_isa_avx512_core_bf16 && __builtin_cpu_is("amd");
#else
	return false;
#endif
}

static void product_release(struct product *p)
{
	for (size_t i = 0; i < FC_LEN(p->memory); i++)
		dnnl_memory_destroy(p->memory[i]);
	dnnl_primitive_destroy(p->primitive);
	memset(p, 0, sizeof *p);
}

void fc_bf16_close(struct fc_bf16 *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n_product; i++)
		product_release(&b->product[i]);
	dnnl_stream_destroy(b->stream);
	dnnl_engine_destroy(b->engine);
	free(b->scratch);
	free(b);
}

static void must_succeed(dnnl_status_t status, const struct fc_bf16_shape *s)
{
	if (status != dnnl_success)
		fc_die(
		    "oneDNN: product of %zu x %zu x %zu: status %d", s->M, s->N, s->K, (int)status);
}

/* A matrix that is stored as its transpose has its strides exchanged. */
static void describe_matrix(dnnl_memory_desc_t *d, size_t rows, size_t cols, size_t ld,
    bool transposed, dnnl_data_type_t t, const struct fc_bf16_shape *s)
{
	const dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)cols};
	const dnnl_dims_t strides = {
	    transposed ? 1 : (dnnl_dim_t)ld, transposed ? (dnnl_dim_t)ld : 1};
	must_succeed(dnnl_memory_desc_init_by_strides(d, 2, dims, t, strides), s);
}

static dnnl_primitive_attr_t attributes(const struct fc_bf16_shape *s)
{
	dnnl_primitive_attr_t attr;
	must_succeed(dnnl_primitive_attr_create(&attr), s);
	must_succeed(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user), s);
	if (s->accumulate) {
		dnnl_post_ops_t ops;
		must_succeed(dnnl_post_ops_create(&ops), s);
		must_succeed(dnnl_post_ops_append_sum(ops, 1), s);
		must_succeed(dnnl_primitive_attr_set_post_ops(attr, ops), s);
		dnnl_post_ops_destroy(ops);
	}
	return attr;
}

/* How the library computes a shape, with the descriptions of its matrices. */
static dnnl_status_t find_product(dnnl_primitive_desc_t *pd, dnnl_memory_desc_t d[static 3],
    dnnl_engine_t engine, const struct fc_bf16_shape *s)
{
	dnnl_matmul_desc_t desc;
	describe_matrix(&d[0], s->M, s->K, s->lda, s->form == FC_TN, dnnl_bf16, s);
	describe_matrix(&d[1], s->K, s->N, s->ldb, s->form == FC_NT, dnnl_bf16, s);
	describe_matrix(&d[2], s->M, s->N, s->ldc, false, dnnl_f32, s);
	must_succeed(dnnl_matmul_desc_init(&desc, &d[0], &d[1], NULL, &d[2]), s);
	dnnl_primitive_attr_t attr = attributes(s);
	const dnnl_status_t status = dnnl_primitive_desc_create(pd, &desc, attr, engine, NULL);
	dnnl_primitive_attr_destroy(attr);
	return status;
}

/* Every form has an implementation that is not the library's reference, which is for comparison. */
static bool library_has_products(dnnl_engine_t engine)
{
	for (int i = 0; i < 6; i++) {
		const struct fc_bf16_shape s = {
		    (enum fc_sgemm)(i / 2), 64, 64, 64, 64, 64, 64, i % 2};
		dnnl_memory_desc_t d[3];
		dnnl_primitive_desc_t pd;
		const char *name = "";
		const dnnl_status_t status = find_product(&pd, d, engine, &s);
		if (status == dnnl_unimplemented)
			return false;
		must_succeed(status, &s);
		must_succeed(dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name), &s);
		const bool reference = !strncmp(name, "ref", 3);
		dnnl_primitive_desc_destroy(pd);
		if (reference)
			return false;
	}
	return true;
}

int fc_bf16_open(struct fc_bf16 **out, struct fc_err *e)
{
	struct fc_bf16 *b = FC_NEW(struct fc_bf16);
	*out = NULL;
	if (dnnl_engine_create(&b->engine, dnnl_cpu, 0) != dnnl_success ||
	    dnnl_stream_create(&b->stream, b->engine, dnnl_stream_default_flags) != dnnl_success) {
		fc_bf16_close(b);
		return fc_fail(e, "oneDNN does not start");
	}
	if (is_fast() && library_has_products(b->engine))
		*out = b;
	else
		fc_bf16_close(b);
	return 0;
}

static void product_make(struct product *p, dnnl_engine_t engine, const struct fc_bf16_shape *s)
{
	dnnl_primitive_desc_t pd;
	p->shape = *s;
	p->n_threads = fc_par_threads();
	must_succeed(find_product(&pd, p->desc, engine, s), s);
	must_succeed(dnnl_primitive_create(&p->primitive, pd), s);
	const dnnl_memory_desc_t *scratch =
	    dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
	p->scratch_bytes = dnnl_memory_desc_get_size(scratch);
	for (int i = 0; i < 3; i++)
		must_succeed(
		    dnnl_memory_create(&p->memory[i], &p->desc[i], engine, DNNL_MEMORY_NONE), s);
	must_succeed(dnnl_memory_create(&p->memory[3], scratch, engine, DNNL_MEMORY_NONE), s);
	dnnl_primitive_desc_destroy(pd);
}

static bool same_shape(const struct fc_bf16_shape *a, const struct fc_bf16_shape *b)
{
	return a->form == b->form && a->M == b->M && a->N == b->N && a->K == b->K &&
	    a->lda == b->lda && a->ldb == b->ldb && a->ldc == b->ldc &&
	    a->accumulate == b->accumulate;
}

/* The product of a shape; the one unused for longest makes room. */
static struct product *product_for(struct fc_bf16 *b, const struct fc_bf16_shape *s)
{
	struct product *oldest = &b->product[0];
	const int n_threads = fc_par_threads();
	for (size_t i = 0; i < b->n_product; i++) {
		struct product *p = &b->product[i];
		if (p->n_threads == n_threads && same_shape(&p->shape, s))
			return p;
		oldest = p->used < oldest->used ? p : oldest;
	}
	struct product *p = b->n_product < MAX_PRODUCT ? &b->product[b->n_product++] : oldest;
	product_release(p);
	product_make(p, b->engine, s);
	return p;
}

void fc_bf16_product(struct fc_bf16 *b, const struct fc_bf16_shape *s, const uint16_t *a,
    const uint16_t *w, float *c)
{
	struct product *p = product_for(b, s);
	p->used = ++b->n_call;
	if (b->scratch_bytes < p->scratch_bytes) {
		free(b->scratch);
		b->scratch = fc_malloc_aligned(p->scratch_bytes, 1);
		b->scratch_bytes = p->scratch_bytes;
	}
	void *data[4] = {(void *)(uintptr_t)a, (void *)(uintptr_t)w, c, b->scratch};
	for (int i = 0; i < 4; i++)
		must_succeed(dnnl_memory_set_data_handle(p->memory[i], data[i]), s);
	const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p->memory[0]},
	    {DNNL_ARG_WEIGHTS, p->memory[1]}, {DNNL_ARG_DST, p->memory[2]},
	    {DNNL_ARG_SCRATCHPAD, p->memory[3]}};
	must_succeed(dnnl_primitive_execute(p->primitive, b->stream, (int)FC_LEN(args), args), s);
	must_succeed(dnnl_stream_wait(b->stream), s);
}
