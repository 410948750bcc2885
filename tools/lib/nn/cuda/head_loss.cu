/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/head_taught.h"

#include <vector>

/* Loss and gradient of the output layer: a row's logits become their gradient in place, as floats;
 * what a teacher lists and the label are written as floats, too, so that a product that takes
 * bfloat16 rounds them once. */

struct loss_row {
	double sft, kd, nll;
	uint64_t n_correct;
};

struct loss_args {
	float *z;
	size_t ld;
	uint32_t V;
	float softcap;
	const uint32_t *target;
	const float *sft_weight, *kd_weight;
	const uint32_t
	    *row_off; /* of entries, the first of which is number base; NULL: no teacher */
	const uint32_t *id;
	const float *logprob;
	uint32_t base;
	struct fc_objective objective;
	double *memory; /* stride of a row; NULL: shared memory is enough */
	size_t stride;
	struct loss_row *loss;
	bool backward;
};

/* Derivative of the cap where its result is z. */
__device__ static inline double cap_slope(float softcap, float z)
{
	const double part = softcap > 0 ? (double)z / (double)softcap : 0;
	return (1 - part) * (1 + part);
}

/* z becomes dL/dlogits, 0 in the padding.  Has SYNC(41) to SYNC(43). */
__device__ static inline void gradient(const struct loss_args &a, float *z, uint32_t target,
    double sft, double kd, const struct head_taught &t, const struct head_norm &norm,
    const struct head_slope &slope)
{
	const double at_target = sft != 0 ? sft * cap_slope(a.softcap, z[target]) : 0;
	const float shift = t.n ? slope.shift : norm.max;
	double weight = t.n ? kd * slope.factor : 0;
	if (shift == norm.max) /* another shift leaves p nothing but at the entries */
		weight += sft / norm.sum;
	const float w = (float)weight, cap = a.softcap;
	SYNC(41);
	head_each(z, (uint32_t)a.ld, [=, &a](uint32_t v, float x) {
		float g = v < a.V ? w * expf(x - shift) : 0;
		if (cap > 0 && v < a.V)
			g *= (1 - x / cap) * (1 + x / cap);
		return g;
	});
	SYNC(42);
	if (threadIdx.x == 0 && sft != 0)
		z[target] -= (float)at_target;
	SYNC(43);
	for (uint32_t k = threadIdx.x; k < t.n; k += blockDim.x) {
		const double p = exp(t.log_p[k]), label = t.id[k] == target ? sft : 0;
		z[t.id[k]] = (float)(cap_slope(cap, t.z[k]) *
		    (sft * p - label + kd * (t.slope[k] - p * slope.sum)));
	}
}

__global__ void __launch_bounds__(HEAD_LANES_MOST, 1)
    head_loss_k(const __grid_constant__ struct loss_args a)
{
	DYN_SHARED(double, memory);
	SHARED(double, reduce, FC_WARP);
	const size_t row = blockIdx.x;
	float *z = a.z + row * a.ld;
	const uint32_t target = a.target[row];
	const double sft = (double)a.sft_weight[row];
	const struct head_norm norm = head_norm_of(z, a.V, reduce, 1);
	const uint32_t best = head_best_of(norm, reduce, 5);
	struct head_taught t = {};
	struct head_slope slope = {0, 0, 0, 0};
	if (a.row_off && a.row_off[row + 1] > a.row_off[row]) {
		t.n = a.row_off[row + 1] - a.row_off[row];
		t.id = a.id + (a.row_off[row] - a.base);
		t.logprob = a.logprob + (a.row_off[row] - a.base);
		head_taught_place(&t, a.memory ? a.memory + row * a.stride : memory);
		slope = head_taught_loss(t, a.objective, z, a.V, norm, reduce, 7);
	}
	const double kd = t.n ? (double)a.kd_weight[row] : 0;
	if (threadIdx.x == 0) {
		struct loss_row l = {0, kd * slope.loss, 0, 0};
		if (sft != 0) {
			l.nll = -head_logprob(norm, z[target]);
			l.sft = sft * l.nll;
			l.n_correct = best == target;
		}
		a.loss[row] = l;
	}
	if (a.backward)
		gradient(a, z, target, sft, kd, t, norm, slope);
}

/* ---- the host's side ---- */

/* Host arrays one after the other in one of the device. */
struct lists {
	struct fc_nn *nn;
	char *at;
};

template <class T>
static const T *list_put(struct lists *l, const T *host, size_t n)
{
	T *to = reinterpret_cast<T *>(l->at);
	fc_cuda_put(l->nn, to, host, n * sizeof *host);
	l->at += n * sizeof *host;
	return to;
}

/* The arguments that are the same for every tile. */
static struct loss_args lists_of(struct fc_cuda *cu, const struct fc_head *h,
    const uint32_t *target, const float *sft_weight, const float *kd_weight,
    const struct fc_teacher *t, size_t N)
{
	struct loss_args a = {};
	const size_t n_entry = t ? t->row_off[N] - t->row_off[0] : 0;
	struct lists l = {&cu->nn,
	    static_cast<char *>(
		fc_cuda_scratch(cu, FC_CUDA_LISTS, 4 * N + 1 + 2 * n_entry, sizeof(uint32_t)))};
	a.ld = h->w.n_out;
	a.V = (uint32_t)h->n_vocab;
	a.softcap = h->softcap;
	if (cu->failed)
		return a;
	a.target = list_put(&l, target, N);
	a.sft_weight = list_put(&l, sft_weight, N);
	if (!t)
		return a;
	a.kd_weight = list_put(&l, kd_weight, N);
	a.row_off = list_put(&l, t->row_off, N + 1);
	a.base = t->row_off[0];
	a.id = list_put(&l, t->id + a.base, n_entry);
	a.logprob = list_put(&l, t->logprob + a.base, n_entry);
	a.objective = t->objective;
	return a;
}

/* Bytes for the categories of the longest row. */
static size_t taught_bytes(const struct fc_teacher *t, size_t N)
{
	size_t most = 0;
	for (size_t n = 0; t && n < N; n++)
		if (t->row_off[n + 1] - t->row_off[n] > most)
			most = t->row_off[n + 1] - t->row_off[n];
	return most ? head_taught_bytes(most) : 0;
}

/* The sums over rows, in order. */
static void add_losses(
    struct fc_cuda *cu, const struct loss_row *on_device, size_t N, struct fc_loss *loss)
{
	std::vector<struct loss_row> rows(N);
	fc_cuda_get(&cu->nn, rows.data(), on_device, N * sizeof *on_device);
	for (size_t n = 0; n < N && !cu->failed; n++) {
		loss->sft += rows[n].sft;
		loss->kd += rows[n].kd;
		loss->nll += rows[n].nll;
		loss->n_correct += rows[n].n_correct;
	}
}

void fc_cuda_head_loss(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, const float *sft_weight, const float *kd_weight,
    const struct fc_teacher *teacher, size_t N, float *dx, float *dw, struct fc_loss *loss)
{
	enum { SHARED_BYTES = 40 * 1024 };
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t C = h->w.n_in, ld = h->w.n_out, tile = head_tile_rows(nn, h, N);
	const size_t bytes = taught_bytes(teacher, N), shared = bytes <= SHARED_BYTES ? bytes : 0;
	struct loss_args a = lists_of(cu, h, target, sft_weight, kd_weight, teacher, N);
	a.z = static_cast<float *>(fc_cuda_scratch(cu, FC_CUDA_LOGITS, tile * ld, sizeof *a.z));
	struct loss_row *rows =
	    static_cast<struct loss_row *>(fc_cuda_scratch(cu, FC_CUDA_HEAD, N, sizeof *rows));
	if (bytes > shared)
		a.memory = static_cast<double *>(fc_cuda_scratch(cu, FC_CUDA_HEAD2, tile, bytes));
	a.stride = bytes / sizeof *a.memory;
	a.backward = dx || dw;
	a.loss = rows;
	for (size_t n0 = 0; n0 < N && !cu->failed; n0 += tile) {
		const size_t n = fc_cuda_min(tile, N - n0);
		head_tile(nn, h, x + n0 * C, n, a.z);
		KLAUNCH(
		    cu, head_loss_k, dim3((unsigned)n), dim3(head_lanes(h->n_vocab)), shared, a);
		if (dx)
			fc_cuda_linear_bwd_x(nn, dx + n0 * C, a.z, &h->w, n, false);
		if (dw)
			fc_cuda_linear_bwd_w(nn, dw, a.z, x + n0 * C, n, ld, C);
		a.target += n;
		a.sft_weight += n;
		a.loss += n;
		if (teacher) {
			a.kd_weight += n;
			a.row_off += n;
		}
	}
	if (!cu->failed)
		add_losses(cu, rows, N, loss);
}
