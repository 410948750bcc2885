/* SPDX-License-Identifier: Apache-2.0 */
#include "base/resample.h"

#include "t.h"

/* Of few items the resamples can be listed by hand. */
static void test_few(void)
{
	struct fc_resample_interval i;
	/* sums of two draws of {0, 1}: 0, 1/2, 1 with 1/4, 1/2, 1/4; of the same over twice the
	 * denominators half of it */
	const struct fc_resample_part two[2][2] = {{{0, 1}, {0, 2}}, {{1, 1}, {1, 2}}};
	struct fc_resample_interval both[2];
	fc_resample_ratios(&two[0][0], 2, 2, 1, 1000, both);
	T_OK(both[0].low == 0 && both[0].high == 1, "two items: from the least to the most");
	T_OK(both[1].low == 0 && both[1].high == .5, "two items: a second ratio of the same draws");

	const struct fc_resample_part same[3] = {{2, 4}, {2, 4}, {2, 4}};
	fc_resample_ratios(same, 3, 1, 7, 100, &i);
	T_OK(i.low == .5 && i.high == .5, "equal items: no spread");

	fc_resample_ratios(NULL, 0, 1, 7, 100, &i);
	T_OK(isnan(i.low) && isnan(i.high), "no item: no interval");
	fc_resample_ratios(same, 3, 1, 7, 0, &i);
	T_OK(isnan(i.low), "no draw: no interval");
	const struct fc_resample_part empty[2] = {{0, 0}, {0, 0}};
	fc_resample_ratios(empty, 2, 1, 7, 100, &i);
	T_OK(isnan(i.low), "denominators of 0: no interval");
	const struct fc_resample_part some[2] = {{0, 0}, {3, 2}};
	fc_resample_ratios(some, 2, 1, 7, 1000, &i);
	T_OK(i.low == 1.5 && i.high == 1.5, "draws whose denominator is 0 do not count");
}

/* Many items: the normal approximation of a mean, m +- 1.96 s / sqrt(n). */
static void test_many(void)
{
	enum { N = 900 };
	static struct fc_resample_part p[N];
	double sum = 0, square = 0;
	uint32_t x = 12345;
	for (size_t k = 0; k < N; k++) {
		x = x * 1664525 + 1013904223; /* Knuth's generator, "quick and dirty" */
		double v = (double)(x >> 8) / (1 << 24);
		p[k] = (struct fc_resample_part){v, 1};
		sum += v;
		square += v * v;
	}
	double mean = sum / N, half = 1.959964 * sqrt((square / N - mean * mean) / N);
	struct fc_resample_interval i, again, other;
	fc_resample_ratios(p, N, 1, 3, 4000, &i);
	T_NEAR(i.low, mean - half, half * .1, "many items: low end of the normal interval");
	T_NEAR(i.high, mean + half, half * .1, "many items: high end of the normal interval");
	fc_resample_ratios(p, N, 1, 3, 4000, &again);
	fc_resample_ratios(p, N, 1, 4, 4000, &other);
	T_OK(i.low == again.low && i.high == again.high, "the same seed: the same interval");
	T_OK(i.low != other.low, "another seed: another one");
}

int main(void)
{
	test_few();
	test_many();
	return t_done();
}
