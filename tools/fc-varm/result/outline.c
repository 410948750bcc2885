/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/outline.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/die.h"

static void add_list(struct fc_buf *b, const char *name, const struct plan_item *it, size_t at)
{
	bool same = true;
	fc_buf_addf(b, " %s=", name);
	for (int k = 1; k < it->n_target; k++)
		same = same &&
		    !memcmp((const char *)&it->term[k] + at, (const char *)&it->term[0] + at,
			sizeof(double));
	for (int k = 0; k < (same && it->n_target ? 1 : it->n_target); k++) {
		double x;
		memcpy(&x, (const char *)&it->term[k] + at, sizeof x);
		fc_buf_addf(b, "%s%g", k ? "," : "", x);
	}
}

static void add_varm(struct fc_buf *b, const struct settings *s)
{
	static const char *const by[] = {"matrix", "module", "layer", "model", "parameter"};
	fc_buf_addf(b, " by=%s measure=%s", by[s->by], s->absolute ? "absolute" : "square");
	if (s->temperature > 0)
		fc_buf_addf(b, " temperature=%g", s->temperature);
}

/* " weight=1,0.5 density=0.6 lambda=1": what the method reads, and nothing else */
static void add_parameters(struct fc_buf *b, const struct plan_item *it)
{
	unsigned takes = it->method ? varm_method_takes(it->method) : 0;
	const struct settings *s = &it->set;
	if (takes & TAKES_WEIGHT)
		add_list(b, "weight", it, offsetof(struct term, weight));
	if (takes & TAKES_DENSITY)
		add_list(b, "density", it, offsetof(struct term, density));
	if (takes & TAKES_GAMMA)
		add_list(b, "gamma", it, offsetof(struct term, gamma));
	if (takes & TAKES_EPSILON)
		add_list(b, "epsilon", it, offsetof(struct term, epsilon));
	if (takes & TAKES_LAMBDA)
		fc_buf_addf(b, " lambda=%g", s->lambda);
	if (takes & TAKES_NORMALIZE)
		fc_buf_addf(b, " normalize=%s", s->normalize ? "yes" : "no");
	if (takes & TAKES_RESCALE)
		fc_buf_addf(b, " rescale=%s", s->rescale ? "yes" : "no");
	if (takes & TAKES_SEED)
		fc_buf_addf(b, " seed=%" PRIu64, s->seed);
	if (takes & TAKES_TOPK)
		fc_buf_addf(b, " select-topk=%g", s->select_topk);
	if (takes & TAKES_T)
		fc_buf_addf(b, " t=%g", s->t);
	if (takes & TAKES_GRANULARITY)
		add_varm(b, s);
	if (takes & TAKES_NUSLERP)
		fc_buf_addf(b, " vectors=%s",
		    s->flatten        ? "tensor"
			: s->row_wise ? "columns"
				      : "rows");
	if (takes & TAKES_FILTER_WISE)
		fc_buf_addf(b, " filter-wise=%s", s->filter_wise ? "yes" : "no");
	if (takes & TAKES_STEPS)
		fc_buf_addf(b, " steps=%d", s->max_iter);
}

static void add_models(struct fc_buf *b, const struct plan *p, const struct plan_item *it)
{
	if (it->has_base)
		fc_buf_adds(b, "(pivot)");
	for (int k = 0; k < it->n_target && it->method; k++)
		fc_buf_addf(
		    b, "%s%s", k || it->has_base ? " " : "", p->model[it->target[k].model].label);
}

void varm_outline_print(struct fc_buf *b, const struct plan *p)
{
	char shape[192];
	fc_buf_adds(b, "tensor\ttype\tshape\tmethod\tparameters\tmodels\n");
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_item *it = &p->item[i];
		struct fc_buf parameters = FC_BUF_INIT;
		add_parameters(&parameters, it);
		fc_buf_addf(b, "%s\t%s\t%s\t%s\t%s\t", it->out.name, fc_dtype_name(it->out.dtype),
		    fc_tensor_shape_text(&it->out, shape), it->method ? it->method->name : "copy",
		    parameters.n ? parameters.p + 1 : "-");
		add_models(b, p, it);
		fc_buf_addc(b, '\n');
		fc_buf_release(&parameters);
	}
}

static void summarize(const struct plan *p, size_t shard_bytes)
{
	uint64_t bytes = 0, read = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_item *it = &p->item[i];
		struct views v = varm_plan_views(it);
		bytes += v.n * fc_dtype_size(it->out.dtype);
		read += v.base ? v.base->t.n_bytes : 0;
		for (int k = 0; k < v.n_target && v.method; k++)
			read += v.target[k].t.n_bytes;
	}
	fc_note("would merge %zu tensors: %.3f GB from %.3f GB of %d targets%s", p->n,
	    (double)bytes / 1e9, (double)read / 1e9, p->n_model,
	    shard_bytes && bytes > shard_bytes ? ", in several files" : "");
}

void varm_outline_show(const struct plan *p, size_t shard_bytes)
{
	struct fc_buf b = FC_BUF_INIT;
	varm_outline_print(&b, p);
	fputs(b.p, stdout);
	fc_buf_release(&b);
	summarize(p, shard_bytes);
}
