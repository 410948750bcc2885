/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/sums.h"

#include <math.h>

#include "fc-varm/method/pass.h"
#include "tensor/simd.h"

/* lane[i % LANES] += VALUE, an expression in i, for i < n */
#define ADD_TO_LANES(VALUE)                                                                        \
	do {                                                                                       \
		size_t at = 0;                                                                     \
		for (; at + LANES <= n; at += LANES) {                                             \
			for (size_t j = 0; j < LANES; j++) {                                       \
				size_t i = at + j;                                                 \
				lane[j] += (VALUE);                                                \
			}                                                                          \
		}                                                                                  \
		for (size_t j = 0; at + j < n; j++) {                                              \
			size_t i = at + j;                                                         \
			lane[j] += (VALUE);                                                        \
		}                                                                                  \
	} while (0)

static FC_SIMD_BODY void varm_sums_squares_body(
    double *restrict lane, const double *restrict x, const double *restrict base, size_t n)
{
	ADD_TO_LANES((x[i] - base[i]) * (x[i] - base[i]));
}
FC_SIMD_KERNEL(void, varm_sums_squares,
    (double *lane, const double *x, const double *base, size_t n), (lane, x, base, n))

static FC_SIMD_BODY void varm_sums_squares_taken_body(double *restrict lane,
    const double *restrict x, const double *restrict base, const double *restrict taken, size_t n)
{
	ADD_TO_LANES((x[i] - base[i]) * (x[i] - base[i]) * taken[i]);
}
FC_SIMD_KERNEL(void, varm_sums_squares_taken,
    (double *lane, const double *x, const double *base, const double *taken, size_t n),
    (lane, x, base, taken, n))

static FC_SIMD_BODY void varm_sums_magnitudes_body(
    double *restrict lane, const double *restrict x, const double *restrict base, size_t n)
{
	ADD_TO_LANES(fabs(x[i] - base[i]));
}
FC_SIMD_KERNEL(void, varm_sums_magnitudes,
    (double *lane, const double *x, const double *base, size_t n), (lane, x, base, n))

static FC_SIMD_BODY void varm_sums_kept_body(
    double *restrict lanes, const double *restrict x, const double *restrict factor, size_t n)
{
	double *lane = lanes;
	ADD_TO_LANES(fabs(x[i]));
	lane = lanes + LANES;
	ADD_TO_LANES(fabs(x[i] * factor[i]));
}
FC_SIMD_KERNEL(void, varm_sums_kept,
    (double *lane, const double *x, const double *factor, size_t n), (lane, x, factor, n))

static FC_SIMD_BODY void varm_sums_products_body(
    double *restrict lane, const double *restrict x, const double *restrict y, size_t n)
{
	ADD_TO_LANES(x[i] * y[i]);
}
FC_SIMD_KERNEL(void, varm_sums_products, (double *lane, const double *x, const double *y, size_t n),
    (lane, x, y, n))

static FC_SIMD_BODY void varm_sums_signs_body(double *restrict both, double *restrict same,
    const double *restrict x, const double *restrict y, size_t n)
{
	double *lane = both;
	ADD_TO_LANES(x[i] * y[i] != 0 ? 1 : 0);
	lane = same;
	ADD_TO_LANES(x[i] * y[i] > 0 ? 1 : 0);
}
FC_SIMD_KERNEL(void, varm_sums_signs,
    (double *both, double *same, const double *x, const double *y, size_t n), (both, same, x, y, n))

static FC_SIMD_BODY void varm_sums_subtract_body(
    double *restrict x, const double *restrict base, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] -= base[i];
}
FC_SIMD_KERNEL(void, varm_sums_subtract, (double *x, const double *base, size_t n), (x, base, n))
