/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_UPDATE_H
#define FC_TRAIN_UPDATE_H

#include <stdint.h>

#include "base/err.h"
#include "model/params.h"

/* Writes what training changed, in float32, as a stream: the tensors of p minus those of the model
 * they come from, which has this fingerprint; without those that are as before.  path "-": standard
 * output. */
int train_update_write(const char *path, const char *pivot, uint64_t fingerprint,
    uint64_t tokenizer, const struct fc_params *p, struct fc_err *e);

#endif
