/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/stream_in.h"

#include "fc-varm/method/sums.h"
#include "fc-varm/method/pass.h"
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

static bool is_bf16(const struct values *f)
{
	return !f->read && f->t.dtype == FC_BF16;
}

void varm_stream_squares(
    const struct values *f, size_t first, size_t n, const double *base, double *lane, double *spare)
{
	if (is_bf16(f)) {
		squares_bf16(lane, varm_values_bytes(f, first), base, n);
		return;
	}
	varm_values_read(f, first, n, spare);
	varm_sums_squares(lane, spare, base, n);
}

void varm_stream_add(const struct values *f, size_t first, size_t n, const double *base, double w,
    double *sum, double *spare)
{
	if (is_bf16(f) && base) {
		add_changes_bf16(sum, varm_values_bytes(f, first), base, w, n);
	} else if (is_bf16(f)) {
		add_values_bf16(sum, varm_values_bytes(f, first), w, n);
	} else {
		varm_values_read(f, first, n, spare);
		if (base)
			add_changes(sum, spare, base, w, n);
		else
			add_values(sum, spare, w, n);
	}
}
