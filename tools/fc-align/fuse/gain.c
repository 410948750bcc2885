/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/gain.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

static const char *category_of(const struct align_devset *d, size_t c)
{
	return d->categories.n ? d->categories.name[d->conv[c].category] : NULL;
}

static double nats_by(
    const struct align_devset *d, size_t c, size_t first, const struct align_mixweights *w)
{
	return align_devset_mixture_nats(
	    d, c, first, w->m, align_mixweights_find(w, category_of(d, c)));
}

int align_gains_measure(struct align_gains *g, const struct align_devset *d, size_t first,
    const struct align_mixweights *w, double prior, struct fc_err *e)
{
	g->fitted = FC_ARRAY(double, d->n_conv);
	g->fresh = FC_ARRAY(double, d->n_conv);
	for (size_t c = 0; c < d->n_conv; c++)
		g->fitted[c] = nats_by(d, c, first, w);
	for (int fold = 0; fold < 2; fold++) {
		struct align_mixweights other;
		int rc = align_mixweights_fit(&other, d, first, fold, prior, e);
		for (size_t c = 0; c < d->n_conv && rc == 0; c++)
			if (d->conv[c].fold == fold)
				g->fresh[c] = nats_by(d, c, first, &other);
		align_mixweights_release(&other);
		if (rc < 0)
			return -1;
	}
	return 0;
}

void align_gains_release(struct align_gains *g)
{
	free(g->fitted);
	free(g->fresh);
	*g = (struct align_gains){0};
}

void align_gain_of(struct align_gain *to, const struct align_gains *g, const struct align_devset *d,
    size_t category, uint64_t seed, size_t n_draw)
{
	*to = (struct align_gain){.bits = FC_ARRAY(double, d->n),
	    .gain = FC_ARRAY(double, d->n),
	    .within = FC_ARRAY(struct fc_interval, d->n)};
	struct fc_share *part = fc_calloc(d->n_conv, d->n * sizeof *part);
	size_t n = 0;
	for (size_t c = 0; c < d->n_conv; c++) {
		const struct align_dev_conversation *v = &d->conv[c];
		if (category != SIZE_MAX && v->category != category)
			continue;
		for (size_t i = 0; i < d->n; i++) {
			double own = align_devset_nats(d, c, i) / log(2);
			to->bits[i] += own;
			part[n * d->n + i] =
			    (struct fc_share){own - g->fresh[c] / log(2), v->bytes};
		}
		to->fitted += g->fitted[c] / log(2);
		to->fresh += g->fresh[c] / log(2);
		to->bytes += v->bytes;
		to->n_label += v->n;
		to->n_trained += v->n_trained;
		n++;
	}
	to->n_conv = n;
	to->fitted /= to->bytes;
	to->fresh /= to->bytes;
	for (size_t i = 0; i < d->n; i++) {
		to->bits[i] /= to->bytes;
		to->gain[i] = to->bits[i] - to->fresh;
	}
	fc_resample_ratios(part, n, d->n, seed, n_draw, to->within);
	free(part);
}

void align_gain_release(struct align_gain *g)
{
	free(g->bits);
	free(g->gain);
	free(g->within);
	*g = (struct align_gain){0};
}
