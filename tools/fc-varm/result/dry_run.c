/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/dry_run.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/die.h"

/* " density=0.6", or " density=0.6,0.7" where targets differ */
static void add_parameter(struct fc_buf *b, const struct parameter *p, const struct plan_item *it)
{
	bool of_target = p->scope == PARAMETER_OF_TARGET, same = true;
	int n = of_target ? it->n_target : 1;
	fc_buf_addf(b, " %s=", p->name);
	for (int k = 1; k < n; k++)
		same = same &&
		    varm_parameter_get(p, &it->target_params[k]) ==
			varm_parameter_get(p, &it->target_params[0]);
	for (int k = 0; k < (same && n ? 1 : n); k++) {
		fc_buf_adds(b, k ? "," : "");
		varm_parameter_show(b, p,
		    varm_parameter_get(p,
			of_target ? (const void *)&it->target_params[k] : (const void *)&it->set));
	}
}

/* What the method reads, and nothing else. */
static void add_parameters(struct fc_buf *b, const struct plan_item *it)
{
	for (const struct take *t = it->method ? it->method->takes : NULL; t && t->parameter; t++)
		if (!t->idle)
			add_parameter(b, t->parameter, it);
	if (it->method && it->method->draws)
		fc_buf_addf(b, " seed=%" PRIu64, it->set.seed);
}

static void add_models(struct fc_buf *b, const struct plan *p, const struct plan_item *it)
{
	if (it->has_base)
		fc_buf_adds(b, "(pivot)");
	for (int k = 0; k < it->n_target && it->method; k++)
		fc_buf_addf(
		    b, "%s%s", k || it->has_base ? " " : "", p->model[it->target[k].model].label);
}

void varm_dry_run_print(struct fc_buf *b, const struct plan *p)
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

void varm_dry_run_show(const struct plan *p, size_t shard_bytes)
{
	struct fc_buf b = FC_BUF_INIT;
	varm_dry_run_print(&b, p);
	fputs(b.p, stdout);
	fc_buf_release(&b);
	summarize(p, shard_bytes);
}
