/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/launch.h"

#include <stdio.h>

void fc_cuda_fail(struct fc_cuda *cu, const char *fmt, ...)
{
	va_list ap;
	if (cu->failed)
		return;
	cu->failed = true;
	va_start(ap, fmt);
	fc_vfail(&cu->err, fmt, ap);
	va_end(ap);
}

bool fc_cuda_good(struct fc_cuda *cu, const char *what, cudaError_t status)
{
	if (status != cudaSuccess)
		fc_cuda_fail(cu, "device %s: %s: %s", cu->name, what, cudaGetErrorString(status));
	return !cu->failed;
}

bool fc_launch_begin(struct fc_cuda *cu, const struct fc_launch *l)
{
	const size_t block = (size_t)l->block.x * l->block.y * l->block.z;
	const size_t grid = (size_t)l->grid.x * l->grid.y * l->grid.z;
	if (grid == 0 || cu->failed)
		return false;
	cu->rounded.x = NULL;
	if (block == 0 || block > FC_BLOCK_MOST || block % FC_WARP)
		fc_cuda_fail(cu, "kernel %s: a block of %zu lanes", l->name, block);
	else if (l->grid.x > INT32_MAX || l->grid.y > FC_GRID_YZ_MOST ||
	    l->grid.z > FC_GRID_YZ_MOST)
		fc_cuda_fail(cu, "kernel %s: a grid of %u x %u x %u blocks", l->name, l->grid.x,
		    l->grid.y, l->grid.z);
	else if (l->shared_bytes > FC_SHARED_MOST)
		fc_cuda_fail(cu, "kernel %s: %zu bytes of shared memory", l->name, l->shared_bytes);
	else if (l->param_bytes > FC_PARAM_MOST)
		fc_cuda_fail(cu, "kernel %s: %zu bytes of parameters", l->name, l->param_bytes);
	return !cu->failed && !cu->nn.idle;
}

void fc_launch_end(struct fc_cuda *cu, const struct fc_launch *l)
{
	const cudaError_t status = cudaPeekAtLastError();
	if (status != cudaSuccess)
		fc_cuda_fail(
		    cu, "device %s: kernel %s: %s", cu->name, l->name, cudaGetErrorString(status));
}
