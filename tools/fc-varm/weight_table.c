/* SPDX-License-Identifier: Apache-2.0 */
#include "weight_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"

void weight_table_print(struct fc_buf *b, const struct inputs *in, const struct weights *w)
{
	fc_buf_adds(b, "tensor\telements");
	for (int k = 0; k < w->n_target; k++)
		fc_buf_addf(b, "\t%s", in->target[k].label);
	fc_buf_addc(b, '\n');
	for (size_t i = 0; i < w->n; i++) {
		const struct fc_tensor *t = fc_store_at(in->base.store, i);
		const double *row = w->v + i * (size_t)w->n_target;
		size_t count;
		fc_tensor_count(t, &count);
		fc_buf_addf(b, "%s\t%zu", t->name, count);
		for (int k = 0; k < w->n_target; k++)
			if (isnan(row[k]))
				fc_buf_adds(b, "\t-");
			else
				fc_buf_addf(b, "\t%.6g", row[k]);
		fc_buf_addc(b, '\n');
	}
}

/* "model.layers.11.self_attn.q_proj.weight" -> "self_attn.q_proj": what follows the layer's
 * number, or the whole name. */
static char *make_kind(const char *name)
{
	const char *from = strncmp(name, "model.", 6) ? name : name + 6;
	for (const char *p = name; *p; p++) {
		size_t digits = *p == '.' ? strspn(p + 1, "0123456789") : 0;
		if (digits && p[1 + digits] == '.') {
			from = p + 1 + digits + 1;
			break;
		}
	}
	size_t n = strlen(from);
	if (n > 7 && !strcmp(from + n - 7, ".weight"))
		n -= 7;
	return fc_memdup0(from, n);
}

/* The tensors of one kind. */
struct kind {
	char *name;
	size_t n;
	double *sum; /* [n_target] of the weights */
};

static struct kind *kind_find(struct kind *kind, size_t *n, const char *tensor, int n_target)
{
	char *name = make_kind(tensor);
	for (size_t i = 0; i < *n; i++) {
		if (!strcmp(kind[i].name, name)) {
			free(name);
			return &kind[i];
		}
	}
	kind[*n] = (struct kind){name, 0, FC_ARRAY(double, (size_t)n_target)};
	return &kind[(*n)++];
}

static void print_kind(const struct kind *kind, int n_target)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%-28s %6zu ", kind->name, kind->n);
	for (int k = 0; k < n_target; k++)
		fc_buf_addf(&b, " %10.4f", kind->sum[k] / (double)kind->n);
	fc_note("%s", b.p);
	fc_buf_release(&b);
}

static void print_head(const struct inputs *in)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%-28s %6s ", "mean weights by kind", "count");
	for (int k = 0; k < in->n_target; k++)
		fc_buf_addf(&b, " %10.10s", in->target[k].label);
	fc_note("%s", b.p);
	fc_buf_release(&b);
}

void weight_table_summarize(const struct inputs *in, const struct weights *w)
{
	struct kind *kind = FC_ARRAY(struct kind, w->n + 1);
	struct kind all = {(char[]){"all"}, 0, FC_ARRAY(double, (size_t)w->n_target)};
	size_t n = 0;
	for (size_t i = 0; i < w->n; i++) {
		const double *row = w->v + i * (size_t)w->n_target;
		if (isnan(row[0]))
			continue;
		struct kind *of =
		    kind_find(kind, &n, fc_store_at(in->base.store, i)->name, w->n_target);
		of->n++;
		all.n++;
		for (int k = 0; k < w->n_target; k++) {
			of->sum[k] += row[k];
			all.sum[k] += row[k];
		}
	}
	if (all.n) {
		print_head(in);
		for (size_t i = 0; i < n; i++)
			print_kind(&kind[i], w->n_target);
		print_kind(&all, w->n_target);
	}
	for (size_t i = 0; i < n; i++) {
		free(kind[i].name);
		free(kind[i].sum);
	}
	free(all.sum);
	free(kind);
}

void weight_table_warn(
    const struct inputs *in, const struct merge_options *o, const struct weights *w)
{
	if (o->method == &method_linear || w->n_target < 2)
		return;
	size_t n = 0, n_equal = 0, *n_none = FC_ARRAY(size_t, (size_t)w->n_target);
	size_t *n_sole = FC_ARRAY(size_t, (size_t)w->n_target);
	for (size_t i = 0; i < w->n; i++) {
		const double *row = w->v + i * (size_t)w->n_target;
		bool equal = true;
		if (!w->moved[i])
			continue;
		n++;
		for (int k = 0; k < w->n_target; k++) {
			equal = equal && fabs(row[k] * w->n_target - 1) < 1e-9;
			n_none[k] += row[k] == 0;
			n_sole[k] += row[k] > 0.999;
		}
		n_equal += equal;
	}
	if (!n)
		fc_warn("no target differs from the pivot%s",
		    o->method == &method_sce ? " where the weights are measured"
					     : "; the result is the pivot");
	else if (n_equal == n)
		fc_warn(
		    "all weights are equal in every tensor: are the targets copies of one model?");
	for (int k = 0; k < w->n_target && n; k++) {
		if (n_sole[k] == n)
			fc_warn("%s takes all the weight in every tensor", in->target[k].path);
		else if (n_none[k] == n)
			fc_warn(
			    "%s has no weight in any tensor: is it the pivot?", in->target[k].path);
	}
	free(n_none);
	free(n_sole);
}
