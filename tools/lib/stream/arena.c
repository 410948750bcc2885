/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/arena.h"

#include <stdlib.h>

#include "base/mem.h"

static void *arena_alloc(void *data, size_t n)
{
	struct fc_arena *a = data;
	if (n > a->cap - a->used)
		return NULL;
	void *p = a->p + a->used;
	n = (n + 15) & ~(size_t)15;
	a->used = n > a->cap - a->used ? a->cap : a->used + n;
	return p;
}

static void arena_free(void *data, void *p)
{
	(void)data;
	(void)p;
}

void fc_arena_init(struct fc_arena *a)
{
	*a = (struct fc_arena){.allocator = {arena_alloc, arena_free, a}};
}

void fc_arena_reset(struct fc_arena *a, size_t budget_bytes)
{
	a->used = 0;
	FC_GROW(a->p, a->cap, budget_bytes);
}

void fc_arena_release(struct fc_arena *a)
{
	free(a->p);
	fc_arena_init(a);
}
