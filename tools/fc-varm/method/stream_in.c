/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/stream_in.h"

#include <math.h>

#include "fc-varm/method/sums.h"
#include "fc-varm/method/pass.h"
#include "tensor/half.h"
#include "tensor/simd.h"

/* No alignment is promised. */
static inline double load_bf16(const char *p, size_t i)
{
	uint16_t x;
	memcpy(&x, p + 2 * i, 2);
	return fc_bf16_to_f32(x);
}

/* In stretches that stay in the nearest cache; each half is a loop that becomes vector code. */
#define STRETCH ((size_t)64)

static FC_SIMD_BODY void squares_bf16_body(
    double *restrict lane, const char *restrict x, const double *restrict base, size_t n)
{
	double square[STRETCH];
	for (size_t at = 0; at < n; at += STRETCH) {
		size_t m = n - at < STRETCH ? n - at : STRETCH;
		for (size_t i = 0; i < m; i++) {
			double d = load_bf16(x, at + i) - base[at + i];
			square[i] = d * d;
		}
		for (size_t i = m; i < STRETCH; i++)
			square[i] = 0;
		for (size_t i = 0; i < STRETCH; i += LANES)
			for (size_t j = 0; j < LANES; j++)
				lane[j] += square[i + j];
	}
}
FC_SIMD_KERNEL(static void, squares_bf16,
    (double *lane, const char *x, const double *base, size_t n), (lane, x, base, n))

static FC_SIMD_BODY void add_changes_bf16_body(
    double *restrict sum, const char *restrict x, const double *restrict base, double w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum[i] += w * (load_bf16(x, i) - base[i]);
}
FC_SIMD_KERNEL(static void, add_changes_bf16,
    (double *sum, const char *x, const double *base, double w, size_t n), (sum, x, base, w, n))

static FC_SIMD_BODY void add_values_bf16_body(
    double *restrict sum, const char *restrict x, double w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum[i] += w * load_bf16(x, i);
}
FC_SIMD_KERNEL(
    static void, add_values_bf16, (double *sum, const char *x, double w, size_t n), (sum, x, w, n))

static FC_SIMD_BODY void add_changes_body(
    double *restrict sum, const double *restrict x, const double *restrict base, double w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum[i] += w * (x[i] - base[i]);
}
FC_SIMD_KERNEL(static void, add_changes,
    (double *sum, const double *x, const double *base, double w, size_t n), (sum, x, base, w, n))

static FC_SIMD_BODY void add_values_body(
    double *restrict sum, const double *restrict x, double w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum[i] += w * x[i];
}
FC_SIMD_KERNEL(
    static void, add_values, (double *sum, const double *x, double w, size_t n), (sum, x, w, n))

/* change[i] = value i - base[i]; *bad: not 0 where some value has all bits of its exponent set,
 * which end below the sign: adding the lowest of them carries into the sign then. */
#define TAKE_CHANGES(NAME, UINT, EXPONENT, VALUE)                                                  \
	static FC_SIMD_BODY void NAME##_body(double *restrict change, const char *restrict x,      \
	    const double *restrict base, size_t n, UINT *bad)                                      \
	{                                                                                          \
		const UINT low = (UINT)(EXPONENT & -EXPONENT);                                     \
		UINT any = 0;                                                                      \
		for (size_t i = 0; i < n; i++) {                                                   \
			UINT bits;                                                                 \
			memcpy(&bits, x + i * sizeof bits, sizeof bits);                           \
			any |= (UINT)((bits & EXPONENT) + low);                                    \
			change[i] = (double)(VALUE)-base[i];                                       \
		}                                                                                  \
		*bad = any & (UINT)(EXPONENT + low);                                               \
	}                                                                                          \
	FC_SIMD_KERNEL(static void, NAME,                                                          \
	    (double *change, const char *x, const double *base, size_t n, UINT *bad),              \
	    (change, x, base, n, bad))
TAKE_CHANGES(take_changes_bf16, uint16_t, 0x7f80u, fc_bf16_to_f32(bits))
TAKE_CHANGES(take_changes_f16, uint16_t, 0x7c00u, fc_half_to_f32(bits))
TAKE_CHANGES(take_changes_f32, uint32_t, 0x7f800000u, fc_bits_to_f32(bits))

static FC_SIMD_BODY void take_changes_body(
    double *restrict change, const double *restrict base, size_t n, uint64_t *bad)
{
	uint64_t any = 0;
	for (size_t i = 0; i < n; i++) {
		any |= !(fabs(change[i]) < INFINITY);
		change[i] -= base[i];
	}
	*bad = any;
}
FC_SIMD_KERNEL(static void, take_changes,
    (double *change, const double *base, size_t n, uint64_t *bad), (change, base, n, bad))

void varm_stream_changes(const struct values *f, size_t first, size_t n, const double *base,
    double *change, uint64_t *n_bad)
{
	const char *bytes = varm_values_bytes(f, first);
	uint16_t bad16 = 0;
	uint32_t bad32 = 0;
	uint64_t bad64 = 0;
	if (bytes && f->t.dtype == FC_BF16) {
		take_changes_bf16(change, bytes, base, n, &bad16);
	} else if (bytes && f->t.dtype == FC_F16) {
		take_changes_f16(change, bytes, base, n, &bad16);
	} else if (bytes && f->t.dtype == FC_F32) {
		take_changes_f32(change, bytes, base, n, &bad32);
	} else {
		varm_values_read(f, first, n, change);
		take_changes(change, base, n, &bad64);
	}
	*n_bad += bad16 || bad32 || bad64;
}

void varm_stream_squares(
    const struct values *f, size_t first, size_t n, const double *base, double *lane, double *spare)
{
	if (varm_values_are_bf16(f)) {
		squares_bf16(lane, varm_values_bytes(f, first), base, n);
		return;
	}
	varm_values_read(f, first, n, spare);
	varm_sums_squares(lane, spare, base, n);
}

void varm_stream_add(const struct values *f, size_t first, size_t n, const double *base, double w,
    double *sum, double *spare)
{
	if (varm_values_are_bf16(f) && base) {
		add_changes_bf16(sum, varm_values_bytes(f, first), base, w, n);
	} else if (varm_values_are_bf16(f)) {
		add_values_bf16(sum, varm_values_bytes(f, first), w, n);
	} else {
		varm_values_read(f, first, n, spare);
		if (base)
			add_changes(sum, spare, base, w, n);
		else
			add_values(sum, spare, w, n);
	}
}
