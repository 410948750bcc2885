/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as it is written. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "t.h"
#include "text/json.h"

static void writes(const char *text)
{
	struct fc_buf b = FC_BUF_INIT;
	json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
	fc_json_dump(&b, v);
	T_OK(v && b.p && !strcmp(b.p, text), "%s comes back as %s", text, b.p ? b.p : "nothing");
	json_decref(v);
	fc_buf_release(&b);
}

/* The bits of every number survive. */
static void test_bits(void)
{
	struct fc_rng r;
	size_t n_bad = 0;
	fc_rng_seed(&r, 8);
	for (int i = 0; i < 20000; i++) {
		struct fc_buf b = FC_BUF_INIT;
		const double x = ldexp(fc_rng_normal(&r), (int)fc_rng_below(&r, 200) - 100);
		json_t *v = json_pack("{s:[f, f]}", "a", x, (double)(float)x), *back;
		fc_json_dump(&b, v);
		back = json_loads(b.p, 0, NULL);
		n_bad += !json_equal(v, back);
		json_decref(v);
		json_decref(back);
		fc_buf_release(&b);
	}
	T_EQ(n_bad, 0, "numbers that are read back as others");
}

int main(void)
{
	writes("0.1");
	writes("{\"rms_norm_eps\":1e-5,\"rope_theta\":10000.0,\"x\":[0.9,3.14159]}");
	writes("[0.30000000000000004]");
	writes("[2.2250738585072014e-308,1.7976931348623157e308]");
	writes("{\"a\":{},\"b\":[],\"c\":null,\"d\":[true,false],\"e\":-5,\"f\":\"\\u0001\"}");
	test_bits();
	return t_done();
}
