/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/blas.h"
#include "nn/cuda/kernels.h"
#include "nn/cuda/launch.h"

#include <stdio.h>

/* The module's table, and what is said where no device can be used. */

enum { OLDEST_MAJOR = 8 /* compute capability: bfloat16 products */ };

static int device_count(struct fc_err *e)
{
	int driver = 0, n = 0;
	if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0)
		return fc_fail(e,
		    "device " FC_DEVICE_NAME
		    ": there is no NVIDIA driver on this machine (--device cpu "
		    "needs none)");
	const cudaError_t status = cudaGetDeviceCount(&n);
	if (status == cudaErrorInsufficientDriver)
		return fc_fail(e,
		    "device " FC_DEVICE_NAME ": the NVIDIA driver is for CUDA %d.%d; CUDA %d is "
		    "needed: install a newer driver, or use --device cpu",
		    driver / 1000, driver % 1000 / 10, FC_RUNTIME_MAJOR);
	if (status == cudaErrorNoDevice || (status == cudaSuccess && n == 0))
		return fc_fail(e,
		    "device " FC_DEVICE_NAME
		    ": there is a driver but no device for it (is CUDA_VISIBLE_DEVICES "
		    "set?)");
	if (status != cudaSuccess)
		return fc_fail(e, "device " FC_DEVICE_NAME ": %s", cudaGetErrorString(status));
	return n;
}

static int check(struct fc_nn *nn, struct fc_err *e)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	if (!cu->dry)
		fc_cuda_good(cu, "what was asked for", cudaStreamSynchronize(cu->stream));
	return cu->failed ? fc_fail(e, "%s", cu->err.msg) : 0;
}

static void describe(const struct fc_nn *nn, char *text, size_t size)
{
	const struct fc_cuda *cu = reinterpret_cast<const struct fc_cuda *>(nn);
	size_t n_free, n_total;
	fc_cuda_memory(nn, &n_free, &n_total);
	snprintf(text, size, "%s products by %s, %s, %zu of %zu MiB free",
	    nn->compute == FC_COMPUTE_BF16 ? "bf16" : "f32", fc_cuda_blas_name, cu->name,
	    n_free >> 20, n_total >> 20);
}

static void close_device(struct fc_nn *nn)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	if (!cu)
		return;
	if (cu->dry) {
		fc_cuda_dry_close(cu);
	} else {
		fc_cuda_blas_close(cu);
		fc_cuda_gpu_close(cu);
	}
	delete cu;
}

static struct fc_nn_ops make_ops(void)
{
	struct fc_nn_ops o = {};
	o.alloc = fc_cuda_alloc;
	o.release = fc_cuda_release;
	o.put = fc_cuda_put;
	o.get = fc_cuda_get;
	o.copy = fc_cuda_copy;
	o.copies = fc_cuda_copies;
	o.zero = fc_cuda_zero;
	o.keep = fc_cuda_keep;
	o.check = check;
	o.memory = fc_cuda_memory;
	o.few_rows = fc_cuda_few_rows;
	o.linear_fwd = fc_cuda_linear_fwd;
	o.linear_bwd_x = fc_cuda_linear_bwd_x;
	o.linear_bwd_w = fc_cuda_linear_bwd_w;
	o.bias_fwd = fc_cuda_bias_fwd;
	o.bias_bwd = fc_cuda_bias_bwd;
	o.gain_fwd = fc_cuda_gain_fwd;
	o.gain_bwd = fc_cuda_gain_bwd;
	o.rmsnorm_fwd = fc_cuda_rmsnorm_fwd;
	o.rmsnorm_bwd = fc_cuda_rmsnorm_bwd;
	o.layernorm_fwd = fc_cuda_layernorm_fwd;
	o.layernorm_bwd = fc_cuda_layernorm_bwd;
	o.rope_apply = fc_cuda_rope_apply;
	o.glu_fwd = fc_cuda_glu_fwd;
	o.glu_bwd = fc_cuda_glu_bwd;
	o.act_fwd = fc_cuda_act_fwd;
	o.act_bwd = fc_cuda_act_bwd;
	o.clip = fc_cuda_clip;
	o.clip_bwd = fc_cuda_clip_bwd;
	o.add = fc_cuda_add;
	o.scale = fc_cuda_scale;
	o.split = fc_cuda_split;
	o.concat = fc_cuda_concat;
	o.route_logits = fc_cuda_route_logits;
	o.gather_rows = fc_cuda_gather_rows;
	o.scatter_rows = fc_cuda_scatter_rows;
	o.dot_rows = fc_cuda_dot_rows;
	o.embed_fwd = fc_cuda_embed_fwd;
	o.embed_add = fc_cuda_embed_add;
	o.embed_bwd = fc_cuda_embed_bwd;
	o.attn_fwd = fc_cuda_attn_fwd;
	o.attn_bwd = fc_cuda_attn_bwd;
	o.head_topk = fc_cuda_head_topk;
	o.head_draw = fc_cuda_head_draw;
	o.head_logits = fc_cuda_head_logits;
	o.head_loss = fc_cuda_head_loss;
	o.sum_squares = fc_cuda_sum_squares;
	o.adamw = fc_cuda_adamw;
	o.to_bf16 = fc_cuda_to_bf16;
	o.dry = fc_cuda_dry_open;
	o.describe = describe;
	o.close = close_device;
	return o;
}
static const struct fc_nn_ops ops = make_ops();

static int open_on(struct fc_cuda *cu, enum fc_compute compute, struct fc_err *e)
{
	struct cudaDeviceProp p;
	/* What an attempt before left behind would be the first kernel's error. */
	cudaGetLastError();
	if (!fc_cuda_good(cu, "choosing it", cudaSetDevice(cu->index)) ||
	    !fc_cuda_good(cu, "its properties", cudaGetDeviceProperties(&p, cu->index)))
		return fc_fail(e, "%s", cu->err.msg);
	snprintf(cu->name, sizeof cu->name, "%s", p.name);
	if (p.major < OLDEST_MAJOR)
		return fc_fail(e,
		    "device " FC_DEVICE_NAME ":%d: %s has compute capability %d.%d; %d.0 is "
		    "needed, which is Ampere's",
		    cu->index, p.name, p.major, p.minor, OLDEST_MAJOR);
	cu->nn.compute = compute != FC_COMPUTE_AUTO ? compute : fc_cuda_blas_best(cu);
	return fc_cuda_gpu_open(cu, e) < 0 || fc_cuda_blas_open(cu, e) < 0 ? -1 : 0;
}

static int open_device(
    struct fc_nn **nn, int index, enum fc_compute compute, struct fc_nn *cpu, struct fc_err *e)
{
	const int n = device_count(e);
	*nn = NULL;
	if (n < 0)
		return -1;
	if (index < 0 || index >= n)
		return fc_fail(
		    e, "device " FC_DEVICE_NAME ":%d: there are %d, counted from 0", index, n);
	struct fc_cuda *cu = new struct fc_cuda();
	cu->nn.ops = &ops;
	cu->cpu = cpu;
	cu->index = index;
	snprintf(cu->name, sizeof cu->name, FC_DEVICE_NAME ":%d", index);
	if (open_on(cu, compute, e) < 0) {
		close_device(&cu->nn);
		return -1;
	}
	*nn = &cu->nn;
	return 0;
}

extern "C" {
extern const char fc_version[];
extern const struct fc_device_module fc_device_module __attribute__((visibility("default")));
const struct fc_device_module fc_device_module = {
    FC_DEVICE_ABI, sizeof(struct fc_nn_ops), fc_version, FC_DEVICE_NAME, device_count, open_device};
}
