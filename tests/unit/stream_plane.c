/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/rng.h"
#include "stream/plane.h"
#include "tensor/dtype.h"
#include "t.h"

/* Every 37th float of either sign against the conversion of another layer. */
static void test_rounding(void)
{
	size_t n_bad = 0, n = 0;
	uint32_t u = 0;
	for (; u <= 0x7f800000 - 37; u += 37, n++) {
		float v;
		memcpy(&v, &u, 4);
		uint32_t expect = fc_f32_to_f16(v);
		if (expect > FC_MAX_LOGPROB_BITS)
			expect = FC_MAX_LOGPROB_BITS;
		n_bad += fc_logprob_bits(-v) != expect;
	}
	T_OK(n_bad == 0, "logprob: %zu of %zu values round otherwise", n_bad, n);
	T_EQ(fc_logprob_bits(-INFINITY), FC_MAX_LOGPROB_BITS, "logprob: of zero");
	T_EQ(fc_logprob_bits(0), 0, "logprob: of one");
	T_EQ(fc_logprob_bits(9e-4f), 0, "logprob: a little above zero");
	T_EQ(fc_logprob_bits(2e-3f), FC_BAD_LOGPROB, "logprob: too much above zero");
	T_EQ(fc_logprob_bits(NAN), FC_BAD_LOGPROB, "logprob: not a number");
}

static void test_values(void)
{
	enum { N = FC_MAX_LOGPROB_BITS + 1 };
	static uint32_t bits[N];
	static float value[N];
	size_t n_bad = 0;
	for (uint32_t i = 0; i < N; i++)
		bits[i] = i;
	fc_logprob_values(value, bits, N);
	for (uint32_t i = 0; i < N; i++)
		n_bad += value[i] != -fc_f16_to_f32((uint16_t)i);
	T_OK(n_bad == 0, "logprob: %zu of all values read otherwise", n_bad);
	T_OK(!signbit(value[0]), "logprob: zero has no sign");
}

static void test_planes(void)
{
	static const size_t size[] = {0, 1, 3, 17, 64, 1001};
	struct fc_rng rng;
	fc_rng_seed(&rng, 1);
	size_t n_bad = 0;
	for (int width = 1; width <= 4; width++)
		for (size_t s = 0; s < FC_LEN(size); s++) {
			size_t n = size[s];
			uint32_t *v = FC_ARRAY(uint32_t, n), *back = FC_ARRAY(uint32_t, n);
			uint8_t *planes = fc_malloc(n * (size_t)width);
			uint32_t max = 0;
			for (size_t i = 0; i < n; i++) {
				v[i] = (uint32_t)fc_rng_u64(&rng) >> (32 - 8 * width);
				max = v[i] > max ? v[i] : max;
			}
			fc_plane_split(planes, v, n, width);
			for (size_t i = 0; i < n; i++)
				for (int w = 0; w < width; w++)
					n_bad += planes[(size_t)w * n + i] != (v[i] >> 8 * w & 255);
			fc_plane_join(back, planes, n, width);
			n_bad += n && memcmp(v, back, n * sizeof *v);
			n_bad += fc_plane_max(v, n) != max;
			free(v);
			free(back);
			free(planes);
		}
	T_OK(n_bad == 0, "planes: cut, joined and searched right");
	T_EQ(fc_plane_width(0), 1, "plane width: of 0");
	T_EQ(fc_plane_width(255), 1, "plane width: of 255");
	T_EQ(fc_plane_width(256), 2, "plane width: of 256");
	T_EQ(fc_plane_width(65535), 2, "plane width: of 65535");
	T_EQ(fc_plane_width(65536), 3, "plane width: of 65536");
	T_EQ(fc_plane_width(UINT32_MAX), 4, "plane width: of 2^32 - 1");
}

int main(void)
{
	test_rounding();
	test_values();
	test_planes();
	return t_done();
}
