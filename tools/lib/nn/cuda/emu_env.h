/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_EMU_ENV_H
#define FC_NN_CUDA_EMU_ENV_H

#include "nn/cuda/emu.h"

/* What the environment says to the emulation (emu.h), and the last error of its runtime. */

enum fc_emu_order_kind { FC_EMU_FORWARD, FC_EMU_REVERSE, FC_EMU_SHUFFLE };
struct fc_emu_order {
	enum fc_emu_order_kind kind;
	uint64_t seed;
};
struct fc_emu_order fc_emu_order_read(void);
/* The SYNC of a kernel that does nothing; -1: none. */
int fc_emu_dropped(const char *kernel);
/* seen: bit i for SYNC(i) */
void fc_emu_trace(const char *kernel, uint64_t seen);

/* Keeps an error as cudaGetLastError() tells it; returns it. */
cudaError_t fc_emu_raise(cudaError_t status, const char *text);

#endif
