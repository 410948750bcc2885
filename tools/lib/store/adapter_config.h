/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_ADAPTER_CONFIG_H
#define FC_STORE_ADAPTER_CONFIG_H

#include "base/err.h"
#include "text/json.h"

/* What adapter_config.json says of all tensors of a LoRA adapter. */
struct fc_adapter_config {
	json_t *json; /* owned */
	char *path;   /* of the file, for messages; owned */
	bool fan_in_fan_out;
	bool root;  /* use_rslora: the scale is alpha / sqrt(r) */
	bool dora;  /* use_dora: rows are scaled to magnitudes */
	bool olora; /* init_lora_weights: the factors fit what is left of W */
	bool tie;   /* ensure_weight_tying */
};

/*
 * Reads the adapter_config.json of a folder.  A member that is neither understood nor known to
 * leave the merged weights alone is refused with its name and value: so is an init_lora_weights
 * that takes a part out of the model's weights before training (PiSSA, CorDA, LoftQ, LoRA-GA),
 * OLoRA's apart.  fc_adapter_config_release() is due also after a failure.
 */
int fc_adapter_config_read(struct fc_adapter_config *c, const char *folder, struct fc_err *e);
void fc_adapter_config_release(struct fc_adapter_config *c);

/* The scale of the factors' product for a module, alpha / r or alpha / sqrt(r): lora_alpha, or what
 * alpha_pattern says of the module.  A rank other than the configuration's is refused. */
int fc_adapter_config_scale(const struct fc_adapter_config *c, const char *module, int64_t rank,
    double *scale, struct fc_err *e);

#endif
