/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the CUDA device, its copies and its errors, on the emulation: whatever FC_TEST_DEVICE
 * says. */
#include "nn/ops.h"
#include "nn_oracle.h"

static bool opens(struct fc_nn **nn, struct fc_err *e)
{
	return fc_nn_open(nn, "emu", FC_COMPUTE_F32, e) == 0;
}

static void refused(const char *devices, const char *said)
{
	struct fc_nn *nn;
	struct fc_err e = {""};
	setenv("FC_EMU_DEVICES", devices, 1);
	const bool good = !opens(&nn, &e) && strstr(e.msg, said);
	T_OK(good, "not opened: %s", e.msg);
	unsetenv("FC_EMU_DEVICES");
}

static size_t free_bytes(struct fc_nn *nn)
{
	size_t n_free, n_total;
	fc_nn_memory(nn, &n_free, &n_total);
	return n_free;
}

static void test_arena(struct fc_nn *nn, struct fc_rng *r)
{
	enum { N = 200 };
	void *p[N] = {NULL};
	size_t size[N] = {0};
	bool apart = true, none = true;
	nn->ops->release(nn, nn->ops->alloc(nn, 1)); /* the arena itself */
	const size_t before = free_bytes(nn);
	for (int k = 0; k < 2000; k++) {
		const size_t i = fc_rng_below(r, N);
		if (p[i]) {
			nn->ops->release(nn, p[i]);
			p[i] = NULL;
			continue;
		}
		size[i] = fc_rng_below(r, 5000);
		p[i] = nn->ops->alloc(nn, size[i]);
		apart = apart && p[i] && (uintptr_t)p[i] % 64 == 0;
		for (size_t j = 0; j < N; j++)
			apart = apart &&
			    (j == i || !p[j] || (char *)p[i] + size[i] <= (char *)p[j] ||
				(char *)p[j] + size[j] <= (char *)p[i]);
	}
	for (int i = 0; i < N; i++)
		if (p[i])
			nn->ops->release(nn, p[i]);
	T_OK(apart, "memory: parts do not meet");
	T_OK(free_bytes(nn) == before, "memory: all of it is there again after release");
	void *all = nn->ops->alloc(nn, before);
	T_OK(all && free_bytes(nn) == 0, "memory: as one piece");
	T_OK(!nn->ops->alloc(nn, 1), "memory: none is left, which is no error");
	if (all)
		nn->ops->release(nn, all);
	float y[64];
	float *fresh = nn->ops->alloc(nn, sizeof y);
	fc_nn_get(nn, y, fresh, sizeof y);
	for (int i = 0; i < 64; i++)
		none = none && isnan(y[i]);
	T_OK(none, "memory that was not written is no number");
	nn->ops->release(nn, fresh);
}

/* Beyond the ring of pinned memory, twice, with small copies before and between. */
static void test_copies(struct fc_nn *nn, struct fc_rng *r)
{
	const size_t n = ((size_t)150 << 20) + 13;
	unsigned char *x = fc_malloc(n), *y = fc_calloc(n, 1), small[100], back[100];
	for (size_t i = 0; i < n; i++)
		x[i] = (unsigned char)(i * 2654435761u >> 24);
	for (size_t i = 0; i < sizeof small; i++)
		small[i] = (unsigned char)fc_rng_below(r, 256);
	char *p = nn->ops->alloc(nn, n), *q = nn->ops->alloc(nn, n);
	fc_nn_put(nn, q, small, sizeof small);
	fc_nn_put(nn, p, x, n);
	fc_nn_get(nn, back, q, sizeof back);
	bool good = !memcmp(back, small, sizeof back);
	fc_nn_put(nn, q + 1000, small, sizeof small);
	fc_nn_get(nn, y, p, n);
	good = good && !memcmp(x, y, n);
	T_OK(good, "copies to the device and back, large and small");
	fc_nn_copy(nn, q, p, n);
	fc_nn_zero(nn, p, n);
	fc_nn_get(nn, y, q, n);
	good = !memcmp(x, y, n);
	fc_nn_get(nn, y, p, n);
	for (size_t i = 0; i < n; i++)
		good = good && y[i] == 0;
	T_OK(good, "copies on the device, zeros");
	nn->ops->release(nn, p);
	nn->ops->release(nn, q);
	free(x);
	free(y);
}

/* Of different lengths, more of them than go at a time. */
static void test_many_copies(struct fc_nn *nn, struct fc_rng *r)
{
	enum { N = 200, MOST = 3000 };
	static float x[N * MOST], y[N * MOST];
	struct fc_copy c[N];
	size_t other = 0;
	float *from = nn->ops->alloc(nn, sizeof x), *to = nn->ops->alloc(nn, sizeof y);
	for (size_t i = 0; i < FC_LEN(x); i++)
		x[i] = (float)i;
	fc_nn_put(nn, from, x, sizeof x);
	fc_nn_zero(nn, to, sizeof y);
	for (size_t i = 0; i < N; i++)
		c[i] = (struct fc_copy){
		    to + i * MOST, from + (N - 1 - i) * MOST, i == 7 ? 0 : fc_rng_below(r, MOST)};
	fc_nn_copies(nn, c, N);
	fc_nn_get(nn, y, to, sizeof y);
	for (size_t i = 0; i < FC_LEN(y); i++)
		other += y[i] !=
		    (i % MOST < c[i / MOST].n ? x[(N - 1 - i / MOST) * MOST + i % MOST] : 0);
	T_OK(other == 0, "many copies at once");
	nn->ops->release(nn, from);
	nn->ops->release(nn, to);
}

/* The first error stays, and nothing is done after it. */
static void test_error(struct fc_nn *nn)
{
	enum { R = 514 };
	float freq[R / 2] = {0}, one[4] = {1, 1, 1, 1}, y[4] = {0};
	const uint32_t zero = 0;
	const struct fc_rope rope = {R, freq, 1, false};
	struct fc_err e = {""}, again = {""};
	float *x = nn->ops->alloc(nn, 4 * R), *to = nn->ops->alloc(nn, sizeof one);
	uint32_t *pos = nn->ops->alloc(nn, sizeof zero);
	fc_nn_put(nn, to, one, sizeof one);
	fc_nn_put(nn, pos, &zero, sizeof zero);
	T_OK(fc_nn_check(nn, &e) == 0, "no error so far");
	fc_rope_apply(nn, x, pos, 1, 1, R, &rope, false);
	fc_add(nn, to, to, 4);
	T_OK(fc_nn_check(nn, &e) == -1 && strstr(e.msg, "514"), "an error is told: %s", e.msg);
	fc_nn_get(nn, y, to, sizeof y);
	T_OK(y[0] == 0 && !nn->ops->alloc(nn, 1), "nothing is done after an error");
	T_OK(fc_nn_check(nn, &again) == -1 && !strcmp(e.msg, again.msg), "the first error stays");
}

/* What a norm or a product has rounded is not rounded again: the host changes the floats here,
 * which the device does not see. */
static void test_rounded(struct fc_rng *r)
{
	enum { N = 70, C = 32 };
	struct fc_nn *nn;
	struct fc_err e;
	if (!T_OK(fc_nn_open(&nn, "emu", FC_COMPUTE_BF16, &e) == 0, "opened in bfloat16"))
		return;
	float *x = random_floats(r, N * C, 1);
	float *y[2] = {fc_malloc(N * C * sizeof *x), fc_malloc(N * C * sizeof *x)};
	float *a = nn->ops->alloc(nn, N * C * sizeof *a),
	      *z = nn->ops->alloc(nn, N * C * sizeof *z);
	float *gain = nn->ops->alloc(nn, C * sizeof *gain),
	      *b = nn->ops->alloc(nn, N * C * sizeof *b);
	const struct fc_weight w = {fc_nn_keep(nn, x, C * C * sizeof *x), FC_F32, C, C};
	fc_nn_put(nn, gain, x, C * sizeof *x);
	fc_nn_put(nn, b, x, N * C * sizeof *x);
	fc_rmsnorm_fwd(nn, a, b, gain, N, C, 1e-5f, false);
	for (int i = 0; i < 3; i++) { /* i: 1: after the norm, 2: after a product */
		if (i == 1)
			fc_rmsnorm_fwd(nn, a, b, gain, N, C, 1e-5f, false);
		if (i > 0)
			a[5] += 1;
		fc_linear_fwd(nn, z, a, &w, N);
		fc_nn_get(nn, y[i > 0], z, N * C * sizeof *z);
		T_OK(!memcmp(y[0], y[i > 0], N * C * sizeof *z), "rows are rounded once, %d", i);
	}
	free(y[0]);
	free(y[1]);
	free(x);
	fc_nn_close(nn);
}

/* Two at a time share the device's memory. */
static void test_two(struct fc_rng *r)
{
	enum { N = 1000 };
	struct fc_nn *a, *b;
	struct fc_err e;
	float *x = random_floats(r, N, 1), y[N];
	if (!T_OK(opens(&a, &e) && opens(&b, &e), "opened twice"))
		return;
	float *p = a->ops->alloc(a, sizeof y), *q = b->ops->alloc(b, sizeof y);
	fc_nn_put(a, p, x, sizeof y);
	fc_nn_put(b, q, x, sizeof y);
	fc_add(b, q, q, N);
	b->ops->release(b, q);
	fc_nn_close(b);
	fc_nn_get(a, y, p, sizeof y);
	T_OK(!memcmp(x, y, sizeof y), "the first goes on when the second is closed");
	a->ops->release(a, p);
	fc_nn_close(a);
	free(x);
}

/* Of several devices each of a launcher's processes has its own. */
static void test_own(void)
{
	static const char *const place[] = {"0", "1", "2"},
				 *const name[] = {"emulation 0", "emulation 1", "emulation 0"};
	struct fc_nn *nn;
	struct fc_err e;
	char text[512];
	setenv("FC_EMU_DEVICES", "2", 1);
	for (size_t i = 0; i < FC_LEN(place); i++) {
		setenv("OMPI_COMM_WORLD_LOCAL_RANK", place[i], 1);
		if (!T_OK(opens(&nn, &e), "opened as process %s", place[i]))
			continue;
		fc_nn_describe(nn, text, sizeof text);
		T_OK(strstr(text, name[i]), "... on %s: %s", name[i], text);
		fc_nn_close(nn);
	}
	T_OK(fc_nn_open(&nn, "emu:0", FC_COMPUTE_F32, &e) == 0, "opened by its number");
	fc_nn_describe(nn, text, sizeof text);
	T_OK(strstr(text, "emulation 0"), "... which holds for all");
	fc_nn_close(nn);
	unsetenv("OMPI_COMM_WORLD_LOCAL_RANK");
	unsetenv("FC_EMU_DEVICES");
}

/* Has this program the file in its memory? */
static bool is_mapped(const char *name)
{
	char line[4096];
	bool found = false;
	FILE *f = fopen("/proc/self/maps", "r");
	while (f && fgets(line, sizeof line, f))
		found = found || strstr(line, name);
	if (f)
		fclose(f);
	return found;
}

int main(void)
{
	struct fc_rng r;
	struct fc_nn *nn;
	struct fc_err e;
	setenv("FC_EMU_MEMORY", "1100000000", 1); /* half of it is left to libraries */
	setenv("FC_EMU_DEVICES", "0", 1);
	if (opens(&nn, &e) || strstr(e.msg, "no libfc-emu.so")) {
		t_skip("no libfc-emu.so: no C++ compiler was there");
		return t_done();
	}
	T_OK(is_mapped("libfc-emu.so"), "a module stays loaded where no device was opened");
	refused("0", "no device");
	if (!T_OK(opens(&nn, &e), "opened"))
		return t_done();
	fc_rng_seed(&r, 15);
	test_arena(nn, &r);
	test_copies(nn, &r);
	test_many_copies(nn, &r);
	test_error(nn);
	fc_nn_close(nn);
	test_rounded(&r);
	test_two(&r);
	refused("-1", "no NVIDIA driver");
	refused("-2", "CUDA 11.2");
	test_own();
	setenv("FC_EMU_MEMORY", "1000000000", 1);
	T_OK(opens(&nn, &e), "opened with little memory: nothing is taken yet");
	T_OK(!nn->ops->alloc(nn, 1) && fc_nn_check(nn, &e) == -1 && strstr(e.msg, "953 of 953 MiB"),
	    "too little: %s", e.msg);
	fc_nn_close(nn);
	return t_done();
}
