/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_SHUTTLE_H
#define FC_MODEL_SHUTTLE_H

#include "model/slot.h"

/*
 * Layers that do not stay on the device: each comes there when a pass gets to it, into the place
 * that the one before has had.  A device does what it is asked for in order, so one place is
 * enough.
 */
struct fc_shuttle;
struct fc_shuttle *fc_shuttle_new(struct fc_model *m);
void fc_shuttle_free(struct fc_shuttle *s);
/* A tensor of a layer: n_bytes at host, where they stay. */
void fc_shuttle_add(struct fc_shuttle *s, const struct fc_slot *slot, const void *host,
    enum fc_dtype t, size_t n_bytes);
/* After the last tensor: takes the place. */
void fc_shuttle_start(struct fc_shuttle *s);
size_t fc_shuttle_place_bytes(const struct fc_shuttle *s); /* those of the largest layer */
/* The weights of the layer are on the device, until another one that does not stay is brought. */
void fc_shuttle_bring(struct fc_shuttle *s, size_t layer);

#endif
