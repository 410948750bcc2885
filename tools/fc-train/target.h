/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_TARGET_H
#define FC_TRAIN_TARGET_H

#include "base/file.h"
#include "model/params.h"

/* The result: a Hugging Face folder. */
enum train_save_dtype {
	TRAIN_SAVE_SAME,
	TRAIN_SAVE_F32,
	TRAIN_SAVE_F16,
	TRAIN_SAVE_BF16,
	TRAIN_SAVE_N
};

enum fc_dtype train_target_chosen(enum train_save_dtype t, enum fc_dtype same);

struct train_target {
	const char *pivot;     /* folder it comes from, or NULL: from scratch */
	const char *tokenizer; /* from scratch: folder with tokenizer files and chat template */
	enum train_save_dtype dtype;
	struct fc_rounding rounding;
};
/* The type that is written: the one asked for, else that of the pivot's embedding or, from scratch,
 * the configuration's. */
int train_target_dtype(const struct train_target *t, const struct fc_params *p,
    enum fc_dtype *dtype, struct fc_err *e);

/* Copies into the folder what training does not change: every other file of the pivot, or the
 * tokenizer's files.  To be called before training, as it may fail. */
int train_target_begin(const char *dir, const struct train_target *t, struct fc_err *e);
/* Adds the weights and config.json.  The caller commits. */
int train_target_write(
    const char *dir, const struct train_target *t, const struct fc_params *p, struct fc_err *e);

#endif
