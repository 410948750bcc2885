/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_MODELDTYPE_H
#define FC_STORE_MODELDTYPE_H

#include "text/json.h"

/* Enters the type of the weights ("float32", "float16", "bfloat16") in a config.json: "dtype" and
 * "torch_dtype", its older name, of which Transformers takes the first where both are there.  Each
 * that is there is set, also in the part for text of a model that sees images; "torch_dtype" where
 * there is none. */
void fc_modeldtype_set(json_t *config, const char *name);

#endif
