/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/slot.h"

void fc_model_prepare(struct fc_model *m)
{
	m->layer = FC_ARRAY(struct fc_layer, m->cfg.n_layer);
	for (size_t i = 0; i < m->cfg.n_layer; i++)
		m->layer[i].window = m->cfg.layer_window[i];
	fc_config_rope(&m->cfg, &m->rope);
	m->acts = fc_block_acts_new(&m->cfg);
}

void fc_model_release(struct fc_model *m)
{
	fc_block_acts_free(m->acts);
	for (size_t i = 0; i < m->n_owned; i++)
		free(m->owned[i]);
	free(m->owned);
	free(m->layer);
	free(m->rope.inv_freq);
	fc_store_close(m->store);
	fc_config_release(&m->cfg);
}

/* Old checkpoints carry the rotary frequencies, which follow from the config. */
static bool is_buffer(const char *name)
{
	static const char suffix[] = ".rotary_emb.inv_freq";
	size_t n = strlen(name);
	return n >= sizeof suffix && !strcmp(name + n - (sizeof suffix - 1), suffix);
}

/* A tied model may repeat its embedding as the head. */
static int check_tied_head(
    const struct fc_model *m, const struct fc_tensor *t, const char *dir, struct fc_err *e)
{
	const struct fc_tensor *embed = fc_store_find(m->store, "model.embed_tokens.weight");
	if (fc_tensor_same_shape(t, embed) && t->dtype == embed->dtype &&
	    (t->data == embed->data || !memcmp(t->data, embed->data, t->n_bytes)))
		return 0;
	return fc_fail(e,
	    "%s: tensor %s differs from the embedding, but config.json says that they are "
	    "tied",
	    dir, t->name);
}

static int check_surplus(const struct fc_model *m, const struct fc_slot *slot, size_t n,
    const char *dir, struct fc_err *e)
{
	if (fc_store_count(m->store) == n)
		return 0;
	for (size_t i = 0; i < fc_store_count(m->store); i++) {
		const struct fc_tensor *t = fc_store_at(m->store, i);
		size_t j = 0;
		while (j < n && strcmp(slot[j].name, t->name))
			j++;
		if (j < n || is_buffer(t->name))
			continue;
		if (!m->cfg.tied || strcmp(t->name, "lm_head.weight"))
			return fc_fail(e, "%s: tensor %s has no place in a %s model", dir, t->name,
			    m->cfg.model_type);
		if (check_tied_head(m, t, dir, e) < 0)
			return -1;
	}
	return 0;
}

/* A float32 copy that lives as long as the model. */
static float *widen(struct fc_model *m, const struct fc_tensor *t, size_t n)
{
	float *p = fc_malloc_aligned(n, sizeof *p);
	fc_to_f32(p, t->data, t->dtype, n);
	FC_GROW(m->owned, m->cap_owned, m->n_owned + 1);
	m->owned[m->n_owned++] = p;
	return p;
}

static int bind_slot(
    struct fc_model *m, const struct fc_slot *slot, const char *dir, struct fc_err *e)
{
	const struct fc_tensor expect = fc_slot_tensor(slot, m->cfg.dtype);
	const struct fc_tensor *t = fc_store_find(m->store, slot->name);
	char is[192], should[192];
	size_t n;
	if (!t)
		return fc_fail(e, "%s: tensor %s %s is missing", dir, slot->name,
		    fc_tensor_shape_text(&expect, should));
	if (!fc_tensor_same_shape(t, &expect))
		return fc_fail(e, "%s: tensor %s has shape %s, expected %s", dir, slot->name,
		    fc_tensor_shape_text(t, is), fc_tensor_shape_text(&expect, should));
	if (!fc_dtype_is_real(t->dtype) || !fc_tensor_count(t, &n))
		return fc_fail(e, "%s: tensor %s is %s, expected F32, F16, BF16 or F64", dir,
		    slot->name, fc_dtype_name(t->dtype));
	/* Kernels take aligned weights; a file does not promise them. */
	bool aligned = (uintptr_t)t->data % fc_dtype_size(t->dtype) == 0;
	if (slot->n_dim == 2 && aligned && t->dtype != FC_F64)
		fc_slot_bind(slot, m, t->data, t->dtype);
	else
		fc_slot_bind(slot, m, widen(m, t, n), FC_F32);
	return 0;
}

int fc_model_open(struct fc_model **out, const char *dir, struct fc_err *e)
{
	struct fc_model *m = FC_NEW(struct fc_model);
	struct fc_slot *slot = NULL;
	size_t n = 0;
	int ret = -1;
	if (fc_config_load(&m->cfg, dir, e) < 0 || fc_store_open(&m->store, dir, e) < 0)
		goto out;
	fc_model_prepare(m);
	n = fc_slots_new(&slot, &m->cfg);
	for (size_t i = 0; i < n; i++)
		if (bind_slot(m, &slot[i], dir, e) < 0)
			goto out;
	ret = check_surplus(m, slot, n, dir, e);
out:
	fc_slots_free(slot, n);
	if (ret < 0) {
		fc_model_close(m);
		m = NULL;
	}
	*out = m;
	return ret;
}

void fc_model_close(struct fc_model *m)
{
	if (!m)
		return;
	fc_model_release(m);
	free(m);
}

uint64_t fc_model_fingerprint(const struct fc_model *m)
{
	return fc_store_fingerprint(m->store);
}
