/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/drawn.h"

#include <string.h>

#include "base/mem.h"

#define DRAWN_BYTES ((size_t)1 << 26)

size_t varm_drawn_bytes(size_t n)
{
	return n / 8 + 1;
}

void varm_drawn_hold(struct measured *r, const struct views *v)
{
	size_t n_bytes = (size_t)v->n_target * varm_drawn_bytes(v->unit);
	size_t n_unit = v->n / v->unit + 1, most = DRAWN_BYTES / n_bytes;
	r->drawn.n_unit = n_unit < most ? n_unit : most;
	r->drawn.bits = fc_malloc(r->drawn.n_unit * n_bytes + 1);
}

void varm_drawn_prepare(
    struct unit *u, const struct measured *r, void (*draw)(struct unit *u, uint8_t *bits))
{
	const struct views *v = u->v;
	size_t i = u->begin / v->unit, n_target = (size_t)v->n_target;
	if (i < r->drawn.n_unit) {
		uint8_t *held = r->drawn.bits + i * n_target * varm_drawn_bytes(v->unit);
		if (!r->drawn.known)
			draw(u, held);
		u->drawn = held;
		return;
	}
	u->own = fc_malloc(n_target * varm_drawn_bytes(u->end - u->begin));
	draw(u, u->own);
	u->drawn = u->own;
}

const uint8_t *varm_drawn_block(const struct unit *u, int target)
{
	size_t at = u->first - u->begin; /* a multiple of 8 */
	return u->drawn + (size_t)target * varm_drawn_bytes(u->end - u->begin) + at / 8;
}
