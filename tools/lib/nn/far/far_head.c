/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/far/far.h"

static struct fc_head head_at(struct fc_far *f, const struct fc_head *h)
{
	return (struct fc_head){fc_far_weight(f, &h->w), h->n_vocab, h->softcap};
}

void fc_far_head_topk(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, size_t K, uint32_t *id, float *logprob, float *true_logprob)
{
	struct fc_far *f = fc_far_begin(nn, "head_topk");
	const struct fc_head at = head_at(f, h);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->head_topk(f->cpu, &at, x, target, N, K, id, logprob, true_logprob);
}

void fc_far_head_draw(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, const struct fc_draws *d, struct fc_rng *rng,
    uint32_t *n_entry, uint32_t *id, float *logprob, float *true_logprob)
{
	struct fc_far *f = fc_far_begin(nn, "head_draw");
	const struct fc_head at = head_at(f, h);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->head_draw(
		    f->cpu, &at, x, target, N, d, rng, n_entry, id, logprob, true_logprob);
}

void fc_far_head_logits(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits)
{
	struct fc_far *f = fc_far_begin(nn, "head_logits");
	const struct fc_head at = head_at(f, h);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->head_logits(f->cpu, &at, x, N, logits);
}

void fc_far_head_loss(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, const float *sft_weight, const float *kd_weight,
    const struct fc_teacher *teacher, size_t N, float *dx, float *dw, struct fc_loss *loss)
{
	struct fc_far *f = fc_far_begin(nn, "head_loss");
	const struct fc_head at = head_at(f, h);
	x = fc_far_at(f, x);
	dx = fc_far_at(f, dx);
	dw = fc_far_at(f, dw);
	if (!f->failed)
		f->cpu->ops->head_loss(
		    f->cpu, &at, x, target, sft_weight, kd_weight, teacher, N, dx, dw, loss);
}
