/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_SLOT_H
#define FC_MODEL_SLOT_H

#include "model/params.h"

/* One tensor an architecture has: its name in the file, its shape, and where it goes. */
struct fc_slot {
	char *name;
	int n_dim; /* 2: a matrix, struct fc_weight; 1: a vector, float32; of all experts one more
		    */
	int64_t dim[3];
	size_t layer;   /* FC_NO_LAYER: of the whole model */
	size_t expert;  /* of a tensor of an expert */
	size_t at;      /* offset in struct fc_layer, struct fc_expert or struct fc_model */
	size_t grad_at; /* offset in struct fc_layer_grad, fc_expert_grad or fc_params */
	bool of_expert;
	bool residual;   /* its product is added to the residual stream */
	bool norm;       /* multiplies: starts at one */
	bool transposed; /* the file has [dim[1], dim[0]] */
	bool of_experts; /* of all experts of a layer; at: enum fc_experts_part */
	bool host;       /* the host reads it */
};
enum fc_experts_part { FC_EXPERTS_GATE_UP, FC_EXPERTS_DOWN };
#define FC_NO_LAYER SIZE_MAX
#define FC_NO_GRAD SIZE_MAX

/* All of them, in the order of the computation.  Returns their number.  prefix: what names begin
 * with instead of the family's own beginning; NULL: that. */
size_t fc_slots_new(struct fc_slot **v, const struct fc_config *c, const char *prefix);
void fc_slots_free(struct fc_slot *v, size_t n);
/* Makes the model use p as this tensor, [dim[0], dim[1]]; a vector must be float32. */
void fc_slot_bind(const struct fc_slot *s, struct fc_model *m, const void *p, enum fc_dtype t);

/* The view of slot s as safetensors needs it; data NULL. */
struct fc_tensor fc_slot_tensor(const struct fc_slot *s, enum fc_dtype t);

/* A tensor of the part of a model that sees images, of which we run the text part. */
bool fc_slot_is_of_images(const struct fc_config *c, const char *name);

/* What bind_experts.c takes from bind.c: memory of the model's; host memory that the device keeps.
 */
void *fc_model_own(struct fc_model *m, size_t n, size_t size);
const void *fc_model_keep(struct fc_model *m, const void *host, size_t n_bytes);
/* Gives a tensor of all experts, [expert, in, out], or what MXFP4 has in its place, to them. */
int fc_model_bind_experts(
    struct fc_model *m, const struct fc_slot *slot, const char *dir, struct fc_err *e);

/* What fc_model_open() and the training model share: layers and rope from m->cfg. */
void fc_model_prepare(struct fc_model *m);
void fc_model_release(struct fc_model *m);

#endif
