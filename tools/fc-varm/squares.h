/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_SQUARES_H
#define FC_VARM_SQUARES_H

#include <stddef.h>

/* lane[i % LANES] += (x[i] - base[i])^2 for i < n */
void squares_add(double *lane, const double *x, const double *base, size_t n);
/* The same where taken[i] is 1; it is 0 elsewhere. */
void squares_add_taken(
    double *lane, const double *x, const double *base, const double *taken, size_t n);

#endif
