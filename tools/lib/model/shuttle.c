/* SPDX-License-Identifier: Apache-2.0 */
#include "model/shuttle.h"

#include <stdlib.h>

#include "base/mem.h"

struct item {
	struct fc_slot slot; /* without its name */
	const void *host;
	enum fc_dtype type;
	size_t at, n_bytes; /* in the place */
};

struct load { /* of a layer */
	struct item *item;
	size_t n, cap;
	size_t n_bytes;
};

struct fc_shuttle {
	struct fc_model *m;
	struct load *load; /* [n_layer]; n 0: the layer stays on the device */
	char *place;       /* the device's */
	size_t n_place;    /* bytes */
	size_t layer;      /* the one that is there; SIZE_MAX: none */
};

enum { ALIGN = 256 }; /* as memory of a device may have to be */

struct fc_shuttle *fc_shuttle_new(struct fc_model *m)
{
	struct fc_shuttle *s = FC_NEW(struct fc_shuttle);
	s->m = m;
	s->load = FC_ARRAY(struct load, m->cfg.n_layer);
	s->layer = SIZE_MAX;
	return s;
}

void fc_shuttle_free(struct fc_shuttle *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->m->cfg.n_layer; i++)
		free(s->load[i].item);
	free(s->load);
	fc_nn_free(s->m->nn, s->place);
	free(s);
}

void fc_shuttle_add(struct fc_shuttle *s, const struct fc_slot *slot, const void *host,
    enum fc_dtype t, size_t n_bytes)
{
	struct load *l = &s->load[slot->layer];
	FC_GROW(l->item, l->cap, l->n + 1);
	struct item *x = &l->item[l->n++];
	*x = (struct item){*slot, host, t, l->n_bytes, n_bytes};
	x->slot.name = NULL;
	l->n_bytes += (n_bytes + ALIGN - 1) / ALIGN * ALIGN;
	if (l->n_bytes > s->n_place)
		s->n_place = l->n_bytes;
}

void fc_shuttle_start(struct fc_shuttle *s)
{
	if (s->n_place)
		s->place = fc_nn_alloc_for(s->m->nn, FC_USE_WEIGHTS, s->n_place, 1);
}

size_t fc_shuttle_place_bytes(const struct fc_shuttle *s)
{
	return s->n_place;
}

void fc_shuttle_bring(struct fc_shuttle *s, size_t layer)
{
	const struct load *l = &s->load[layer];
	if (!l->n || s->layer == layer)
		return;
	for (size_t i = 0; i < l->n; i++) {
		const struct item *x = &l->item[i];
		fc_nn_put(s->m->nn, s->place + x->at, x->host, x->n_bytes);
		fc_slot_bind(&x->slot, s->m, s->place + x->at, x->type);
	}
	if (!fc_nn_is_idle(s->m->nn))
		s->layer = layer;
}
