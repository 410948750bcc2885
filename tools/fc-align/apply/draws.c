/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/draws.h"

#include <math.h>

#include "stream/check.h"

struct align_draws align_draws_of(const struct fc_header *h, const struct fc_example *x)
{
	return (struct align_draws){h->n_sample, h->n_sample && fc_check_own_rows(h, x)};
}

double align_draws_share(const struct align_draws *d, float logprob)
{
	const double p = exp((double)logprob);
	return d->counts ? rint(p * d->n) / d->n : p;
}

float align_draws_absent(
    const struct align_draws *d, size_t n_entry, const float *logprob, size_t n_vocab)
{
	double once = 0;
	for (size_t i = 0; i < n_entry; i++)
		once += exp((double)logprob[i]) * d->n < 1.5;
	const double rest = n_vocab > n_entry ? (double)(n_vocab - n_entry) : 1;
	return (float)log(fmax(once, 1) / d->n / rest);
}
