/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TENSOR_FINITE_H
#define FC_TENSOR_FINITE_H

#include "tensor/dtype.h"

/* How many of the n values at p come before the first NaN or infinity; n: there is none, as in
 * types that have neither.  Not for packed types.  p needs no alignment; about as fast as memory
 * is read. */
size_t fc_finite_count(const void *p, enum fc_dtype t, size_t n);

#endif
