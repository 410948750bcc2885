/* SPDX-License-Identifier: Apache-2.0 */
#include <cublasLt.h>
#include <map>
#include <stdio.h>
#include <tuple>

#include "nn/cuda/blas.h"
#include "nn/cuda/kernels.h"

/*
 * How a product is computed is chosen once for a class of shapes, and by the shape alone: the first
 * of what the library proposes for the class's largest M that does not split K and needs no more
 * than the workspace there is.  The library's proposals are the same in every run on one model of
 * GPU, so that the same product has the same bits.
 *
 * Where rows are to be alike, it is the first that needs no workspace, if there is one: the library
 * has kernels that deal some tiles of the result, and not all, to several blocks (stream-K), whose
 * parts of sums lie there; a row's bits would depend on where it stands.
 *
 * The library's matrices are stored by columns: a row-major c = a b is c^T = b^T a^T there.
 */
enum { WORKSPACE_BYTES = 32 << 20, CLASS_ROWS = 256, PROPOSALS = 16 };

const char *const fc_cuda_blas_name = "cuBLASLt";

/* form, M, N, K, lda, ldb, ldc, accumulate, least alignment of pointers (bytes), are rows alike? */
typedef std::tuple<int, size_t, size_t, size_t, size_t, size_t, size_t, bool, unsigned, bool> shape;

struct fc_cuda_blas {
	cublasLtHandle_t lt;
	std::map<shape, std::pair<bool, cublasLtMatmulAlgo_t>> ways; /* false: there is none */
};

/* What describes one product to the library. */
struct description {
	cublasLtMatmulDesc_t op;
	cublasLtMatrixLayout_t a, b, c; /* the library's: a is our b */
};

enum fc_compute fc_cuda_blas_best(const struct fc_cuda *)
{
	return FC_COMPUTE_BF16;
}

static bool good(struct fc_cuda *cu, const char *what, cublasStatus_t status)
{
	if (status != CUBLAS_STATUS_SUCCESS)
		fc_cuda_fail(cu, "device %s: cuBLASLt: %s: %s", cu->name, what,
		    cublasLtGetStatusString(status));
	return !cu->failed;
}

int fc_cuda_blas_open(struct fc_cuda *cu, struct fc_err *e)
{
	cu->blas = new struct fc_cuda_blas();
	if (!good(cu, "start", cublasLtCreate(&cu->blas->lt)))
		return fc_fail(e, "%s", cu->err.msg);
	return 0;
}

void fc_cuda_blas_close(struct fc_cuda *cu)
{
	if (!cu->blas)
		return;
	if (cu->blas->lt)
		cublasLtDestroy(cu->blas->lt);
	delete cu->blas;
}

static void description_release(struct description *d)
{
	if (d->op)
		cublasLtMatmulDescDestroy(d->op);
	for (cublasLtMatrixLayout_t l : {d->a, d->b, d->c})
		if (l)
			cublasLtMatrixLayoutDestroy(l);
}

/* rows and cols: of the row-major matrix as it is stored */
static bool layout(struct fc_cuda *cu, cublasLtMatrixLayout_t *l, cudaDataType_t t, size_t rows,
    size_t cols, size_t ld)
{
	return good(cu, "layout", cublasLtMatrixLayoutCreate(l, t, cols, rows, (int64_t)ld));
}

static bool describe_product(
    struct fc_cuda *cu, struct description *d, const struct fc_cuda_product *p)
{
	const bool bf16 = cu->nn.compute == FC_COMPUTE_BF16;
	const bool at = p->form == FC_CUDA_TN, bt = p->form == FC_CUDA_NT;
	const cudaDataType_t t = bf16 ? CUDA_R_16BF : CUDA_R_32F;
	const cublasComputeType_t c = bf16 ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_32F_PEDANTIC;
	const cublasOperation_t op_a = bt ? CUBLAS_OP_T : CUBLAS_OP_N;
	const cublasOperation_t op_b = at ? CUBLAS_OP_T : CUBLAS_OP_N;
	return good(cu, "product", cublasLtMatmulDescCreate(&d->op, c, CUDA_R_32F)) &&
	    good(cu, "form",
		cublasLtMatmulDescSetAttribute(
		    d->op, CUBLASLT_MATMUL_DESC_TRANSA, &op_a, sizeof op_a)) &&
	    good(cu, "form",
		cublasLtMatmulDescSetAttribute(
		    d->op, CUBLASLT_MATMUL_DESC_TRANSB, &op_b, sizeof op_b)) &&
	    layout(cu, &d->a, t, bt ? p->N : p->K, bt ? p->K : p->N, p->ldb) &&
	    layout(cu, &d->b, t, at ? p->K : p->M, at ? p->M : p->K, p->lda) &&
	    layout(cu, &d->c, CUDA_R_32F, p->M, p->N, p->ldc);
}

/* The alignment that a pointer has, at most 16. */
static unsigned alignment(const void *p)
{
	const uintptr_t at = (uintptr_t)p;
	return at % 16 == 0 ? 16 : (unsigned)(at & -at);
}

/* The first that does not split K and needs no more workspace than that. */
static bool take_first(cublasLtMatmulAlgo_t *algo, const cublasLtMatmulHeuristicResult_t *found,
    int n, size_t workspace)
{
	for (int i = 0; i < n; i++) {
		int32_t split = 1;
		cublasLtMatmulAlgoConfigGetAttribute(
		    &found[i].algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &split, sizeof split, NULL);
		if (found[i].state != CUBLAS_STATUS_SUCCESS || split > 1 ||
		    found[i].workspaceSize > workspace)
			continue;
		*algo = found[i].algo;
		return true;
	}
	return false;
}

static bool propose(
    struct fc_cuda *cu, cublasLtMatmulAlgo_t *algo, const struct description *d, unsigned align)
{
	const size_t workspace = WORKSPACE_BYTES;
	const uint32_t whole = CUBLASLT_REDUCTION_SCHEME_NONE, most = align;
	cublasLtMatmulPreference_t pref = NULL;
	cublasLtMatmulHeuristicResult_t found[PROPOSALS];
	int n = 0;
	bool ok = good(cu, "preferences", cublasLtMatmulPreferenceCreate(&pref));
	struct {
		cublasLtMatmulPreferenceAttributes_t name;
		const void *value;
		size_t n_bytes;
	} set[] = {{CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace},
	    {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &whole, sizeof whole},
	    {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &most, sizeof most},
	    {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &most, sizeof most},
	    {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &most, sizeof most},
	    {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &most, sizeof most}};
	for (const auto &s : set)
		ok = ok &&
		    good(cu, "preference",
			cublasLtMatmulPreferenceSetAttribute(pref, s.name, s.value, s.n_bytes));
	const cublasStatus_t status = ok ? cublasLtMatmulAlgoGetHeuristic(cu->blas->lt, d->op, d->a,
					       d->b, d->c, d->c, pref, PROPOSALS, found, &n)
					 : CUBLAS_STATUS_NOT_SUPPORTED;
	if (ok && status != CUBLAS_STATUS_NOT_SUPPORTED) /* which is an answer */
		ok = good(cu, "choice of a product", status);
	if (pref)
		cublasLtMatmulPreferenceDestroy(pref);
	return ok &&
	    ((cu->nn.alike && take_first(algo, found, n, 0)) ||
		take_first(algo, found, n, workspace));
}

/* Is a way proposed for a class's largest shape one of the shape itself? */
static bool serves(
    struct fc_cuda *cu, const cublasLtMatmulAlgo_t *algo, const struct description *d)
{
	cublasLtMatmulHeuristicResult_t r;
	return cublasLtMatmulAlgoCheck(cu->blas->lt, d->op, d->a, d->b, d->c, d->c, algo, &r) ==
	    CUBLAS_STATUS_SUCCESS &&
	    r.workspaceSize <= WORKSPACE_BYTES;
}

/* The way proposed for p itself, remembered; NULL: there is none. */
static const cublasLtMatmulAlgo_t *way_of(
    struct fc_cuda *cu, const struct fc_cuda_product *p, unsigned align)
{
	const shape key(
	    p->form, p->M, p->N, p->K, p->lda, p->ldb, p->ldc, p->accumulate, align, cu->nn.alike);
	const auto it = cu->blas->ways.find(key);
	if (it != cu->blas->ways.end())
		return it->second.first ? &it->second.second : NULL;
	std::pair<bool, cublasLtMatmulAlgo_t> &way = cu->blas->ways[key];
	struct description d = {};
	way.first = describe_product(cu, &d, p) && propose(cu, &way.second, &d, align);
	description_release(&d);
	return way.first ? &way.second : NULL;
}

/* The way to compute p, which d describes: its class's where that serves; NULL after an error. */
static const cublasLtMatmulAlgo_t *choose(struct fc_cuda *cu, const struct fc_cuda_product *p,
    const struct description *d, unsigned align)
{
	struct fc_cuda_product largest = *p;
	if (p->form != FC_CUDA_TN) /* there K is the number of tokens */
		largest.M = fc_cuda_ceil(p->M, CLASS_ROWS) * CLASS_ROWS;
	else
		largest.K = fc_cuda_ceil(p->K, CLASS_ROWS) * CLASS_ROWS;
	const cublasLtMatmulAlgo_t *algo = way_of(cu, &largest, align);
	if (!algo || !serves(cu, algo, d))
		algo = way_of(cu, p, align);
	if (!algo)
		fc_cuda_fail(cu, "device %s: cuBLASLt has no product of %zu x %zu x %zu", cu->name,
		    p->M, p->N, p->K);
	return algo;
}

void fc_cuda_product(
    struct fc_cuda *cu, const struct fc_cuda_product *p, const void *a, const void *b, float *c)
{
	const float one = 1, beta = p->accumulate ? 1 : 0;
	struct description d = {};
	fc_cuda_written(cu, c, p->M * p->ldc);
	if (cu->failed || p->M == 0 || p->N == 0)
		return;
	void *workspace = fc_cuda_scratch(cu, FC_CUDA_WORKSPACE, WORKSPACE_BYTES, 1);
	if (!workspace || cu->nn.idle)
		return;
	if (describe_product(cu, &d, p)) {
		const unsigned align =
		    (unsigned)fc_cuda_min(alignment(a), fc_cuda_min(alignment(b), alignment(c)));
		const cublasLtMatmulAlgo_t *algo = choose(cu, p, &d, align);
		if (algo)
			good(cu, "product",
			    cublasLtMatmul(cu->blas->lt, d.op, &one, b, d.a, a, d.b, &beta, c, d.c,
				c, d.c, algo, workspace, WORKSPACE_BYTES, cu->stream));
	}
	description_release(&d);
}
