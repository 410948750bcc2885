/* SPDX-License-Identifier: Apache-2.0 */
/* Sums and products of the changes that stay against looking at each one. */
#include "fc-varm/method/stream_kept.h"

#include "sample.h"

#define N BLOCK_ELEMENTS

/* A block of one target: its values, the base's, and what stays. */
struct block {
	struct values values;
	double x[N], base[N];
	uint8_t bits[N / 8 + 1];
};

static void make_block(struct block *b, struct fc_rng *r, enum fc_dtype type, size_t n)
{
	memset(b->bits, 0xff, sizeof b->bits); /* also behind the end */
	for (size_t i = 0; i < n; i++) {
		b->base[i] = fc_rng_normal(r);
		b->x[i] = fc_rng_below(r, 4) ? b->base[i] + fc_rng_normal(r) * 0.01 : b->base[i];
		if (fc_rng_below(r, 2))
			b->bits[i / 8] &= (uint8_t) ~(1u << i % 8);
	}
	for (size_t i = n; i < N; i++)
		b->base[i] = NAN;
	make_values(&b->values, b->x, n, type);
}

static bool stays(const struct block *b, size_t i)
{
	return b->bits[i / 8] >> i % 8 & 1;
}

static bool has_wrong_sums(const struct block *b, size_t n)
{
	double lane[2 * LANES], want[2 * LANES], spare[N];
	for (size_t j = 0; j < 2 * LANES; j++)
		lane[j] = want[j] = (double)j;
	for (size_t i = 0; i < n; i++) {
		double magnitude = fabs(b->x[i] - b->base[i]);
		want[i % LANES] += magnitude;
		want[LANES + i % LANES] += stays(b, i) ? magnitude : 0;
	}
	varm_stream_kept_sums(&b->values, 0, n, b->base, b->bits, lane, spare);
	return memcmp(lane, want, sizeof lane) != 0;
}

static bool has_wrong_products(const struct block *b, size_t n, double weight)
{
	double out[N];
	uint64_t n_bad = 0;
	varm_stream_kept_weighed(&b->values, 0, n, b->base, b->bits, weight, out, &n_bad);
	for (size_t i = 0; i < n; i++) {
		double want = (b->x[i] - b->base[i]) * ((stays(b, i) ? 1 : 0) * weight);
		if (memcmp(&out[i], &want, sizeof want)) /* signs of zeros too */
			return true;
	}
	return n_bad != 0;
}

static bool misses_bad(struct block *b, enum fc_dtype type, size_t n, size_t at, double bad)
{
	double out[N];
	uint64_t n_bad = 0;
	free((void *)(uintptr_t)b->values.t.data);
	b->x[at] = bad;
	make_values(&b->values, b->x, n, type);
	varm_stream_kept_weighed(&b->values, 0, n, b->base, b->bits, 1, out, &n_bad);
	return n_bad == 0;
}

static void check_type(struct fc_rng *r, enum fc_dtype type, const char *name)
{
	struct block b;
	size_t sums = 0, products = 0, missed = 0;
	for (size_t n = 1; n <= N; n += n < 70 ? 1 : 17) {
		make_block(&b, r, type, n);
		sums += has_wrong_sums(&b, n);
		products += has_wrong_products(&b, n, 1.25);
		products += has_wrong_products(&b, n, -0.3);
		products += has_wrong_products(&b, n, 0);
		missed += misses_bad(&b, type, n, fc_rng_below(r, n), INFINITY);
		missed += misses_bad(&b, type, n, n - 1, NAN);
		free((void *)(uintptr_t)b.values.t.data);
	}
	T_OK(sums == 0, "%s: %zu sums wrong", name, sums);
	T_OK(products == 0, "%s: %zu products wrong", name, products);
	T_OK(missed == 0, "%s: %zu values that are not finite missed", name, missed);
}

int main(void)
{
	struct fc_rng r;
	fc_rng_seed(&r, 19);
	check_type(&r, FC_BF16, "bfloat16");
	check_type(&r, FC_F16, "float16");
	check_type(&r, FC_F32, "float");
	check_type(&r, FC_F64, "double");
	return t_done();
}
