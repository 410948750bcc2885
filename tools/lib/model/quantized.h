/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_QUANTIZED_H
#define FC_MODEL_QUANTIZED_H

#include "store/store.h"
#include "text/json.h"

/*
 * Matrices of safetensors that were quantized, as quantization_config of config.json says: each is
 * several tensors of the file.  They are unpacked when the model is opened, to the type in which
 * their makers' code unpacks them, with its bits.  Activations are not rounded, whatever the
 * configuration says of them.
 */
enum fc_quantized_kind {
	FC_QUANTIZED_NONE,
	FC_QUANTIZED_GPTQ,   /* integers along inputs in int32, zero points, scales by group */
	FC_QUANTIZED_AWQ,    /* integers along outputs, shuffled by eight; as GPTQ else */
	FC_QUANTIZED_PACKED, /* compressed-tensors: integers along inputs, with an offset */
	FC_QUANTIZED_SCALED, /* a matrix of int8 or FP8, and scales */
	FC_QUANTIZED_MXFP4,  /* experts of gpt-oss: 4-bit floats, an exponent for 32 */
	FC_QUANTIZED_CODED, /* bitsandbytes: numbers of a table of 16 (nf4, fp4), scales by block */
};

struct fc_quantized {
	enum fc_quantized_kind kind;
	const char *method;       /* for messages; static */
	size_t bits;              /* of an integer: a divisor of 32 */
	size_t n_row, n_col;      /* outputs and inputs that share a scale; 0: all */
	uint32_t zero_lacks;      /* GPTQ: a stored zero point is so much too small */
	const char *const *scale; /* SCALED: suffixes that scales may have; ended by NULL */
	float scale_by;           /* of all numbers */
};

/* config: the object that has quantization_config; without, or null, the kind is NONE.  A method or
 * form that is not read is refused by name. */
int fc_quantized_read(
    struct fc_quantized *q, const json_t *config, const char *where, struct fc_err *e);

/* Is the matrix "X.weight" of the store one that fc_quantized_unpack() makes? */
bool fc_quantized_has(const struct fc_quantized *q, const struct fc_store *s, const char *name);
/* The type it makes of it; dtype: the model's. */
int fc_quantized_dtype(const struct fc_quantized *q, const struct fc_store *s, const char *name,
    enum fc_dtype dtype, enum fc_dtype *t, struct fc_err *e);
/* out [n_out, n_in] of type t; where: for messages. */
int fc_quantized_unpack(const struct fc_quantized *q, const struct fc_store *s, const char *name,
    size_t n_out, size_t n_in, void *out, enum fc_dtype t, const char *where, struct fc_err *e);
/* One row of MXFP4: out [n] bfloat16 from n / 2 bytes of codes and n / 32 exponents. */
void fc_mxfp4_row(uint16_t *out, const uint8_t *codes, const uint8_t *exponents, size_t n);
/* Is this tensor a part of a quantized matrix?  Then *matrix is that one's name, the caller's to
 * free().  A bias of zeros, which AutoGPTQ writes for models without, counts as a part. */
bool fc_quantized_part(const struct fc_quantized *q, const struct fc_tensor *t, char **matrix);

#endif
