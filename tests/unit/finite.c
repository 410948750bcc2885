/* SPDX-License-Identifier: Apache-2.0 */
/* Every value of the small types against isfinite() of what it converts to; places in long runs. */
#include "tensor/finite.h"

#include <math.h>
#include <stdlib.h>

#include "base/isa.h"
#include "base/mem.h"
#include "t.h"

static void test_every_16(enum fc_dtype t)
{
	size_t wrong = 0, n_bad = 0;
	for (uint32_t i = 0; i < 65536; i++) {
		uint16_t x = (uint16_t)i;
		double v;
		fc_to_f64(&v, &x, t, 1);
		n_bad += !isfinite(v);
		wrong += fc_finite_count(&x, t, 1) != (size_t) !!isfinite(v);
	}
	T_OK(!wrong && n_bad > 100, "every value of %s", fc_dtype_name(t));
}

/* By the definition of the formats (Micikevicius et al. 2022, table 1). */
static void test_every_8(void)
{
	size_t wrong = 0;
	for (uint32_t i = 0; i < 256; i++) {
		uint8_t x = (uint8_t)i;
		bool e4m3 = x != 0x7f && x != 0xff, e5m2 = (x & 0x7f) < 0x7c;
		wrong += fc_finite_count(&x, FC_F8_E4M3, 1) != (size_t)e4m3;
		wrong += fc_finite_count(&x, FC_F8_E5M2, 1) != (size_t)e5m2;
		wrong += fc_finite_count(&x, FC_U8, 1) != 1;
	}
	T_OK(!wrong, "every value of eight bits");
}

static void test_places(enum fc_dtype t, double bad)
{
	enum { N = 20000 };
	const size_t size = fc_dtype_size(t), places[] = {0, 1, 63, 1024, 8191, 8192, 8193, N - 1};
	unsigned char *room = fc_malloc(N * size + 1), *p = room + 1; /* not aligned */
	double one = 1;
	for (size_t i = 0; i < N; i++)
		fc_from_f64(p + i * size, t, &one, 1);
	bool right = fc_finite_count(p, t, N) == N && fc_finite_count(p, t, 0) == 0;
	for (size_t i = 0; i < FC_LEN(places); i++) {
		fc_from_f64(p + places[i] * size, t, &bad, 1);
		right = right && fc_finite_count(p, t, N) == places[i];
		fc_from_f64(p + places[i] * size, t, &one, 1);
	}
	T_OK(right, "%s: %g is found where it is", fc_dtype_name(t), bad);
	free(room);
}

int main(void)
{
	static const enum fc_dtype types[] = {FC_F16, FC_BF16, FC_F32, FC_F64};
	for (int level = FC_ISA_BASELINE; level <= FC_ISA_AVX512; level++) {
		fc_isa_limit((enum fc_isa)level);
		for (size_t i = 0; i < FC_LEN(types); i++) {
			test_places(types[i], NAN);
			test_places(types[i], INFINITY);
			test_places(types[i], -INFINITY);
		}
	}
	test_every_16(FC_F16);
	test_every_16(FC_BF16);
	test_every_8();
	return t_done();
}
