/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_RNG_H
#define FC_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* xoshiro256** (Blackman, Vigna 2018), seeded through splitmix64.  The state is plain data, so a
 * checkpoint can hold it; the sequence for a seed never changes. */
struct fc_rng {
	uint64_t s[4];
};

void fc_rng_seed(struct fc_rng *r, uint64_t seed);
/* An independent stream for (seed, stream): per example, per worker. */
void fc_rng_seed2(struct fc_rng *r, uint64_t seed, uint64_t stream);
uint64_t fc_rng_u64(struct fc_rng *r);
uint64_t fc_rng_below(struct fc_rng *r, uint64_t n); /* uniform in [0, n), n > 0 */
double fc_rng_unit(struct fc_rng *r);                /* [0, 1) with 53 random bits */
double fc_rng_normal(struct fc_rng *r);              /* mean 0, variance 1 */
void fc_rng_shuffle(struct fc_rng *r, void *items, size_t n, size_t size_bytes);

#endif
