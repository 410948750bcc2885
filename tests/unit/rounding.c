/* SPDX-License-Identifier: Apache-2.0 */
/* Stochastic rounding against its definition: one of the two neighbours, the upper with the
 * probability of the distance from the lower. */
#include "base/mem.h"
#include "t.h"
#include "tensor/rounding.h"

enum { N = 1 << 16 };
static const struct fc_rounding nearest, seed1 = {true, 1}, seed2 = {true, 2};
static float in[N], back[N];
static uint16_t out[N], other[N];

static void test_exact(enum fc_dtype t)
{
	size_t moved = 0;
	for (size_t i = 0; i < N; i++)
		other[i] = (uint16_t)i;
	fc_to_f32(in, other, t, N);
	fc_round_f32(out, t, in, N, &seed1, "w", 0);
	for (size_t i = 0; i < N; i++)
		moved += !isnan(in[i]) && out[i] != other[i];
	T_EQ(moved, (size_t)0, fc_dtype_name(t));
}

/* lower: the bits of a number of the type, the next one above it in size is lower + 1 */
static void test_share(enum fc_dtype t, uint16_t lower, double share)
{
	const uint16_t pair[2] = {lower, (uint16_t)(lower + 1)};
	float v[2];
	size_t up = 0, wrong = 0;
	double sum = 0;
	fc_to_f32(v, pair, t, 2);
	const float x = (float)((double)v[0] + share * ((double)v[1] - (double)v[0]));
	for (size_t i = 0; i < N; i++)
		in[i] = x;
	fc_round_f32(out, t, in, N, &seed1, "w", 7);
	fc_to_f32(back, out, t, N);
	for (size_t i = 0; i < N; i++) {
		up += out[i] == pair[1];
		wrong += out[i] != pair[0] && out[i] != pair[1];
		sum += (double)back[i];
	}
	const double got = (double)up / N, sigma = sqrt(share * (1 - share) / N);
	T_OK(!wrong && fabs(got - share) < 4 * sigma, "%s %04x + %g of a step: %.4f go up",
	    fc_dtype_name(t), lower, share, got);
	const double step = fabs((double)v[1] - (double)v[0]);
	T_OK(fabs(sum / N - (double)x) < 4 * sigma * step, "%s %04x + %g: right on average",
	    fc_dtype_name(t), lower, share);
}

static void test_keyed(enum fc_dtype t)
{
	size_t same = 0;
	for (size_t i = 0; i < N; i++)
		in[i] = 1 + (float)i * 0x1p-23f;
	fc_round_f32(out, t, in, N, &seed1, "w", 0);
	fc_round_f32(other, t, in, N, &seed1, "w", 0);
	T_OK(!memcmp(out, other, sizeof out), "%s: the same again", fc_dtype_name(t));
	for (size_t at = 0; at < N; at += 1000)
		fc_round_f32(
		    other + at, t, in + at, N - at < 1000 ? N - at : 1000, &seed1, "w", at);
	T_OK(!memcmp(out, other, sizeof out), "%s: the same in blocks", fc_dtype_name(t));
	fc_round_f32(other, t, in, N, &seed2, "w", 0);
	for (size_t i = 0; i < N; i++)
		same += out[i] == other[i];
	T_OK(same < N * 9 / 10, "%s: another seed draws others", fc_dtype_name(t));
	fc_round_f32(other, t, in, N, &seed1, "v", 0);
	T_OK(memcmp(out, other, sizeof out), "%s: another tensor draws others", fc_dtype_name(t));
	fc_round_f32(out, t, in, N, &nearest, "w", 0);
	fc_from_f32(other, t, in, N);
	T_OK(!memcmp(out, other, sizeof out), "%s: nearest is fc_from_f32()", fc_dtype_name(t));
}

static void test_edges(enum fc_dtype t, float most)
{
	const float x[] = {most, -most, 2 * most, -INFINITY, INFINITY, NAN, 0, -0.0f};
	const size_t n = sizeof x / sizeof *x;
	fc_round_f32(out, t, x, n, &seed1, "w", 0);
	fc_from_f32(other, t, x, n);
	T_OK(!memcmp(out, other, n * 2), "%s: ends of the range", fc_dtype_name(t));
}

int main(void)
{
	const enum fc_dtype type[] = {FC_BF16, FC_F16};
	for (size_t i = 0; i < 2; i++) {
		test_exact(type[i]);
		test_keyed(type[i]);
		/* normal, negative, subnormal numbers */
		const uint16_t lower[] = {0x3f80, 0x2e66, 0xb123, 0x0003, 0x8000};
		for (size_t k = 0; k < sizeof lower / sizeof *lower; k++) {
			test_share(type[i], lower[k], 0.5);
			test_share(type[i], lower[k], 0.0625);
			test_share(type[i], lower[k], 0.875);
		}
	}
	test_edges(FC_BF16, 3.38953139e38f);
	test_edges(FC_F16, 65504);
	float f32[2] = {1.1f, -3.3f}, same[2];
	fc_round_f32(same, FC_F32, f32, 2, &seed1, "w", 0);
	T_OK(!memcmp(f32, same, sizeof f32), "float32 stays");
	return t_done();
}
