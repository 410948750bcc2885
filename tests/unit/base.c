/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "t.h"

static void test_buf(void)
{
	struct fc_buf b = FC_BUF_INIT;
	for (int i = 0; i < 1000; i++)
		fc_buf_addf(&b, "%d,", i);
	T_EQ(b.n, 10 * 2 + 90 * 3 + 900 * 4, "buf: length after many appends");
	T_OK(!strncmp(b.p + b.n - 8, "998,999,", 8), "buf: contents");
	fc_buf_release(&b);
	fc_buf_adds(&b, "abc");
	char *s = fc_buf_detach(&b);
	T_STR(s, "abc", "buf: detaching gives the whole string");
	free(s);
	s = fc_buf_detach(&b);
	T_STR(s, "", "buf: detaching an empty buffer gives a string");
	free(s);
	fc_buf_adds(&b, "text");
	s = fc_buf_detach(&b);
	T_STR(s, "text", "buf: detaching gives the whole string");
	free(s);
}

static void test_size_mul(void)
{
	size_t n;
	T_OK(fc_size_mul(1u << 20, 1u << 20, &n) && n == (size_t)1 << 40, "size_mul: fits");
	T_OK(!fc_size_mul((size_t)1 << 40, (size_t)1 << 40, &n), "size_mul: overflow is seen");
}

static void test_rng(void)
{
	/* xoshiro256** from the state {1, 2, 3, 4}: first outputs of the authors' C program */
	struct fc_rng r = {{1, 2, 3, 4}};
	static const uint64_t expect[] = {11520, 0, 1509978240, 1215971899390074240};
	for (size_t i = 0; i < FC_LEN(expect); i++)
		T_EQ(fc_rng_u64(&r), expect[i], "rng: published sequence");
	fc_rng_seed(&r, 1);
	double sum = 0, sum2 = 0;
	for (int i = 0; i < 100000; i++) {
		double x = fc_rng_normal(&r);
		sum += x;
		sum2 += x * x;
	}
	T_NEAR(sum / 1e5, 0, 0.02, "rng: mean of normals");
	T_NEAR(sum2 / 1e5, 1, 0.02, "rng: variance of normals");
	int counts[6] = {0};
	for (int i = 0; i < 60000; i++)
		counts[fc_rng_below(&r, 6)]++;
	bool even = true;
	for (int i = 0; i < 6; i++)
		even = even && counts[i] > 9500 && counts[i] < 10500;
	T_OK(even, "rng: below() is uniform");
}

int main(void)
{
	test_buf();
	test_size_mul();
	test_rng();
	return t_done();
}
