/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_SUMS_H
#define FC_VARM_SUMS_H

#include <stddef.h>

/* Sums over a block in LANES interleaved parts (pass.h); d = x - base. */

/* lane[i % LANES] += d[i]^2 for i < n */
void varm_sums_squares(double *lane, const double *x, const double *base, size_t n);
/* lane[i % LANES] += d[i]^2 where taken[i] is 1; it is 0 elsewhere */
void varm_sums_squares_taken(
    double *lane, const double *x, const double *base, const double *taken, size_t n);
/* lane[i % LANES] += |d[i]| */
void varm_sums_magnitudes(double *lane, const double *x, const double *base, size_t n);
/* lane[i % LANES] += |x[i]|, lane[LANES + i % LANES] += |x[i] factor[i]| */
void varm_sums_kept(double *lane, const double *x, const double *factor, size_t n);
/* lane[i % LANES] += x[i] y[i] */
void varm_sums_products(double *lane, const double *x, const double *y, size_t n);
/* Counts entries of a block, in lanes: both, where x[i] y[i] is not 0; same, where it is above 0.
 */
void varm_sums_signs(double *both, double *same, const double *x, const double *y, size_t n);
/* x[i] -= base[i] */
void varm_sums_subtract(double *x, const double *base, size_t n);

#endif
