/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_GGUF_NAMES_H
#define FC_STORE_GGUF_NAMES_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * What GGUF calls an architecture's tensors, and what it does to some of them (llama.cpp,
 * convert_hf_to_gguf.py).  "Hugging Face" is the layout of the checkpoint.
 */
enum fc_gguf_change {
	FC_GGUF_AS_IS,
	FC_GGUF_PAIRS_Q,    /* rows of every query head in rotary pairs: weight and bias */
	FC_GGUF_PAIRS_K,    /* rows of every key/value head in rotary pairs: weight and bias */
	FC_GGUF_QKV,        /* rows by q, k, v; Hugging Face has them by head: weight and bias */
	FC_GGUF_TRANSPOSED, /* the weight; Hugging Face has [in, out] */
	FC_GGUF_PLUS_ONE,   /* a norm's weight, with the 1 that Gemma adds */
	FC_GGUF_EXPERTS,    /* [expert, ...]; Hugging Face has a tensor an expert, "@" its number */
	FC_GGUF_WIDE,       /* unchanged, but never narrowed */
	FC_GGUF_WHOLE_NAME, /* hf is all of the name; only read */
	FC_GGUF_LATENT,     /* [head, in, out]; with that of values, [head, out, in], Hugging Face's
			     * one matrix, by heads its keys and its values; only read */
	FC_GGUF_CONFIG,     /* no tensor in Hugging Face: part of the config */
};

/* "#" stands for "blk.N" and for the family's layer. */
struct fc_gguf_rule {
	const char *gguf, *hf; /* without ".weight" and ".bias"; NULL: the end */
	enum fc_gguf_change change;
};

struct fc_gguf_family {
	const char *arch;                    /* general.architecture */
	const char *model_type;              /* of config.json */
	const char *layer;                   /* "model.layers." */
	const struct fc_gguf_rule *rules[3]; /* NULL after the last; the first that fits counts */
};

/* NULL: none of that name. */
const struct fc_gguf_family *fc_gguf_family(const char *arch);
/* The names there are, with commas, into buf. */
void fc_gguf_family_names(struct fc_buf *buf);

/* The Hugging Face name of a tensor of a GGUF file, with "@" for an expert's number.  NULL: the
 * architecture has no such tensor. */
const struct fc_gguf_rule *fc_gguf_name_in(
    const struct fc_gguf_family *f, const char *gguf, struct fc_buf *hf);
/* The way back; *expert: its number, of a tensor of an expert. */
const struct fc_gguf_rule *fc_gguf_name_out(
    const struct fc_gguf_family *f, const char *hf, struct fc_buf *gguf, size_t *expert);

#endif
