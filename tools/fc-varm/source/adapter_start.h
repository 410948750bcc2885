/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_ADAPTER_START_H
#define FC_VARM_ADAPTER_START_H

#include "base/err.h"
#include "fc-varm/source/values.h"

/*
 * The start of training of an OLoRA adapter, which PEFT takes out of the model's tensor W
 * [out, in]: the first r columns of Q times the first r rows of R of W = Q R.  It is the projection
 * Q Q^T W of W onto the span of its own first r columns, whatever signs a QR decomposition gives.
 */

/*
 * Makes q [out, r] and p = q^T W [r, in], in double precision, from W as f reads it: its first r
 * columns, then all of it block by block.  q->data and p->data are the caller's to free(), also
 * after a failure.  Refused is a W with first columns that depend on each other in float32, in
 * which PEFT computes: there the start is what rounding made it.
 */
int varm_adapter_start(
    const struct values *f, size_t r, struct fc_tensor *q, struct fc_tensor *p, struct fc_err *e);

#endif
