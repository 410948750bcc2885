/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/merge/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

void varm_plan_init(struct plan *p, size_t n, int n_model)
{
	*p = (struct plan){.item = FC_ARRAY(struct plan_item, n + 1),
	    .n = n,
	    .model = FC_ARRAY(struct plan_model, (size_t)n_model + 1),
	    .n_model = n_model};
}

struct plan_item *varm_plan_place(struct plan *p, size_t i, const struct fc_tensor *out,
    const struct method *method, int n_target)
{
	struct plan_item *it = &p->item[i];
	*it = (struct plan_item){.out = *out,
	    .method = method,
	    .n_target = n_target,
	    .target = FC_ARRAY(struct values, (size_t)n_target + 1),
	    .target_params = FC_ARRAY(struct target_params, (size_t)n_target + 1)};
	it->out.name = fc_strdup(out->name);
	if (method)
		it->set = varm_method_settings(method);
	for (int k = 0; k < n_target && method; k++)
		it->target_params[k] = varm_method_target_params(method);
	return it;
}

/* The path's last part, without characters that would break a table. */
static char *make_label(const char *path)
{
	struct fc_buf b = FC_BUF_INIT;
	size_t end = strlen(path);
	while (end > 1 && path[end - 1] == '/')
		end--;
	size_t from = end;
	while (from && path[from - 1] != '/')
		from--;
	for (size_t i = from; i < end; i++)
		fc_buf_addc(&b, (unsigned char)path[i] < ' ' ? '?' : path[i]);
	return fc_buf_detach(&b);
}

void varm_plan_name_model(struct plan *p, int k, const char *path, uint64_t fingerprint)
{
	char *label = make_label(path);
	for (int i = 0; i < k; i++) {
		if (!strcmp(p->model[i].label, label)) {
			struct fc_buf b = FC_BUF_INIT;
			fc_buf_addf(&b, "%s#%d", label, k + 1);
			free(label);
			label = fc_buf_detach(&b);
			break;
		}
	}
	free(p->model[k].label);
	p->model[k] = (struct plan_model){path, label, fingerprint};
}

void varm_plan_release(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free((void *)(uintptr_t)p->item[i].out.name);
		free(p->item[i].target);
		free(p->item[i].target_params);
	}
	for (int k = 0; k < p->n_model; k++)
		free(p->model[k].label);
	free(p->item);
	free(p->model);
}

struct views varm_plan_views(const struct plan_item *it)
{
	struct views v = {.out = &it->out,
	    .base = it->has_base ? &it->base : NULL,
	    .target = it->target,
	    .n_target = it->n_target,
	    .method = it->method,
	    .set = &it->set,
	    .target_params = it->target_params};
	fc_tensor_count(&it->out, &v.n); /* checked when the plan was filled in */
	v.row = it->out.n_dim && v.n ? (size_t)it->out.dim[it->out.n_dim - 1] : 1;
	v.unit = it->method && it->method->whole_rows ? varm_pass_row_unit(v.row) : UNIT_ELEMENTS;
	return v;
}

int varm_plan_check_rounding(const struct plan *p, struct fc_err *e)
{
	if (!p->rounding.stochastic)
		return 0;
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].out.dtype == FC_F16 || p->item[i].out.dtype == FC_BF16)
			return 0;
	return fc_fail(
	    e, "--rounding stochastic is of f16 and bf16, but the result has neither; see --dtype");
}
