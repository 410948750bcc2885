/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CONVERT_CONVERT_H
#define FC_CONVERT_CONVERT_H

#include "model/config.h"
#include "store/gguf_hf.h"
#include "store/gguf_writer.h"
#include "store/store.h"
#include "tensor/rounding.h"

/*
 * fc-convert: main parses options. To a GGUF file: togguf ties together gguf_plan (which tensors),
 * weights (their values), metadata and gguf_vocabulary (precut: how text is cut, by name). To a
 * Hugging Face folder: folder, whose tokenizer comes from tokfiles (spmmerge: merges out of
 * scores). convert.h has what they share.
 */

/* What matrices become; vectors and norms of a GGUF file are F32 whatever is asked for. */
enum convert_type {
	CONVERT_SAME,
	CONVERT_F32,
	CONVERT_F16,
	CONVERT_BF16,
	CONVERT_Q8_0,
	CONVERT_Q4_0,
	CONVERT_N
};

struct convert {
	const char *from; /* the model's path, for messages */
	struct fc_store *store;
	struct fc_config config;
	enum convert_type type;
	struct fc_rounding rounding; /* of a folder's F16 and BF16 */
	const char *name;            /* general.name; NULL: none */
	const char *pre;             /* tokenizer.ggml.pre; NULL: found by the pre-tokenizer */
	size_t shard_bytes;
};

/* ---- togguf.c, gguf_plan.c, weights.c: to GGUF ---- */
/* Into a file that can seek; name is for messages. */
int convert_to_gguf(const struct convert *c, int fd, const char *name, struct fc_err *e);

/* A tensor of the file and where it comes from. */
struct item {
	struct fc_tensor out;            /* name owned; rows in the order of GGUF */
	const struct fc_gguf_rule *rule; /* NULL: made from the config, values in made */
	struct fc_tensor *from;          /* [n_from] owned; by expert, one where there are none */
	size_t n_from;
	float *made; /* owned */
};
struct items {
	struct item *v;
	size_t n, cap;
};
int convert_plan(
    const struct convert *c, const struct fc_gguf_family *f, struct items *items, struct fc_err *e);
void convert_items_release(struct items *items);
int convert_weights(
    const struct convert *c, const struct items *items, struct fc_gguf_writer *w, struct fc_err *e);

/* Below this in magnitude, a value stays finite when it is rounded to the type. */
float convert_most(enum fc_dtype to);
/* Says that a value of a tensor is not finite, or not below that; returns -1. */
int convert_refuse(
    const struct convert *c, const char *tensor, float v, enum fc_dtype to, struct fc_err *e);

/* ---- metadata.c, gguf_vocabulary.c ---- */
int convert_metadata(const struct convert *c, const struct fc_gguf_family *f,
    struct fc_gguf_meta *m, struct items *items, struct fc_err *e);
int convert_vocabulary(const struct convert *c, struct fc_gguf_meta *m, struct fc_err *e);

/* ---- folder.c, tokfiles.c: to a Hugging Face folder ---- */
int convert_to_folder(const struct convert *c, const char *dir, struct fc_err *e);
/* tokenizer.json and tokenizer_config.json from the metadata of a GGUF model. */
int convert_tokenizer_files(const struct fc_gguf *g, const char *dir, struct fc_err *e);

#endif
