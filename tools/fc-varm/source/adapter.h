/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_ADAPTER_H
#define FC_VARM_ADAPTER_H

#include "fc-varm/source/values.h"
#include "store/store.h"

/*
 * A LoRA adapter as PEFT saves it (adapter_config.json, adapter_model.safetensors), applied to a
 * model's tensors block by block while they are read; the product of its factors is never held.
 * W [out, in] becomes W + scale * B A with A [r, in] and B [out, r]; scale is lora_alpha / r, or
 * lora_alpha / sqrt(r) with use_rslora.  W of an embedding, or with fan_in_fan_out, takes the
 * transpose.  The start of an OLoRA adapter (adapter_start.h) is taken out of W first.  With
 * use_dora, row i of the result is scaled to the length magnitude[i].  Tensors that the adapter
 * holds whole (modules_to_save, biases) replace the model's.
 */
struct adapter;

/* How the matrices of a model's layers lie. */
enum varm_layout { VARM_LAYOUT_UNKNOWN, VARM_OUT_IN, VARM_IN_OUT };

/* base: the model it is applied to; borrowed.  layout: of that model; fan_in_fan_out counts where
 * it is not known.  An adapter that asks for what is not done here, or holds a tensor that fits
 * nothing, is refused. */
int varm_adapter_open(struct adapter **a, const char *path, const struct fc_store *base,
    enum varm_layout layout, struct fc_err *e);
void varm_adapter_close(struct adapter *a); /* NULL is fine */
uint64_t varm_adapter_fingerprint(const struct adapter *a);

/* The adapter's own tensor of this name, or NULL: the model's counts. */
const struct fc_tensor *varm_adapter_replacement(const struct adapter *a, const char *name);
/* Whether the tensor's values change, by a product or as a whole. */
bool varm_adapter_changes(const struct adapter *a, const char *name);
/* The values of tensor w, known to the adapter as name, with the product added.  Valid until
 * varm_adapter_close(); reading it does not change the adapter. */
struct values varm_adapter_values(const struct adapter *a, const char *name, struct values w);

#endif
