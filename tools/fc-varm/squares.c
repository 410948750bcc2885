/* SPDX-License-Identifier: Apache-2.0 */
#include "squares.h"

#include "sweep.h"
#include "tensor/simd.h"

static FC_SIMD_BODY void squares_add_body(
    double *restrict lane, const double *restrict x, const double *restrict base, size_t n)
{
	size_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			lane[j] += (x[i + j] - base[i + j]) * (x[i + j] - base[i + j]);
	for (size_t j = 0; i + j < n; j++)
		lane[j] += (x[i + j] - base[i + j]) * (x[i + j] - base[i + j]);
}
FC_SIMD_KERNEL(void, squares_add, (double *lane, const double *x, const double *base, size_t n),
    (lane, x, base, n))

static FC_SIMD_BODY void squares_add_taken_body(double *restrict lane, const double *restrict x,
    const double *restrict base, const double *restrict taken, size_t n)
{
	size_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			lane[j] +=
			    (x[i + j] - base[i + j]) * (x[i + j] - base[i + j]) * taken[i + j];
	for (size_t j = 0; i + j < n; j++)
		lane[j] += (x[i + j] - base[i + j]) * (x[i + j] - base[i + j]) * taken[i + j];
}
FC_SIMD_KERNEL(void, squares_add_taken,
    (double *lane, const double *x, const double *base, const double *taken, size_t n),
    (lane, x, base, taken, n))
