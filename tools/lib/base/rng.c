/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include <math.h>

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void fc_rng_seed(struct fc_rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&seed);
}

void fc_rng_seed2(struct fc_rng *r, uint64_t seed, uint64_t stream)
{
	uint64_t mixed = splitmix(&stream);
	fc_rng_seed(r, seed ^ mixed);
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t fc_rng_u64(struct fc_rng *r)
{
	uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t fc_rng_below(struct fc_rng *r, uint64_t n)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;
	do
		x = fc_rng_u64(r);
	while (x >= limit);
	return x % n;
}

double fc_rng_unit(struct fc_rng *r)
{
	return (double)(fc_rng_u64(r) >> 11) * 0x1p-53;
}

double fc_rng_normal(struct fc_rng *r)
{
	/* Box-Muller; the second value is dropped to keep the state free of a half-used pair. */
	double u = 1 - fc_rng_unit(r), v = fc_rng_unit(r);
	return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v);
}

void fc_rng_shuffle(struct fc_rng *r, void *items, size_t n, size_t size_bytes)
{
	unsigned char *a = items;
	for (size_t i = n; i > 1; i--) {
		unsigned char *x = a + (i - 1) * size_bytes;
		unsigned char *y = a + fc_rng_below(r, i) * size_bytes;
		for (size_t b = 0; b < size_bytes; b++) {
			unsigned char t = x[b];
			x[b] = y[b];
			y[b] = t;
		}
	}
}
