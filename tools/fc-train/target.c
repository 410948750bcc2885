/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/target.h"

#include "base/die.h"
#include "base/file.h"
#include "chat/model_copy.h"
#include "store/modelfiles.h"
#include "store/store.h"

#define SHARD_BYTES ((size_t)5000000000) /* where Transformers begins another shard */

/* The type of the pivot's embedding; published models of these families have one type throughout.
 */
static int pivot_dtype(
    const char *pivot, const struct fc_params *p, enum fc_dtype *dtype, struct fc_err *e)
{
	struct fc_store *store;
	if (fc_store_open(&store, pivot, e) < 0)
		return -1;
	const struct fc_tensor *t = fc_store_find(store, p->v[0].name);
	*dtype = t ? t->dtype : p->model.cfg.dtype;
	fc_store_close(store);
	return 0;
}

/* What stands beside the pivot's weights, but for config.json. */
static int copy_others(const char *from, const char *to, struct fc_err *e)
{
	struct fc_buf left = FC_BUF_INIT;
	int ret = fc_model_copy(from, to, FC_MODELFILES_TOKENIZER | FC_MODELFILES_OTHER, &left, e);
	if (ret == 0 && left.n)
		fc_note("%s: not copied, as no model's files: %s", from, left.p);
	fc_buf_release(&left);
	return ret;
}

static int copy_tokenizer(const char *from, const char *to, struct fc_err *e)
{
	if (fc_file_copy(from, to, "tokenizer.json", true, e) < 0 ||
	    fc_file_copy(from, to, "generation_config.json", false, e) < 0)
		return -1;
	return fc_model_copy(from, to, FC_MODELFILES_TOKENIZER, NULL, e);
}

enum fc_dtype train_target_chosen(enum train_save_dtype t, enum fc_dtype same)
{
	static const enum fc_dtype chosen[] = {
	    [TRAIN_SAVE_F32] = FC_F32, [TRAIN_SAVE_F16] = FC_F16, [TRAIN_SAVE_BF16] = FC_BF16};
	return t == TRAIN_SAVE_SAME ? same : chosen[t];
}

int train_target_dtype(
    const struct train_target *t, const struct fc_params *p, enum fc_dtype *dtype, struct fc_err *e)
{
	*dtype = train_target_chosen(t->dtype, p->model.cfg.dtype);
	return t->dtype == TRAIN_SAVE_SAME && t->pivot ? pivot_dtype(t->pivot, p, dtype, e) : 0;
}

int train_target_begin(const char *dir, const struct train_target *t, struct fc_err *e)
{
	return t->pivot ? copy_others(t->pivot, dir, e) : copy_tokenizer(t->tokenizer, dir, e);
}

int train_target_write(
    const char *dir, const struct train_target *t, const struct fc_params *p, struct fc_err *e)
{
	enum fc_dtype dtype;
	if (train_target_dtype(t, p, &dtype, e) < 0 ||
	    fc_params_save(p, dir, dtype, &t->rounding, SHARD_BYTES, e) < 0)
		return -1;
	/* where nothing in it changes, the pivot's config.json keeps its bytes */
	return t->pivot && t->dtype == TRAIN_SAVE_SAME
	    ? fc_file_copy(t->pivot, dir, "config.json", true, e)
	    : 0;
}
