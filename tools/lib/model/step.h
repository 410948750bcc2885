/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_STEP_H
#define FC_MODEL_STEP_H

#include "nn/nn.h"

/* Memory of fc_params_step() that is kept from step to step. */
struct fc_step;
struct fc_step *fc_step_new(void);
void fc_step_free(struct fc_nn *nn, struct fc_step *s);

#endif
