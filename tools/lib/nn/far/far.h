/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_FAR_H
#define FC_NN_FAR_H

#include "nn/device.h"

/*
 * far/: a device for tests, the processor behind addresses that the program must not touch.  far is
 * the module and its operations (far_head: of the output layer), which take their arguments to
 * where the data really is and call the processor's; far_memory is the memory.  What a program does
 * to device memory by itself ends it at once, here and not only where there is a GPU; so does what
 * an operation does outside of an allocation or after its release.
 *
 * FC_FAR_MIB is the memory it has, 64 GiB if that is not set.
 */
struct fc_far_block {
	char *p; /* as it was handed out */
	size_t n_bytes;
};

struct fc_far {
	struct fc_nn nn;
	struct fc_nn *cpu;
	char *away, *here;          /* two spans of addresses; what is handed out lies in away */
	size_t next;                /* in them: addresses are not used twice */
	struct fc_far_block *block; /* [n_block] allocated */
	size_t n_block, cap_block;
	size_t n_used, n_most, n_total; /* bytes; n_most: so far */
	struct fc_attn_seq *seq;        /* [cap_seq] of a call, translated */
	struct fc_attn_grad *grad;
	size_t cap_seq;
	const char *doing; /* for the message */
	bool failed;
	struct fc_err first;
};

int fc_far_map(struct fc_far *f, struct fc_err *e);
void fc_far_unmap(struct fc_far *f);
void *fc_far_alloc(struct fc_nn *nn, size_t n_bytes);
void fc_far_release(struct fc_nn *nn, void *p);
const void *fc_far_keep(struct fc_nn *nn, const void *host, size_t n_bytes);
void fc_far_memory(const struct fc_nn *nn, size_t *n_free, size_t *n_total);

/* Where the data of an address is; NULL where that is none of the device, which is an error. */
void *fc_far_at(struct fc_far *f, const void *p);
void fc_far_fail(struct fc_far *f, const char *what, const void *p);

/* far.c: begins an operation; an operand of it, where it really is. */
struct fc_far *fc_far_begin(struct fc_nn *nn, const char *doing);
struct fc_weight fc_far_weight(struct fc_far *f, const struct fc_weight *w);
/* far_head.c: of the table of operations */
void fc_far_head_topk(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, size_t K, uint32_t *id, float *logprob, float *true_logprob);
void fc_far_head_draw(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, const struct fc_draws *d, struct fc_rng *rng,
    uint32_t *n_entry, uint32_t *id, float *logprob, float *true_logprob);
void fc_far_head_logits(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits);
void fc_far_head_loss(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, const float *sft_weight, const float *kd_weight,
    const struct fc_teacher *teacher, size_t N, float *dx, float *dw, struct fc_loss *loss);

#endif
