/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/launch.h"

#include "t.h"

/* The emulation of launch.h: what kernels can do, and the faults that it reports. */

static struct fc_cuda *device(void)
{
	static struct fc_cuda cu;
	cu.failed = false;
	*cu.err.msg = '\0';
	snprintf(cu.name, sizeof cu.name, "test");
	return &cu;
}

__global__ void index_k(size_t *seen, unsigned *count)
{
	const size_t block = ((size_t)blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
	const size_t lane =
	    ((size_t)threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
	const size_t i = block * blockDim.x * blockDim.y * blockDim.z + lane;
	seen[i] = i;
	count[i]++;
}

static void test_index(void)
{
	enum { N = 2 * 3 * 5 * 8 * 4 * 3 };
	size_t seen[N];
	unsigned count[N] = {0};
	bool good = true;
	struct fc_cuda *cu = device();
	KLAUNCH(cu, index_k, dim3(2, 3, 5), dim3(8, 4, 3), 0, seen, count);
	for (size_t i = 0; i < N; i++)
		good = good && seen[i] == i && count[i] == 1;
	T_OK(good && !cu->failed, "every lane of every block runs once");
}

/* to[i] = from[n - 1 - i] of every block, through shared memory. */
__global__ void turn_k(float *to, const float *from)
{
	DYN_SHARED(float, a);
	SHARED(float, b, 64);
	a[threadIdx.x] = from[lane_index()];
	SYNC(1);
	b[threadIdx.x] = a[blockDim.x - 1 - threadIdx.x];
	SYNC(2);
	to[lane_index()] = b[threadIdx.x];
}

__global__ void sums_k(double *sum, float *most, const float *x)
{
	SHARED(double, s, FC_WARP);
	SHARED(float, t, FC_WARP);
	const double all = block_sum((double)x[lane_index()], s, 1);
	const double twice = block_sum(all, s, 3);
	most[lane_index()] = block_max(x[lane_index()], t, 5);
	sum[lane_index()] = twice;
}

static void test_shared(void)
{
	enum { BLOCKS = 3, BLOCK = 64, N = BLOCKS * BLOCK };
	float x[N], y[N], most[N];
	double sum[N];
	bool turned = true, added = true;
	struct fc_cuda *cu = device();
	for (int i = 0; i < N; i++)
		x[i] = (float)((i * 37) % 101) / 8;
	KLAUNCH(cu, turn_k, BLOCKS, BLOCK, BLOCK * sizeof(float), y, x);
	KLAUNCH(cu, sums_k, BLOCKS, BLOCK, 0, sum, most, x);
	for (int b = 0; b < BLOCKS; b++) {
		double want = 0;
		float top = 0;
		for (int i = 0; i < BLOCK; i++) {
			want += (double)x[b * BLOCK + i];
			top = fmaxf(top, x[b * BLOCK + i]);
		}
		for (int i = 0; i < BLOCK; i++) {
			turned = turned && y[b * BLOCK + i] == x[b * BLOCK + BLOCK - 1 - i];
			added = added && sum[b * BLOCK + i] == want * BLOCK &&
			    most[b * BLOCK + i] == top;
		}
	}
	T_OK(turned && !cu->failed, "shared memory, dynamic and static, and barriers");
	T_OK(added && !cu->failed, "sums and maxima of a block");
}

__global__ void lane_sums_k(float *sum, float *by_steps, const float *x)
{
	float a[16], b[16];
	for (int j = 0; j < 16; j++)
		a[j] = b[j] = x[threadIdx.x * 16 + j];
	lane_sums<16>(a);
	lane_sums_by_steps<16>(b);
	sum[threadIdx.x] = a[0];
	by_steps[threadIdx.x] = b[0];
}

/* In one exchange, as the emulation has it, and in the steps of a device. */
static void test_lane_sums(void)
{
	enum { BLOCK = 64 };
	float x[BLOCK * 16], sum[BLOCK], by_steps[BLOCK];
	bool good = true;
	struct fc_cuda *cu = device();
	for (int i = 0; i < BLOCK * 16; i++)
		x[i] = 1 / (float)(i + 1);
	KLAUNCH(cu, lane_sums_k, 1, BLOCK, 0, sum, by_steps, x);
	for (int i = 0; i < BLOCK; i++) {
		double want = 0;
		for (int l = 0; l < FC_WARP; l++)
			want += (double)x[(i / FC_WARP * FC_WARP + l) * 16 + i % FC_WARP / 2];
		good = good && t_near((double)sum[i], want, 5 * T_U);
	}
	T_OK(good && !cu->failed, "16 sums over the lanes of a warp");
	T_OK(!memcmp(sum, by_steps, sizeof sum), "by steps: the same bits");
}

__global__ void poison_k(float *y)
{
	DYN_SHARED(float, a);
	SHARED(float, b, 32);
	y[2 * threadIdx.x] = a[threadIdx.x];
	y[2 * threadIdx.x + 1] = b[threadIdx.x];
}

static void test_poison(void)
{
	float y[64];
	bool good = true;
	struct fc_cuda *cu = device();
	KLAUNCH(cu, poison_k, 1, 32, 32 * sizeof(float), y);
	for (int i = 0; i < 64; i++)
		good = good && isnan(y[i]);
	T_OK(good && !cu->failed, "shared memory that was not written is no number");
}

__global__ void ends_early_k(int *y)
{
	if (threadIdx.x == 40)
		return;
	SYNC(1);
	*y = 1;
}

__global__ void two_barriers_k(int *y)
{
	if (threadIdx.x < 32)
		SYNC(1);
	else
		SYNC(2);
	*y = 1;
}

__global__ void half_a_warp_k(int *y)
{
	if (threadIdx.x % 32 < 16)
		*y = lane_xor(1, 1);
	SYNC(1);
}

__global__ void deep_k(int *y)
{
	volatile char a[70000];
	a[threadIdx.x] = 1;
	*y = a[threadIdx.x];
}

__global__ void wide_k(int *y)
{
	SHARED(int, a, 12000);
	DYN_SHARED(int, b);
	*y = a[0] + b[0];
}

static void fault(const char *what, const struct fc_cuda *cu, const char *a, const char *b)
{
	T_OK(cu->failed && strstr(cu->err.msg, a) && strstr(cu->err.msg, b), "%s: %s", what,
	    cu->failed ? cu->err.msg : "not reported");
}

/* Errors of a launch stay, so that each fault has a process of its own. */
static void test_faults(const char *name)
{
	struct fc_cuda *cu = device();
	int y = 0;
	if (!strcmp(name, "ended")) {
		KLAUNCH(cu, ends_early_k, 2, 64, 0, &y);
		fault("a lane has ended", cu, "ends_early_k", "lane 40 has ended");
	} else if (!strcmp(name, "two")) {
		KLAUNCH(cu, two_barriers_k, 1, 64, 0, &y);
		fault("two barriers", cu, "two_barriers_k", "SYNC(1)");
	} else if (!strcmp(name, "warp")) {
		KLAUNCH(cu, half_a_warp_k, 1, 64, 0, &y);
		fault("half a warp exchanges", cu, "half_a_warp_k", "exchanges");
	} else if (!strcmp(name, "shared")) {
		KLAUNCH(cu, wide_k, 1, 32, 54000, &y);
		fault("shared memory", cu, "wide_k", "shared memory");
	}
	KLAUNCH(cu, index_k, 1, 32, 0, NULL, NULL);
}

static void test_limits(void)
{
	int y = 0;
	struct big {
		char c[4096];
	} big = {};
	(void)big;
	struct fc_cuda *cu = device();
	KLAUNCH(cu, deep_k, 1, 2048, 0, &y);
	fault("block", cu, "deep_k", "2048 lanes");
	cu = device();
	KLAUNCH(cu, deep_k, 1, 48, 0, &y);
	fault("whole warps", cu, "deep_k", "48 lanes");
	cu = device();
	KLAUNCH(cu, deep_k, dim3(1, 65536), 32, 0, &y);
	fault("grid", cu, "deep_k", "65536");
	cu = device();
	KLAUNCH(cu, deep_k, 1, 32, 101377, &y);
	fault("shared memory", cu, "deep_k", "101377 bytes");
	cu = device();
	KLAUNCH(cu, deep_k, 0, 32, 0, &y);
	T_OK(!cu->failed && y == 0, "a grid without blocks is not started");
}

int main(int argc, char **argv)
{
	static const char *const faults[] = {"ended", "two", "warp", "shared"};
	if (argc > 1) {
		test_faults(argv[1]);
		return t_failed;
	}
	test_index();
	test_shared();
	test_lane_sums();
	test_poison();
	test_limits();
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		char command[512];
		snprintf(command, sizeof command, "%s %s >/dev/null", argv[0], faults[i]);
		T_OK(system(command) == 0, "fault is reported: %s", faults[i]);
	}
	return t_done();
}
