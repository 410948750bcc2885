/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/schedule.h"

#include <math.h>

double train_schedule_lr(const struct train_schedule *s, double begin, double end, double total)
{
	double rise = s->warmup * total, left = 1;
	if (total <= 0)
		return s->lr;
	if (begin < rise)
		return s->lr * fmin(1, end / rise);
	double done = total > rise ? fmin(1, (begin - rise) / (total - rise)) : 1;
	switch (s->decay) {
	case TRAIN_DECAY_COSINE: /* Loshchilov, Hutter, arXiv 1608.03983, without restarts */
		left = 0.5 * (1 + cos(3.14159265358979323846 * done));
		break;
	case TRAIN_DECAY_LINEAR:
		left = 1 - done;
		break;
	default: /* TRAIN_DECAY_CONSTANT */
		return s->lr;
	}
	return s->lr * (s->min_ratio + (1 - s->min_ratio) * left);
}
