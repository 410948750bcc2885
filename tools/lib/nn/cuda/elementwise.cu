/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/kernels.h"
#include "nn/cuda/weight.h"

/* Operations on elements alone, and on rows whose elements only change their place. */
enum { ELEMENT_BLOCK = fc_lanes(256) };

#define FOR_ELEMENTS(i, n) for (size_t i = lane_index(); i < (n); i += lane_count())

/* act(x) and its derivative.  Beyond +-20 gelu's factors are 0 and 1; that keeps cubes finite. */
__device__ static inline float act_of(enum fc_act act, float x, float *d)
{
	const float c = fmaxf(-20.0f, fminf(20.0f, x));
	if (act == FC_ACT_SILU) {
		const float e = expf(-x), s = 1 / (1 + e);
		const float rest = e > 1e30f ? 1 : e * s; /* 1 - s without cancellation */
		*d = fmaxf(-100.0f, x) * s * rest + s;    /* not infinity times zero */
		return x * s;
	}
	if (act == FC_ACT_GELU_TANH) {
		const float a = 0.79788456f, b = 0.044715f, u = c * c; /* a: sqrt(2/pi) */
		const float t = tanhf(a * c * (b * u + 1));
		*d = 0.5f * (1 + t) + 0.5f * c * (1 - t) * (1 + t) * a * (3 * b * u + 1);
		return x * (0.5f * (1 + t));
	}
	const float p = 0.5f * erfcf(-0.70710678f * c);
	*d = p + c * 0.39894228f * expf(-0.5f * c * c); /* 1/sqrt(2 pi) */
	return x * p;
}

__device__ static inline float glu_of(enum fc_act act, float gate, float up)
{
	float d;
	if (act != FC_ACT_CLAMPED)
		return act_of(act, gate, &d) * up;
	const float g = gate < 7 ? gate : 7, u = fmaxf(-7, fminf(7, up));
	return g / (1 + expf(-1.702f * g)) * (u + 1);
}

/* narrow: y as products read it, or NULL; the same below */
__global__ void glu_fwd_k(
    float *y, uint16_t *narrow, const float *gate, const float *up, enum fc_act act, size_t n)
{
	FOR_ELEMENTS(i, n)
	{
		const float v = glu_of(act, gate[i], up[i]);
		y[i] = v;
		if (narrow)
			narrow[i] = bf16_of_float(v);
	}
}

__global__ void glu_bwd_k(float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t n)
{
	FOR_ELEMENTS(i, n)
	{
		float d;
		const float a = dy[i] * act_of(act, gate[i], &d), b = dy[i] * up[i] * d;
		dgate[i] = b;
		dup[i] = a;
	}
}

__global__ void act_fwd_k(float *y, uint16_t *narrow, const float *x, enum fc_act act, size_t n)
{
	float d;
	FOR_ELEMENTS(i, n)
	{
		const float v = act_of(act, x[i], &d);
		y[i] = v;
		if (narrow)
			narrow[i] = bf16_of_float(v);
	}
}

__global__ void act_bwd_k(float *dx, const float *dy, const float *x, enum fc_act act, size_t n)
{
	FOR_ELEMENTS(i, n)
	{
		float d;
		act_of(act, x[i], &d);
		dx[i] = dy[i] * d;
	}
}

__global__ void clip_bwd_k(float *dx, const float *x, float limit, size_t n)
{
	FOR_ELEMENTS(i, n)
	if (x[i] >= limit || x[i] <= -limit)
		dx[i] = 0;
}

__global__ void clip_k(float *x, float limit, size_t n)
{
	FOR_ELEMENTS(i, n)
	x[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i];
}

__global__ void add_k(float *y, const float *x, size_t n)
{
	FOR_ELEMENTS(i, n)
	y[i] += x[i];
}

__global__ void scale_k(float *x, float factor, size_t n)
{
	FOR_ELEMENTS(i, n)
	x[i] *= factor;
}

__global__ void bias_fwd_k(float *y, const float *bias, size_t n, size_t O)
{
	FOR_ELEMENTS(i, n)
	y[i] += bias[i % O];
}

__global__ void gain_fwd_k(float *y, const float *x, const float *gain, size_t n, size_t C)
{
	FOR_ELEMENTS(i, n)
	y[i] = x[i] * gain[i % C];
}

/* part[n, g * width + j] and x[n, g * all + offset + j]; a row of x is groups * all wide. */
struct split_part {
	size_t groups, width, all, offset;
};

__device__ static inline size_t place_in_row(const struct split_part &c, size_t i)
{
	return i / c.width * c.all + c.offset + i % c.width;
}

__global__ void split_k(float *part, const float *x, struct split_part c, size_t n)
{
	FOR_ELEMENTS(i, n)
	part[i] = x[place_in_row(c, i)];
}

__global__ void concat_k(float *x, const float *part, struct split_part c, size_t n)
{
	FOR_ELEMENTS(i, n)
	x[place_in_row(c, i)] = part[i];
}

/* Copies travel as parameters, this many a launch. */
enum { COPIES_MOST = 128 };
struct copy_list {
	struct fc_copy copy[COPIES_MOST];
};

/* blockIdx.y: which of them */
__global__ void copies_k(const __grid_constant__ struct copy_list l)
{
	const struct fc_copy &c = l.copy[blockIdx.y];
	FOR_ELEMENTS(i, c.n)
	c.to[i] = c.from[i];
}

__global__ void gather_k(float *to, const float *from, const uint32_t *row, size_t n, size_t C)
{
	FOR_ELEMENTS(i, n * C)
	to[i] = from[row[i / C] * C + i % C];
}

__global__ void scatter_k(
    float *to, const float *from, const uint32_t *row, const float *scale, size_t n, size_t C)
{
	FOR_ELEMENTS(i, n * C)
	to[row[i / C] * C + i % C] += (scale ? scale[i / C] : 1) * from[i];
}

/* w -= step m / (sqrt(v) root_bias + eps) + decay w, with the moments m and v of grad_scale g */
__global__ void adamw_k(float *w, float *m, float *v, const float *g, size_t n, struct fc_adamw a)
{
	FOR_ELEMENTS(i, n)
	{
		const float x = g[i] * a.grad_scale;
		const float first = a.beta1 * m[i] + (1 - a.beta1) * x;
		const float second = a.beta2 * v[i] + (1 - a.beta2) * x * x;
		m[i] = first;
		v[i] = second;
		w[i] -= a.step * first / (sqrtf(second) * a.root_bias + a.eps) + a.decay * w[i];
	}
}

#define ELEMENTS(kernel, n, ...)                                                                   \
	KLAUNCH(fc_cuda_of(nn), kernel, fc_element_blocks(n, ELEMENT_BLOCK), ELEMENT_BLOCK, 0,     \
	    __VA_ARGS__)

void fc_cuda_glu_fwd(struct fc_nn *nn, float *y, const float *gate, const float *up,
    enum fc_act act, size_t N, size_t F)
{
	uint16_t *narrow = fc_cuda_rounded_begin(fc_cuda_of(nn), N, F);
	ELEMENTS(glu_fwd_k, N * F, y, narrow, gate, up, act, N * F);
	fc_cuda_rounded_end(fc_cuda_of(nn), narrow, y, N, F);
}

void fc_cuda_glu_bwd(struct fc_nn *nn, float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t N, size_t F)
{
	ELEMENTS(glu_bwd_k, N * F, dgate, dup, dy, gate, up, act, N * F);
}

void fc_cuda_act_fwd(
    struct fc_nn *nn, float *y, const float *x, enum fc_act act, size_t N, size_t F)
{
	uint16_t *narrow = fc_cuda_rounded_begin(fc_cuda_of(nn), N, F);
	ELEMENTS(act_fwd_k, N * F, y, narrow, x, act, N * F);
	fc_cuda_rounded_end(fc_cuda_of(nn), narrow, y, N, F);
}

void fc_cuda_act_bwd(struct fc_nn *nn, float *dx, const float *dy, const float *x, enum fc_act act,
    size_t N, size_t F)
{
	ELEMENTS(act_bwd_k, N * F, dx, dy, x, act, N * F);
}

void fc_cuda_clip_bwd(struct fc_nn *nn, float *dx, const float *x, float limit, size_t n)
{
	ELEMENTS(clip_bwd_k, n, dx, x, limit, n);
}

void fc_cuda_clip(struct fc_nn *nn, float *x, float limit, size_t n)
{
	ELEMENTS(clip_k, n, x, limit, n);
}

void fc_cuda_add(struct fc_nn *nn, float *y, const float *x, size_t n)
{
	ELEMENTS(add_k, n, y, x, n);
}

void fc_cuda_gain_fwd(
    struct fc_nn *nn, float *y, const float *x, const float *gain, size_t N, size_t C)
{
	ELEMENTS(gain_fwd_k, N * C, y, x, gain, N * C, C);
}

void fc_cuda_scale(struct fc_nn *nn, float *x, float factor, size_t n)
{
	ELEMENTS(scale_k, n, x, factor, n);
}

void fc_cuda_bias_fwd(struct fc_nn *nn, float *y, const float *bias, size_t N, size_t O)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const struct fc_cuda_rounded rows = cu->rounded;
	ELEMENTS(bias_fwd_k, N * O, y, bias, N * O, O);
	cu->rounded = rows; /* of what other products may still read */
	fc_cuda_written(cu, y, N * O);
}

static struct split_part part_of(const struct fc_split *c, size_t p)
{
	struct split_part s = {c->groups, c->width[p], 0, 0};
	for (size_t i = 0; i < c->n_part; i++) {
		s.offset += i < p ? c->width[i] : 0;
		s.all += c->width[i];
	}
	return s;
}

void fc_cuda_split(
    struct fc_nn *nn, float *const part[], const float *x, const struct fc_split *c, size_t N)
{
	for (size_t p = 0; p < c->n_part; p++) {
		const size_t n = N * c->groups * c->width[p];
		ELEMENTS(split_k, n, part[p], x, part_of(c, p), n);
	}
}

void fc_cuda_concat(
    struct fc_nn *nn, float *x, const float *const part[], const struct fc_split *c, size_t N)
{
	for (size_t p = 0; p < c->n_part; p++) {
		const size_t n = N * c->groups * c->width[p];
		ELEMENTS(concat_k, n, x, part[p], part_of(c, p), n);
	}
}

void fc_cuda_copies(struct fc_nn *nn, const struct fc_copy *c, size_t n)
{
	for (size_t first = 0; first < n; first += COPIES_MOST) {
		const size_t here = fc_cuda_min(n - first, COPIES_MOST);
		struct copy_list l = {};
		size_t most = 0;
		for (size_t i = 0; i < here; i++) {
			l.copy[i] = c[first + i];
			most = l.copy[i].n > most ? l.copy[i].n : most;
		}
		KLAUNCH(fc_cuda_of(nn), copies_k,
		    dim3(fc_element_blocks(most, ELEMENT_BLOCK), (unsigned)here), ELEMENT_BLOCK, 0,
		    l);
	}
}

void fc_cuda_gather_rows(
    struct fc_nn *nn, float *to, const float *from, const uint32_t *row, size_t n, size_t C)
{
	const void *rows = fc_cuda_list(fc_cuda_of(nn), FC_CUDA_LISTS, row, n, sizeof *row);
	ELEMENTS(gather_k, n * C, to, from, static_cast<const uint32_t *>(rows), n, C);
}

void fc_cuda_scatter_rows(struct fc_nn *nn, float *to, const float *from, const uint32_t *row,
    const float *scale, size_t n, size_t C)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	uint32_t *rows =
	    static_cast<uint32_t *>(fc_cuda_scratch(cu, FC_CUDA_LISTS, 2 * n, sizeof *rows));
	if (!rows)
		return;
	float *scales = scale ? reinterpret_cast<float *>(rows + n) : NULL;
	fc_cuda_put(nn, rows, row, n * sizeof *rows);
	if (scale)
		fc_cuda_put(nn, scales, scale, n * sizeof *scales);
	ELEMENTS(scatter_k, n * C, to, from, rows, scales, n, C);
}

void fc_cuda_adamw(struct fc_nn *nn, float *w, float *m, float *v, const float *g, size_t n,
    const struct fc_adamw *a)
{
	ELEMENTS(adamw_k, n, w, m, v, g, n, *a);
}
