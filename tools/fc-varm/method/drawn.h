/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_DRAWN_H
#define FC_VARM_DRAWN_H

#include "fc-varm/method/method.h"

/*
 * What sparsifiers draw of a unit, u->drawn: for each target in turn varm_drawn_bytes() of bits,
 * bit i % 8 of byte i / 8 for whether entry i of the unit stays.
 */

/* Bytes for n entries of a target. */
size_t varm_drawn_bytes(size_t n);
/* Before the pass that measures: what it draws is held for the one that merges, of as many units as
 * DRAWN_BYTES has room for.  Whoever measures sets r->drawn.known behind it. */
void varm_drawn_hold(struct measured *r, const struct views *v);
/* u->drawn: what is held, or what draw() fills in, in u->own where it is not. */
void varm_drawn_prepare(
    struct unit *u, const struct measured *r, void (*draw)(struct unit *u, uint8_t *bits));
/* The bits of a target's block in hand. */
const uint8_t *varm_drawn_block(const struct unit *u, int target);

#endif
