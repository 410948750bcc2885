/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_PARAMS_H
#define FC_MODEL_PARAMS_H

#include "base/rng.h"
#include "model/block.h"
#include "tensor/rounding.h"

/* One trainable tensor: float32 master weights and their gradient. */
struct fc_param {
	char *name; /* as in the safetensors file */
	int n_dim;
	int64_t dim[2];
	size_t n;        /* elements */
	float *w;        /* [n] of fc_nn_home() */
	float *g;        /* [n] the device's; NULL until fc_params_zero_grad() or _place_grad() */
	bool decay;      /* matrices decay, norms and biases do not */
	bool transposed; /* GPT-2: the file has [dim[1], dim[0]] */
	uint16_t
	    *bf16;   /* [n] the device's: w rounded, what BF16 compute reads of a matrix; or NULL */
	float *copy; /* [n] the device's: w, where that is elsewhere and bf16 is NULL; or NULL */
	size_t unit; /* the backward pass is done with g after this unit, see fc_params_steps() */
	float **grad; /* where the backward pass finds g */
};
/* What operations read of it, on the device: bf16, copy or w. */
void *fc_param_read(const struct fc_param *v, size_t *size_bytes /* of an element */);

struct fc_step;
struct fc_loras;

/* A model in training: all parameters, with an fc_model whose weights point into them. */
struct fc_params {
	struct fc_param *v;
	size_t n;
	struct fc_model model;            /* in BF16 compute: over bfloat16 copies, see refresh */
	struct fc_layer_grad *layer_grad; /* [n_layer] */
	float *embed_grad, *head_grad, *final_norm_grad; /* tied: embed_grad == head_grad */
	float *position_grad, *final_norm_bias_grad;     /* NULL: there are none */
	bool placed;                                     /* gradients are someone else's memory */
	struct fc_step *step;                            /* scratch of fc_params_step() */
	/* Layers from the last on whose activations stay until the way back, of one batch; at least
	 * one, and with adapters no more.  The gradients' bits do not depend on it. */
	size_t n_keep;
	struct fc_loras *lora; /* v is adapters (model/lora.h) of a model that stays; NULL: it is
				* the model */
	/* What a model has besides, for images: not trained, saved as it is. */
	struct fc_tensor *rest; /* [n_rest] */
	size_t n_rest;
	struct fc_store *store; /* where rest is mapped; else NULL */
};
/* From a model folder. */
int fc_params_open(struct fc_params **p, const char *dir, struct fc_nn *nn, struct fc_err *e);
/* -1 where a model of this family cannot be trained; where: its name for the message. */
int fc_params_check_family(const struct fc_config *c, const char *where, struct fc_err *e);
/* Would fc_params_open() work?  Does not read the weights. */
int fc_params_check(const char *dir, struct fc_err *e);
/* From scratch: normal(0, 0.02), residual projections scaled by 1/sqrt(2 n_layer) (GPT-2). */
int fc_params_init(struct fc_params **p, const char *config_path, struct fc_nn *nn,
    struct fc_rng *rng, struct fc_err *e);
/* With undefined weights, for who gets them from elsewhere; config: the text of a config.json. */
int fc_params_blank(struct fc_params **p, const char *config, struct fc_nn *nn, struct fc_err *e);
void fc_params_free(struct fc_params *p);
/* Elements [at, at + n) of the weights in the order of the file, and the shape there. */
void fc_param_get(
    struct fc_nn *nn, const struct fc_param *v, size_t at, size_t n, float *x /* [n] */);
void fc_param_shape(const struct fc_param *v, int64_t dim[2]);
/* to [n_col, n_row] = from [n_row, n_col] */
void fc_param_transpose(float *to, const float *from, size_t n_row, size_t n_col);
void fc_params_zero_grad(struct fc_params *p);
/* From now on the gradients are at g [p->n], the device's, which must stay, and which tensors of
 * different units may share. */
void fc_params_place_grad(struct fc_params *p, float *const *g);
/* After the optimizer changed the weights: renews the copies that operations read, if there are
 * any; of the i-th parameter, elements [begin, begin + n). */
void fc_params_refresh(struct fc_params *p);
void fc_params_refresh_part(struct fc_params *p, size_t i, size_t begin, size_t n);

/*
 * Writes the weights (F32, F16 or BF16, rounded as how says) and config.json into an existing
 * folder; the rest of a model folder, and its atomicity, are the caller's.
 */
int fc_params_save(const struct fc_params *p, const char *dir, enum fc_dtype dtype,
    const struct fc_rounding *how, size_t shard_bytes, struct fc_err *e);
/* The plan of that for fc_store_writer_open(), [p->n + p->n_rest] in the order of p->v and p->rest;
 * names are borrowed from p, the array is the caller's to free(). */
struct fc_tensor *fc_params_plan(const struct fc_params *p, enum fc_dtype dtype);

/*
 * Forward and backward over a batch; gradients are added.  Keeps each layer's input, and recomputes
 * the rest but for the last n_keep layers.  Row r of the loss is the hidden state at position
 * row_pos[r] (index into the batch's tokens, strictly ascending) and predicts target[r]; weights
 * and teacher as in fc_head_loss(). backward false: loss only.  loss is added to.
 */
struct fc_targets {
	const uint32_t *row_pos; /* [n] */
	const uint32_t *target;
	const float *sft_weight, *kd_weight;
	const struct fc_teacher *teacher;
	size_t n;
};
int fc_params_step(struct fc_nn *nn, struct fc_params *p, const struct fc_batch *b,
    const struct fc_targets *t, bool backward, struct fc_loss *loss, struct fc_err *e);

/*
 * Forward and backward over several batches, which go through the layers together: the gradient of
 * a layer is whole before that of the layer below begins, and has the bits that fc_params_step()
 * over one batch after the other gives it.  Takes memory for the layers' inputs of all of them, and
 * time to run the last layer again for all but the first.
 *
 * Units are what gradients get whole by, in this order: 0 the output layer and the norm before it,
 * then the layers from the last to the first, and the embedding, with a tied output layer.
 */
struct fc_step_batch {
	const struct fc_batch *b;
	const struct fc_targets *t;
	struct fc_loss *loss;
};
struct fc_step_watch { /* NULL: not wanted */
	void *arg;
	void (*begin)(void *arg, size_t unit); /* before the first of its gradients is added to */
	void (*end)(void *arg, size_t unit);
	void (*pause)(void *arg); /* every layer of every batch, in either direction */
};
size_t fc_params_units(const struct fc_params *p);
int fc_params_steps(struct fc_nn *nn, struct fc_params *p, const struct fc_step_batch *v, size_t n,
    const struct fc_step_watch *watch, struct fc_err *e);

#endif
