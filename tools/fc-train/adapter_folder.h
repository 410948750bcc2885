/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_ADAPTER_FOLDER_H
#define FC_TRAIN_ADAPTER_FOLDER_H

#include "model/lora.h"
#include "tensor/rounding.h"

/* --lora: adapters in place of the model's weights, and their folder as PEFT has it.  Read once,
 * for the whole run. */
struct train_adapter {
	struct fc_lora_spec spec; /* borrows from what follows */
	char *spelled;            /* of a folder: what --lora would say; else NULL */
	uint64_t start;           /* of a folder: fingerprint of its weights; else 0 */
	char *text;
	const char **target; /* [spec.n_target] in text */
};

/*
 * "r=16,alpha=32,targets=q_proj,v_proj,dora": members in any order.  After targets= come modules up
 * to the next member that has a '=' or is one of the words dora and rslora; "all-linear" is all.
 * What is not named is as TRL has it, r 16 and alpha 32, but for the targets: all linears.
 */
int train_adapter_parse(struct train_adapter *a, const char *text, struct fc_err *e);

/* adapter_config.json and adapter_model.safetensors of the trained adapters into an existing
 * folder; base: the model's name for the former. */
int train_adapter_write(const char *dir, const struct train_adapter *a, const struct fc_params *p,
    const char *base, enum fc_dtype dtype, const struct fc_rounding *how, struct fc_err *e);

/* --lora-from: what the adapter in a folder is, as train_adapter_parse() has it, and its weights
 * for the adapters of a model.  What would be lost is refused. */
int train_adapter_read(struct train_adapter *a, const char *dir, struct fc_err *e);
int train_adapter_load(const char *dir, struct fc_params *p, struct fc_err *e);

/* A parameter as it is in the file, where B is not transposed; and its numbers there (out) or back.
 */
struct fc_tensor train_adapter_tensor(const struct fc_param *v, enum fc_dtype dtype);
void train_adapter_turn(const struct fc_param *v, float *to, const float *from, bool out);

#endif
