/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <xxhash.h>

#include "base/die.h"

uint64_t fc_hash(const void *p, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(p, n, seed);
}

struct fc_hasher *fc_hasher_new(void)
{
	XXH3_state_t *s = XXH3_createState();
	if (!s)
		fc_die("out of memory (hash state)");
	XXH3_64bits_reset(s);
	return (struct fc_hasher *)s;
}

void fc_hasher_add(struct fc_hasher *h, const void *p, size_t n)
{
	XXH3_64bits_update((XXH3_state_t *)h, p, n);
}

uint64_t fc_hasher_value(const struct fc_hasher *h)
{
	return XXH3_64bits_digest((const XXH3_state_t *)h);
}

void fc_hasher_reset(struct fc_hasher *h)
{
	XXH3_64bits_reset((XXH3_state_t *)h);
}

void fc_hasher_free(struct fc_hasher *h)
{
	XXH3_freeState((XXH3_state_t *)h);
}
