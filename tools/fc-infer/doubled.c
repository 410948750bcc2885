/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/doubled.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/hash.h"
#include "base/mem.h"

/* The place of the hash, or the free one where it belongs. */
static uint64_t *place_of(const struct doubled *d, uint64_t hash)
{
	size_t i = (size_t)hash & (d->n_slot - 1);
	while (d->slot[i] && d->slot[i] != hash)
		i = (i + 1) & (d->n_slot - 1);
	return &d->slot[i];
}

/* At most half of the places are taken. */
static void make_room(struct doubled *d)
{
	if (2 * (d->n + 1) <= d->n_slot)
		return;
	const struct doubled old = *d;
	d->n_slot = old.n_slot ? 2 * old.n_slot : 64;
	d->slot = FC_ARRAY(uint64_t, d->n_slot);
	for (size_t i = 0; i < old.n_slot; i++)
		if (old.slot[i])
			*place_of(d, old.slot[i]) = old.slot[i];
	free(old.slot);
}

void infer_doubled_add(struct doubled *d, const char *id)
{
	const uint64_t hash = fc_hash(id, strlen(id), 0);
	make_room(d);
	uint64_t *at = place_of(d, hash ? hash : 1);
	if (!*at) {
		*at = hash ? hash : 1;
		d->n++;
		return;
	}
	if (!d->n_doubled++)
		d->first = fc_strdup(id);
}

void infer_doubled_tell(const struct doubled *d)
{
	if (d->n_doubled)
		fc_warn("%" PRIu64 " lines have the id of an earlier line, first \"%.100s\"; of "
			"their answers a judge takes the last",
		    d->n_doubled, d->first);
}

void infer_doubled_release(struct doubled *d)
{
	free(d->slot);
	free(d->first);
	*d = (struct doubled){0};
}
