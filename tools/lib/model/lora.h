/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_LORA_H
#define FC_MODEL_LORA_H

#include "model/params.h"

/*
 * Low-rank adapters of the linears of layers, whose own weights stay as they are:
 *
 *   y = g (x W^T + s (x A^T) B^T) + bias,   A [r,I], B [O,r]
 *
 * s = alpha / r (LoRA, arXiv 2106.09685), or alpha / sqrt(r) (rank-stabilised, arXiv 2312.03732).
 * g = 1, or with magnitudes m [O] (DoRA, arXiv 2402.09353) m / |W + s B A|, by rows of the sum,
 * whose length is taken for a constant when gradients are made (there section 4.3).
 *
 * A and B begin as PEFT's: uniform in +-1/sqrt(I), and zero; m as the length of W's rows.  So the
 * model is the base at first.
 */
struct fc_lora_spec {
	size_t r;
	double alpha;
	bool rslora, dora;
	/* [n_target] modules by name or its end after a dot; n_target 0: all linears of layers */
	const char *const *target;
	size_t n_target;
};

/* What PEFT puts before a module's name. */
#define FC_LORA_PREFIX "base_model.model."

/*
 * A model with adapters, of which alone p->v consists: A, B and m of a linear follow each other,
 * with PEFT's names.  B is kept transposed, [r,O], since the product that adds to its result takes
 * it so.  The base is bound as for inference, and has no gradients.  rng: of A.
 */
int fc_lora_open(struct fc_params **p, const char *dir, struct fc_nn *nn,
    const struct fc_lora_spec *spec, struct fc_rng *rng, struct fc_err *e);
/* Would that work?  Does not read the weights. */
int fc_lora_check(const char *dir, const struct fc_lora_spec *spec, struct fc_err *e);
/* After the optimizer changed A, B or m: renews g.  Nothing without magnitudes. */
void fc_lora_refresh(struct fc_params *p);

/* ---- passes: of block*.c ---- */

struct fc_lora {                   /* of one linear */
	const struct fc_weight *w; /* the layer's */
	struct fc_param *a, *b, *m;
	double scale;
	double *square;         /* host array [O]: |W|^2 by rows; with m, as what follows */
	float *gain, *inverse;  /* [O] the device's: g, 1 / |W + s B A| */
	float *normed;          /* [N,O] of a pass that is kept: (x W^T + ...) inverse */
	struct fc_loras *whole; /* all of the model's */
};
struct fc_layer_loras {
	struct fc_lora *v; /* [n] */
	size_t n;
};
struct fc_loras {
	struct fc_layer_loras *layer; /* [n_layer] */
	size_t n_layer, r;
	bool dora;
	char **module; /* [n_module] names after the last dot, of what is adapted */
	size_t n_module;
	uint64_t n_base; /* parameters of the base */
	float *scales;   /* [r] the device's, all s */
	float *mem;      /* the device's, of all below */
	size_t n_mem;
	float *u, *du, *dz; /* [N,r] [N,r] [N,O] */
	bool keep;
};
void fc_loras_free(struct fc_nn *nn, struct fc_loras *l);

/* Before a pass over a layer; keep: its way back follows. */
void fc_lora_begin(struct fc_nn *nn, struct fc_layer_loras *l, size_t N, bool keep);
/* The adapter of that weight of the layer, or NULL; l may be NULL. */
struct fc_lora *fc_lora_of(const struct fc_layer_loras *l, const struct fc_weight *w);
/* y, which is x W^T, becomes g (x W^T + s (x A^T) B^T); y is not x. */
void fc_lora_fwd(struct fc_nn *nn, struct fc_lora *l, float *y, const float *x, size_t N);
/* Gradients of A, B and m.  Returns the gradient of W's product, which dy is or dz gets. */
const float *fc_lora_bwd_w(
    struct fc_nn *nn, struct fc_lora *l, const float *dy, const float *x, size_t N);
/* dx += the adapter's part; directly after fc_lora_bwd_w(). */
void fc_lora_bwd_x(struct fc_nn *nn, const struct fc_lora *l, float *dx, size_t N);

#endif
