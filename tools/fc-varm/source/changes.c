/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/source/changes.h"

static void read_sum(const struct feed *f, size_t first, size_t n, double *out)
{
	enum { PART = 1024 };
	const struct changed *c = f->ctx;
	double change[PART];
	varm_feed_read(&c->value, first, n, out);
	for (size_t at = 0, m; at < n; at += m) {
		m = n - at < PART ? n - at : PART;
		varm_feed_read(&c->change, first + at, m, change);
		for (size_t i = 0; i < m; i++)
			out[at + i] += change[i];
	}
}

static void forget_both(const struct feed *f, size_t first, size_t n)
{
	const struct changed *c = f->ctx;
	varm_feed_forget(&c->value, first, n);
	varm_feed_forget(&c->change, first, n);
}

struct feed varm_changes_feed(struct changed *c, struct feed value, const struct fc_tensor *change)
{
	*c = (struct changed){value, varm_feed_mapped(change, value.model)};
	return (struct feed){
	    .t = value.t, .read = read_sum, .forget = forget_both, .ctx = c, .model = value.model};
}
