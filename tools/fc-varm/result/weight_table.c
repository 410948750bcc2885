/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/weight_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-varm/source/layer.h"

/* The item's weights in the columns of the plan's models; NaN where it has none. */
static void get_row(const struct plan *p, const struct all_measured *r, size_t i, double *row)
{
	const struct plan_item *it = &p->item[i];
	for (int k = 0; k < p->n_model; k++)
		row[k] = NAN;
	for (int k = 0; k < it->n_target; k++)
		row[it->target[k].model] = r->item[i].weight[k];
}

static void add_number(struct fc_buf *b, double x)
{
	if (isnan(x))
		fc_buf_adds(b, "\t-");
	else
		fc_buf_addf(b, "\t%.6g", x);
}

static void print_names(struct fc_buf *b, const struct plan *p, bool similarity)
{
	int n = p->n_model;
	fc_buf_adds(b, "tensor\telements");
	for (int k = 0; k < n; k++)
		fc_buf_addf(b, "\t%s", p->model[k].label);
	for (int k = 0; k < n && similarity; k++)
		fc_buf_addf(b, "\tnorm %s", p->model[k].label);
	for (int j = 1; j < n && similarity; j++)
		for (int i = 0; i < j; i++)
			fc_buf_addf(b, "\tcosine %s, %s\tagreement %s, %s", p->model[i].label,
			    p->model[j].label, p->model[i].label, p->model[j].label);
	fc_buf_addc(b, '\n');
}

/* place[model] = the target that it is in the item, or -1 */
static void print_similarity(
    struct fc_buf *b, const struct similarity *l, const int *place, int n_model)
{
	for (int k = 0; k < n_model; k++)
		add_number(b, l->norm && place[k] >= 0 ? l->norm[place[k]] : NAN);
	for (int j = 1; j < n_model; j++) {
		for (int i = 0; i < j; i++) {
			int low = place[i] < place[j] ? place[i] : place[j];
			int high = place[i] < place[j] ? place[j] : place[i];
			bool both = l->norm && low >= 0 && low != high;
			add_number(b, both ? l->cosine[similarity_pair(high, low)] : NAN);
			add_number(b, both ? l->agreement[similarity_pair(high, low)] : NAN);
		}
	}
}

void varm_weight_table_print(struct fc_buf *b, const struct plan *p, const struct all_measured *r)
{
	double *row = FC_ARRAY(double, (size_t)p->n_model + 1);
	int *place = FC_ARRAY(int, (size_t)p->n_model + 1);
	print_names(b, p, r->similarity != NULL);
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_item *it = &p->item[i];
		fc_buf_addf(b, "%s\t%zu", it->out.name, varm_plan_views(it).n);
		get_row(p, r, i, row);
		for (int k = 0; k < p->n_model; k++)
			add_number(b, row[k]);
		for (int k = 0; k < p->n_model; k++)
			place[k] = -1;
		for (int k = 0; k < it->n_target; k++)
			place[it->target[k].model] = k;
		if (r->similarity)
			print_similarity(b, &r->similarity[i], place, p->n_model);
		fc_buf_addc(b, '\n');
	}
	free(place);
	free(row);
}

/* The tensors of one kind: per model how many have it and the sum of the weights. */
struct kind {
	char *name;
	size_t n;
	size_t *count; /* [n_model] */
	double *sum;   /* [n_model] */
};

static struct kind kind_make(char *name, int n_model)
{
	return (struct kind){
	    name, 0, FC_ARRAY(size_t, (size_t)n_model + 1), FC_ARRAY(double, (size_t)n_model + 1)};
}

static void kind_release(struct kind *kind)
{
	free(kind->name);
	free(kind->count);
	free(kind->sum);
}

static struct kind *kind_find(struct kind *kind, size_t *n, const char *tensor, int n_model)
{
	char *name = varm_layer_kind(tensor);
	for (size_t i = 0; i < *n; i++) {
		if (!strcmp(kind[i].name, name)) {
			free(name);
			return &kind[i];
		}
	}
	kind[*n] = kind_make(name, n_model);
	return &kind[(*n)++];
}

static void kind_add(struct kind *kind, const double *row, int n_model)
{
	kind->n++;
	for (int k = 0; k < n_model; k++) {
		if (isnan(row[k]))
			continue;
		kind->count[k]++;
		kind->sum[k] += row[k];
	}
}

/* Characters: wide enough for the model's name. */
static int column_width(const struct plan *p, int k)
{
	size_t n = strlen(p->model[k].label);
	return n > 10 ? (int)n : 10;
}

static void print_kind(const struct plan *p, const struct kind *kind)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%-28s %6zu ", kind->name, kind->n);
	for (int k = 0; k < p->n_model; k++)
		if (kind->count[k])
			fc_buf_addf(&b, " %*.4f", column_width(p, k),
			    kind->sum[k] / (double)kind->count[k]);
		else
			fc_buf_addf(&b, " %*s", column_width(p, k), "-");
	fc_note("%s", b.p);
	fc_buf_release(&b);
}

static void print_head(const struct plan *p)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%-28s %6s ", "mean weights by kind", "count");
	for (int k = 0; k < p->n_model; k++)
		fc_buf_addf(&b, " %*s", column_width(p, k), p->model[k].label);
	fc_note("%s", b.p);
	fc_buf_release(&b);
}

struct kinds {
	struct kind *v;
	size_t n;
	struct kind all;
};

static struct kinds kinds_make(const struct plan *p, const struct all_measured *r)
{
	struct kinds k = {
	    FC_ARRAY(struct kind, p->n + 1), 0, kind_make(fc_strdup("all"), p->n_model)};
	double *row = FC_ARRAY(double, (size_t)p->n_model + 1);
	for (size_t i = 0; i < p->n; i++) {
		if (!p->item[i].method)
			continue;
		get_row(p, r, i, row);
		kind_add(kind_find(k.v, &k.n, p->item[i].out.name, p->n_model), row, p->n_model);
		kind_add(&k.all, row, p->n_model);
	}
	free(row);
	return k;
}

static void kinds_release(struct kinds *k)
{
	for (size_t i = 0; i < k->n; i++)
		kind_release(&k->v[i]);
	kind_release(&k->all);
	free(k->v);
}

void varm_weight_table_summarize(const struct plan *p, const struct all_measured *r)
{
	struct kinds k = kinds_make(p, r);
	if (k.all.n) {
		print_head(p);
		for (size_t i = 0; i < k.n; i++)
			print_kind(p, &k.v[i]);
		print_kind(p, &k.all);
	}
	kinds_release(&k);
}

static void add_markdown(struct fc_buf *b, const struct kind *kind, int n_model)
{
	fc_buf_addf(b, "| %s | %zu |", kind->name, kind->n);
	for (int k = 0; k < n_model; k++)
		if (kind->count[k])
			fc_buf_addf(b, " %.4f |", kind->sum[k] / (double)kind->count[k]);
		else
			fc_buf_adds(b, " - |");
	fc_buf_addc(b, '\n');
}

void varm_weight_table_markdown(
    struct fc_buf *b, const struct plan *p, const struct all_measured *r)
{
	struct kinds k = kinds_make(p, r);
	fc_buf_adds(b, "| kind | tensors |");
	for (int m = 0; m < p->n_model; m++)
		fc_buf_addf(b, " %s |", p->model[m].label);
	fc_buf_adds(b, "\n| --- | ---: |");
	for (int m = 0; m < p->n_model; m++)
		fc_buf_adds(b, " ---: |");
	fc_buf_addc(b, '\n');
	for (size_t i = 0; i < k.n; i++)
		add_markdown(b, &k.v[i], p->n_model);
	add_markdown(b, &k.all, p->n_model);
	kinds_release(&k);
}

/* In how many tensors that somebody moved a model is one of several and has none of the weight,
 * or all of it. */
struct collapse {
	size_t n, n_none, n_sole;
};

static size_t count_collapse(const struct plan *p, const struct all_measured *r, struct collapse *c)
{
	size_t n_equal = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_item *it = &p->item[i];
		const double *w = r->item[i].weight;
		bool equal = true;
		if (!it->method || !it->method->importance || !r->item[i].moved || it->n_target < 2)
			continue;
		for (int k = 0; k < it->n_target; k++) {
			struct collapse *of = &c[it->target[k].model];
			equal = equal && fabs(w[k] * it->n_target - 1) < 1e-9;
			of->n++;
			of->n_none += w[k] == 0;
			of->n_sole += w[k] > 0.999;
		}
		n_equal += equal;
	}
	return n_equal;
}

static size_t count_weighed(const struct plan *p, const struct all_measured *r, bool moved)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->item[i].method && p->item[i].method->importance &&
		    p->item[i].n_target > 1 && (!moved || r->item[i].moved);
	return n;
}

void varm_weight_table_warn(const struct plan *p, const struct all_measured *r)
{
	struct collapse *c = FC_ARRAY(struct collapse, (size_t)p->n_model + 1);
	size_t n = count_weighed(p, r, true), n_equal = count_collapse(p, r, c);
	if (!n && count_weighed(p, r, false))
		fc_warn("no target differs from the pivot where weights are measured");
	else if (n && n_equal == n)
		fc_warn(
		    "all weights are equal in every tensor: are the targets copies of one model?");
	for (int k = 0; k < p->n_model; k++) {
		if (c[k].n && c[k].n_sole == c[k].n)
			fc_warn("%s takes all the weight in every tensor", p->model[k].path);
		else if (c[k].n && c[k].n_none == c[k].n)
			fc_warn(
			    "%s has no weight in any tensor: is it the pivot?", p->model[k].path);
	}
	free(c);
}
