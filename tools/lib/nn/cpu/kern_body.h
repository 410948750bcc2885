/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of kern.h in terms of kern_vector_body.h; included by each kern_*.c, so without a
 * guard.
 */
#include "base/ahead.h"
#include "nn/cpu/kern_math_body.h"
#include "nn/cpu/kern_matrix_body.h"
#include "nn/cpu/kern_packed_body.h"

static float kern_max(const float *x, size_t n)
{
	vf m0 = vset(-INFINITY), m1 = m0;
	size_t i = 0;
	for (; i + 2 * VL <= n; i += 2 * VL) {
		m0 = vmax(vload(x + i), m0);
		m1 = vmax(vload(x + i + VL), m1);
	}
	for (; i < n; i += VL)
		m0 = vmax(n - i < VL ? vload_part(x + i, n - i, -INFINITY) : vload(x + i), m0);
	m0 = vmax(m0, m1);
	return vmax_of(m0);
}

static float kern_group_max(const float *x, size_t n, float *group)
{
	enum { PER_GROUP = FC_KERN_LANES / VL };
	vf all = vset(-INFINITY), m[PER_GROUP];
	for (size_t i = 0; i < n; group += FC_KERN_LANES) {
		const size_t end = n - i < FC_KERN_BLOCK ? n : i + FC_KERN_BLOCK;
		for (int l = 0; l < PER_GROUP; l++)
			m[l] = vset(-INFINITY);
		for (; i + FC_KERN_LANES <= end; i += FC_KERN_LANES)
			for (int l = 0; l < PER_GROUP; l++)
				m[l] = vmax(vload(x + i + l * VL), m[l]);
		for (int l = 0; i < end; i = end - i < VL ? end : i + VL, l++)
			m[l] = vmax(
			    end - i < VL ? vload_part(x + i, end - i, -INFINITY) : vload(x + i),
			    m[l]);
		for (int l = 0; l < PER_GROUP; l++) {
			vstore(group + l * VL, m[l]);
			all = vmax(m[l], all);
		}
	}
	return vmax_of(all);
}

/* float sums of at most SUM_BLOCK terms are added up as doubles */
enum { SUM_BLOCK = 1024 };

static double kern_exp_sum(const float *x, float shift, size_t n)
{
	double total = 0;
	for (size_t i = 0; i < n;) {
		const size_t end = n - i < SUM_BLOCK ? n : i + SUM_BLOCK;
		vf sum = vset(0);
		for (; i + VL <= end; i += VL)
			sum += vexp(vload(x + i) - vset(shift));
		if (i < end)
			sum += vexp(vload_part(x + i, end - i, -INFINITY) - vset(shift));
		i = end;
		total += (double)vsum(sum);
	}
	return total;
}

static double kern_exp_scaled(float *y, const float *x, float a, float shift, float w, size_t n)
{
	double total = 0;
	for (size_t i = 0; i < n;) {
		const size_t end = n - i < SUM_BLOCK ? n : i + SUM_BLOCK;
		vf sum = vset(0);
		for (; i + VL <= end; i += VL) {
			const vf e = vset(w) * vexp(vfma(vload(x + i), vset(a), vset(-shift)));
			vstore(y + i, e);
			sum += e;
		}
		if (i < end) {
			const vf part = vfma(vload_part(x + i, end - i, 0), vset(a), vset(-shift));
			const vf e = vset(w) * vexp(part);
			vstore_part(y + i, e, end - i);
			sum += vload_part(y + i, end - i, 0);
		}
		i = end;
		total += (double)vsum(sum);
	}
	return total;
}

static void kern_cap(float *y, const float *x, float a, float cap, size_t n)
{
	const vf in = vset(a / cap), out = vset(cap);
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		vstore(y + i, out * vtanh(vload(x + i) * in));
	if (i < n)
		vstore_part(y + i, out * vtanh(vload_part(x + i, n - i, 0) * in), n - i);
}

static void kern_cap_bwd(float *y, const float *c, float cap, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] *= (1 - c[i] / cap) * (1 + c[i] / cap);
}

static void kern_score_bwd(float *ds, const float *p, float delta, float scale, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ds[i] = scale * p[i] * (ds[i] - delta);
}

static void kern_ramp(float *y, float scale, float slope, float first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = scale * y[i] + slope * (first + (float)(uint32_t)i);
}

static double kern_sum(const float *x, float shift, size_t n)
{
	double total = 0;
	for (size_t i = 0; i < n;) {
		const size_t end = n - i < SUM_BLOCK ? n : i + SUM_BLOCK;
		vf sum = vset(0);
		for (; i + VL <= end; i += VL)
			sum += vload(x + i) - vset(shift);
		if (i < end)
			sum += vload_part(x + i, end - i, shift) - vset(shift);
		i = end;
		total += (double)vsum(sum);
	}
	return total;
}

static double kern_sum_squares(const float *x, size_t n)
{
	double total = 0;
	for (size_t i = 0; i < n;) {
		const size_t end = n - i < SUM_BLOCK ? n : i + SUM_BLOCK;
		vf sum = vset(0);
		for (; i + VL <= end; i += VL)
			sum = vfma(vload(x + i), vload(x + i), sum);
		if (i < end) {
			const vf v = vload_part(x + i, end - i, 0);
			sum = vfma(v, v, sum);
		}
		i = end;
		total += (double)vsum(sum);
	}
	return total;
}

static double kern_dot3(const float *a, const float *b, float one, const float *c, size_t n)
{
	double total = 0;
	for (size_t i = 0; i < n;) {
		const size_t end = n - i < SUM_BLOCK ? n : i + SUM_BLOCK;
		vf sum = vset(0);
		for (; i + VL <= end; i += VL)
			sum = vfma(vload(a + i) * (vload(b + i) + vset(one)), vload(c + i), sum);
		if (i < end)
			sum = vfma(vload_part(a + i, end - i, 0) *
				(vload_part(b + i, end - i, 0) + vset(one)),
			    vload_part(c + i, end - i, 0), sum);
		i = end;
		total += (double)vsum(sum);
	}
	return total;
}

static void kern_axpy(float *y, const float *x, float a, size_t n)
{
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		vstore(y + i, vfma(vset(a), vload(x + i), vload(y + i)));
	for (; i < n; i++)
		y[i] += a * x[i];
}

INLINE void widen_from(float *y, const char *x, enum fc_dtype t, size_t n)
{
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		vstore(y + i, load_weights(x + i * 2, t));
	if (i < n)
		vstore_part(y + i, load_weights_part(x + i * 2, t, n - i), n - i);
}

static void kern_widen(float *y, const void *x, enum fc_dtype t, size_t n)
{
	if (t == FC_BF16)
		widen_from(y, x, FC_BF16, n);
	else if (t == FC_F16)
		widen_from(y, x, FC_F16, n);
	else
		fc_to_f32(y, x, t, n);
}

/* Bits of floats whose upper halves are the nearest bfloat16, ties to even; a NaN stays one. */
INLINE vu bf16_bits(vu u)
{
	const vu nan = (vu)((u & 0x7fffffff) > 0x7f800000);
	return (nan & (u | 0x400000)) | (~nan & (u + 0x7fff + ((u >> 16) & 1)));
}

static void kern_to_bf16(uint16_t *y, const float *x, size_t n)
{
	size_t i = 0;
	for (; i + VL <= n; i += VL) {
		const vh h = __builtin_convertvector(bf16_bits((vu)vload(x + i)) >> 16, vh);
		memcpy(y + i, &h, sizeof h);
	}
	for (; i < n; i++)
		y[i] = fc_f32_to_bf16(x[i]);
}

static void kern_round_bf16(float *y, const float *x, size_t n)
{
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		vstore(y + i, (vf)(bf16_bits((vu)vload(x + i)) & 0xffff0000));
	for (; i < n; i++)
		y[i] = fc_bf16_to_f32(fc_f32_to_bf16(x[i]));
}

/* Whole turns are taken off in double: as a float, an angle of 1e5 radians would be off by 4e-3. */
static void kern_turn(float *c, float *s, const float *freq, uint32_t pos, float scale, size_t n)
{
	enum { CHUNK = 64 };
	const double turns = 1 / 6.283185307179586476925, round = 0x1.8p52;
	for (size_t i = 0; i < n; i += CHUNK) {
		const size_t m = n - i < CHUNK ? n - i : CHUNK;
		float f[CHUNK] = {0};
		for (size_t j = 0; j < m; j++) {
			const double t = (double)pos * ((double)freq[i + j] * turns);
			f[j] = (float)(t - ((t + round) - round));
		}
		for (size_t j = 0; j < m; j += VL) {
			vf sine, cosine;
			vsincos(vload(f + j), &sine, &cosine);
			if (m - j < VL) {
				vstore_part(c + i + j, cosine * vset(scale), m - j);
				vstore_part(s + i + j, sine * vset(scale), m - j);
			} else {
				vstore(c + i + j, cosine * vset(scale));
				vstore(s + i + j, sine * vset(scale));
			}
		}
	}
}

INLINE void act_of(float *y, const float *x, enum fc_act act, size_t n)
{
	vf d;
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		vstore(y + i, vact(act, vload(x + i), &d));
	if (i < n)
		vstore_part(y + i, vact(act, vload_part(x + i, n - i, 0), &d), n - i);
}

static void kern_act(float *y, const float *x, enum fc_act act, size_t n)
{
	if (act == FC_ACT_SILU)
		act_of(y, x, FC_ACT_SILU, n);
	else if (act == FC_ACT_GELU_TANH)
		act_of(y, x, FC_ACT_GELU_TANH, n);
	else
		act_of(y, x, FC_ACT_GELU, n);
}

INLINE void glu_of(float *y, const float *gate, const float *up, enum fc_act act, size_t n)
{
	vf d;
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		vstore(y + i, vact(act, vload(gate + i), &d) * vload(up + i));
	if (i < n)
		vstore_part(y + i,
		    vact(act, vload_part(gate + i, n - i, 0), &d) * vload_part(up + i, n - i, 0),
		    n - i);
}

INLINE vf glu_clamped(vf g, vf u)
{
	const vf one = vset(1), seven = vset(7);
	g = vmin(seven, g);
	u = vmax(-seven, vmin(seven, u));
	return g / (one + vexp(g * vset(-1.702f))) * (u + one);
}

INLINE void glu_clamped_of(float *y, const float *gate, const float *up, size_t n)
{
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		vstore(y + i, glu_clamped(vload(gate + i), vload(up + i)));
	if (i < n)
		vstore_part(y + i,
		    glu_clamped(vload_part(gate + i, n - i, 0), vload_part(up + i, n - i, 0)),
		    n - i);
}

static void kern_glu(float *y, const float *gate, const float *up, enum fc_act act, size_t n)
{
	if (act == FC_ACT_CLAMPED)
		glu_clamped_of(y, gate, up, n);
	else if (act == FC_ACT_SILU)
		glu_of(y, gate, up, FC_ACT_SILU, n);
	else if (act == FC_ACT_GELU_TANH)
		glu_of(y, gate, up, FC_ACT_GELU_TANH, n);
	else
		glu_of(y, gate, up, FC_ACT_GELU, n);
}

/* One vector, or the last n < VL floats. */
INLINE void glu_bwd_step(float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t n)
{
	const bool whole = n == VL;
	const vf g = whole ? vload(gate) : vload_part(gate, n, 0);
	const vf u = whole ? vload(up) : vload_part(up, n, 0);
	const vf t = whole ? vload(dy) : vload_part(dy, n, 0);
	vf d;
	const vf a = t * vact(act, g, &d), b = t * u * d;
	if (whole) {
		vstore(dgate, b);
		vstore(dup, a);
	} else {
		vstore_part(dgate, b, n);
		vstore_part(dup, a, n);
	}
}

INLINE void glu_bwd_of(float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t n)
{
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		glu_bwd_step(dgate + i, dup + i, dy + i, gate + i, up + i, act, VL);
	if (i < n)
		glu_bwd_step(dgate + i, dup + i, dy + i, gate + i, up + i, act, n - i);
}

static void kern_glu_bwd(float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t n)
{
	if (act == FC_ACT_SILU)
		glu_bwd_of(dgate, dup, dy, gate, up, FC_ACT_SILU, n);
	else if (act == FC_ACT_GELU_TANH)
		glu_bwd_of(dgate, dup, dy, gate, up, FC_ACT_GELU_TANH, n);
	else
		glu_bwd_of(dgate, dup, dy, gate, up, FC_ACT_GELU, n);
}

#define NAME_(x) #x
#define NAME(x) NAME_(x)
extern const struct fc_kern KERN;
const struct fc_kern KERN = {NAME(KERN), FEW_ROWS, 2 * VL, kern_max, kern_group_max, kern_exp_sum,
    kern_exp_scaled, kern_cap, kern_cap_bwd, kern_score_bwd, kern_ramp, kern_sum, kern_sum_squares,
    kern_dot3, kern_axpy, kern_weighted_sums, kern_mm, kern_transpose, kern_dot_rows, kern_widen,
    kern_to_bf16, kern_round_bf16, kern_turn, kern_act, kern_glu, kern_glu_bwd};
