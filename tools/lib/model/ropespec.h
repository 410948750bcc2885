/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_ROPESPEC_H
#define FC_MODEL_ROPESPEC_H

#include "model/fields.h"
#include "nn/nn.h"

/*
 * How rotary frequencies follow from config.json, as transformers computes them
 * (modeling_rope_utils.py): with b = theta and R rotated components, component i turns by
 * f_i = b^(-2i/R) radians a position, and the scalings change f_i.
 */
enum fc_rope_scaling {
	FC_ROPE_PLAIN,
	FC_ROPE_LINEAR,   /* f_i / factor */
	FC_ROPE_DYNAMIC,  /* a larger b for sequences beyond the context ("NTK-aware") */
	FC_ROPE_LLAMA3,   /* slow components divided by the factor, those between blended */
	FC_ROPE_YARN,     /* slow components divided, others blended by wavelength; scales cos and
			   * sin (arXiv 2309.00071) */
	FC_ROPE_LONGROPE, /* f_i / short_i or long_i, by length; scales cos and sin (2402.13753) */
};

struct fc_ropespec {
	enum fc_rope_scaling scaling;
	size_t n_rot;     /* R, even */
	bool interleaved; /* see struct fc_rope */
	double theta, factor;
	double n_ctx;                /* max_position_embeddings: dynamic */
	double n_ctx_before;         /* original_max_position_embeddings: llama3, yarn, longrope */
	double low_freq, high_freq;  /* llama3: wave lengths as fractions of n_ctx_before */
	double beta_fast, beta_slow; /* yarn: turns within n_ctx_before */
	bool truncate;               /* yarn: whole components */
	double attention_factor;     /* yarn, longrope: multiplies cos and sin */
	double *long_by, *short_by;  /* longrope: [R/2], owned */
};

/*
 * s: config.json's object; key: the member that holds the scaling, NULL where there is none.  The
 * caller has set n_rot, interleaved, n_ctx, and defaults of theta and n_ctx_before (0: n_ctx).
 */
int fc_ropespec_read(struct fc_ropespec *r, const struct fc_fields *s, const char *key);
void fc_ropespec_release(struct fc_ropespec *r);

/* Do the frequencies depend on the length of the sequence? */
bool fc_ropespec_by_length(const struct fc_ropespec *r);
/* Are they the same for both lengths? */
bool fc_ropespec_same(const struct fc_ropespec *r, size_t length_a, size_t length_b);
/* What fc_rope_apply() takes, for a sequence of this length.  inv_freq: [R/2] to write to. */
struct fc_rope fc_ropespec_rope(const struct fc_ropespec *r, size_t length, float *inv_freq);

#endif
