/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/source/changes.h"

static void read_sum(const struct values *f, size_t first, size_t n, double *out)
{
	enum { PART = 1024 };
	const struct changed *c = f->ctx;
	double change[PART];
	varm_values_read(&c->value, first, n, out);
	for (size_t at = 0, m; at < n; at += m) {
		m = n - at < PART ? n - at : PART;
		varm_values_read(&c->change, first + at, m, change);
		for (size_t i = 0; i < m; i++)
			out[at + i] += change[i];
	}
}

static void forget_both(const struct values *f, size_t first, size_t n)
{
	const struct changed *c = f->ctx;
	varm_values_forget(&c->value, first, n);
	varm_values_forget(&c->change, first, n);
}

struct values varm_changes_values(
    struct changed *c, struct values value, const struct fc_tensor *change)
{
	*c = (struct changed){value, varm_values_mapped(change, value.model)};
	return (struct values){
	    .t = value.t, .read = read_sum, .forget = forget_both, .ctx = c, .model = value.model};
}
