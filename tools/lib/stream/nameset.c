/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/nameset.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

/* The slot of the name with these hashes, or the free one where it goes. */
static uint64_t *find_slot(const struct fc_nameset *s, const uint64_t h[2])
{
	size_t i = h[0] & (s->cap - 1);
	while (s->slot[i][1] && (s->slot[i][0] != h[0] || s->slot[i][1] != h[1]))
		i = (i + 1) & (s->cap - 1);
	return s->slot[i];
}

static void enlarge_set(struct fc_nameset *s)
{
	struct fc_nameset old = *s;
	s->cap = old.cap ? 2 * old.cap : 64;
	s->slot = fc_calloc(s->cap, sizeof *s->slot);
	for (size_t i = 0; i < old.cap; i++) {
		if (!old.slot[i][1])
			continue;
		uint64_t *to = find_slot(s, old.slot[i]);
		to[0] = old.slot[i][0];
		to[1] = old.slot[i][1];
	}
	free(old.slot);
}

bool fc_nameset_add(struct fc_nameset *s, const void *name, size_t n)
{
	const uint64_t h[2] = {fc_hash(name, n, 0), fc_hash(name, n, 1) | 1};
	if (2 * s->n >= s->cap)
		enlarge_set(s);
	uint64_t *slot = find_slot(s, h);
	if (slot[1])
		return false;
	slot[0] = h[0];
	slot[1] = h[1];
	s->n++;
	return true;
}

void fc_nameset_release(struct fc_nameset *s)
{
	free(s->slot);
	*s = (struct fc_nameset){0};
}
