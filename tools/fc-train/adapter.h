/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_ADAPTER_H
#define FC_TRAIN_ADAPTER_H

#include "model/lora.h"
#include "tensor/rounding.h"

/* --lora: adapters in place of the model's weights, and their folder as PEFT has it. */
struct train_adapter {
	struct fc_lora_spec spec; /* borrows from what follows */
	char *text;
	const char **target; /* [spec.n_target] in text */
};

/*
 * "r=16,alpha=32,targets=q_proj,v_proj,dora": members in any order.  After targets= come modules up
 * to the next member that has a '=' or is one of the words dora and rslora; "all-linear" is all.
 * What is not named is as TRL has it, r 16 and alpha 32, but for the targets: all linears.
 */
int train_adapter_parse(struct train_adapter *a, const char *text, struct fc_err *e);
void train_adapter_release(struct train_adapter *a);

/* adapter_config.json and adapter_model.safetensors of the trained adapters into an existing
 * folder; base: the model's name for the former. */
int train_adapter_write(const char *dir, const struct train_adapter *a, const struct fc_params *p,
    const char *base, enum fc_dtype dtype, const struct fc_rounding *how, struct fc_err *e);

#endif
