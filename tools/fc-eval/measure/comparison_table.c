/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/comparison_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "text/table.h"

/* A group of items and the results over it. */
struct part {
	const char *name;
	size_t n, n_left_out; /* items that count, items that only some streams have */
	uint64_t bytes;       /* of the items that count */
	uint64_t *left_bytes; /* [n_arm] bytes that do not count, of the seed with the most */
	struct eval_paired_result *result; /* [n_arm] */
};

/* The category of every item, or NULL where there are none. */
static size_t *stratum_of_items(const struct eval_compared *c)
{
	const size_t n_group = eval_groups_count(&c->groups);
	size_t *stratum = n_group > 1 ? FC_ARRAY(size_t, c->n) : NULL;
	const char *name;
	for (size_t g = 1; g < n_group; g++) {
		const struct eval_group *group = eval_groups_at(&c->groups, g, &name);
		for (size_t k = 0; k < group->n; k++)
			stratum[group->item[k]] = g;
	}
	return stratum;
}

static void count_left(const struct eval_compared *c, const struct eval_group *g, struct part *p)
{
	const struct eval_arms *a = c->arms;
	p->left_bytes = FC_ARRAY(uint64_t, a->n_arm);
	for (size_t s = 0; s < a->n_stream; s++) {
		uint64_t sum = 0;
		for (size_t k = 0; k < g->n; k++)
			sum += c->left_bytes[g->item[k] * a->n_stream + s];
		if (sum > p->left_bytes[a->arm[s]])
			p->left_bytes[a->arm[s]] = sum;
	}
	for (size_t k = 0; k < g->n; k++)
		p->n_left_out += c->left_out[g->item[k]];
}

static struct part compare_group(
    const struct eval_compared *c, size_t group, const size_t *stratum_of)
{
	const size_t S = c->arms->n_stream;
	struct part p = {0};
	const struct eval_group *g = eval_groups_at(&c->groups, group, &p.name);
	double *den = FC_ARRAY(double, g->n), *num = FC_ARRAY(double, g->n *S);
	size_t *stratum = stratum_of && group == 0 ? FC_ARRAY(size_t, g->n) : NULL;
	for (size_t k = 0; k < g->n; k++) {
		const size_t i = g->item[k];
		if (c->den[i] == 0)
			continue;
		den[p.n] = c->den[i];
		p.bytes += (uint64_t)c->den[i];
		for (size_t s = 0; s < S; s++)
			num[p.n * S + s] = c->num[i * S + s];
		if (stratum)
			stratum[p.n] = stratum_of[i];
		p.n++;
	}
	const struct eval_paired x = {.n_item = p.n,
	    .n_stream = S,
	    .n_arm = c->arms->n_arm,
	    .den = den,
	    .num = num,
	    .arm = c->arms->arm,
	    .stratum = stratum,
	    .less_is_better = c->measure->less_is_better,
	    .right_wrong = c->measure->right_wrong};
	p.result = FC_ARRAY(struct eval_paired_result, x.n_arm);
	eval_paired(
	    &x, c->arms->baseline, c->options->seed, (size_t)c->options->n_resample, p.result);
	count_left(c, g, &p);
	free(den);
	free(num);
	free(stratum);
	return p;
}

enum { N_COLUMN = 16 };

static void set_columns(struct fc_column column[N_COLUMN], const struct eval_measure *m)
{
	const enum fc_column_shown bytes = m->of_bytes ? FC_SHOWN_PROGRAMS : FC_SHOWN_NEVER;
	const struct fc_column all[N_COLUMN] = {FC_COLUMN("model"),
	    FC_COLUMN("group", .shown = FC_SHOWN_PROGRAMS),
	    FC_COLUMN("streams", .shown = FC_SHOWN_PROGRAMS),
	    FC_COLUMN(m->items, .shown = FC_SHOWN_PROGRAMS),
	    FC_COLUMN("left_out", .shown = FC_SHOWN_PROGRAMS), FC_COLUMN("bytes", .shown = bytes),
	    FC_COLUMN("bytes_left_out", .shown = bytes),
	    FC_COLUMN(m->name, .decimals = m->decimals, .heading = m->heading,
		.interval = FC_INTERVAL_PROGRAMS),
	    FC_COLUMN("against", .shown = FC_SHOWN_PROGRAMS),
	    FC_COLUMN("difference", .decimals = m->decimals, .interval = FC_INTERVAL_BRACKETS),
	    FC_COLUMN("better"), FC_COLUMN("worse"), FC_COLUMN("equal", .shown = FC_SHOWN_PROGRAMS),
	    FC_COLUMN("p", .shown = FC_SHOWN_PROGRAMS),
	    FC_COLUMN("p_holm", .shown = FC_SHOWN_PROGRAMS),
	    FC_COLUMN("detectable", .shown = FC_SHOWN_PROGRAMS)};
	memcpy(column, all, sizeof all);
}

/* The baseline is not compared with itself: its cells are empty, not 0. */
static struct fc_cell count_against(bool other, size_t n)
{
	return other ? fc_cell_count(n) : fc_cell_none();
}

static void add_row(
    struct fc_table *t, const struct eval_compared *c, const struct part *p, size_t a)
{
	const struct eval_paired_result *r = &p->result[a];
	const bool other = a != c->arms->baseline;
	FC_TABLE_ROW(t, fc_cell_text(c->arms->name[a]), fc_cell_text(p->name),
	    fc_cell_count(r->n_stream), fc_cell_count(p->n), fc_cell_count(p->n_left_out),
	    fc_cell_count(p->bytes), fc_cell_count(p->left_bytes[a]),
	    fc_cell_within(r->value, r->interval),
	    fc_cell_text(other ? c->arms->name[c->arms->baseline] : NULL),
	    fc_cell_within(r->difference, r->difference_interval),
	    count_against(other, r->n_better), count_against(other, r->n_worse),
	    count_against(other, r->n_equal), fc_cell_real(r->p), fc_cell_real(r->p_holm),
	    fc_cell_real(r->detectable));
}

/* Says what the figures are over, what was left out, and what the brackets mean. */
static void add_basis(struct fc_buf *b, const struct eval_compared *c, const struct part *all)
{
	const struct eval_measure *m = c->measure;
	const struct eval_arms *a = c->arms;
	eval_comparison_count(b, m, all->n);
	if (m->of_bytes)
		fc_buf_addf(b, ", %" PRIu64 " bytes", all->bytes);
	fc_buf_adds(b, " that all have scored.");
	bool left = false;
	for (size_t i = 0; m->of_bytes && i < a->n_arm; i++) {
		if (!all->left_bytes[i])
			continue;
		fc_buf_addf(
		    b, "%s %" PRIu64 " bytes of ", left ? "," : " Left out:", all->left_bytes[i]);
		fc_buf_adds(b, a->name[i]);
		left = true;
	}
	if (all->n_left_out) {
		fc_buf_adds(b, left ? ", with " : " Left out: ");
		eval_comparison_count(b, m, all->n_left_out);
	}
	fc_buf_adds(b, left || all->n_left_out ? "." : "");
	const bool seeds = a->n_stream > a->n_arm;
	if (m->right_wrong && !seeds)
		fc_buf_adds(b, " Brackets: 95 %.");
	else if (c->options->n_resample)
		fc_buf_addf(b, " Brackets: 95 %% of %d draws of %s%s.", c->options->n_resample,
		    m->items, seeds ? " and of seeds" : "");
}

static void add_words(struct fc_buf *out, const struct eval_compared *c, const struct part *all)
{
	const struct eval_arms *a = c->arms;
	struct fc_buf b = FC_BUF_INIT;
	add_basis(&b, c, all);
	eval_comparison_wrap(out, b.p);
	for (size_t i = 0; i < a->n_arm; i++) {
		if (i == a->baseline)
			continue;
		fc_buf_clear(&b);
		eval_comparison_say(&b, c->measure, a->name[i], a->name[a->baseline],
		    &all->result[i], all->n, a->n_arm - 1);
		eval_comparison_wrap(out, b.p);
	}
	fc_buf_release(&b);
}

static void add_title(struct fc_buf *out, const char *group)
{
	fc_buf_add_escaped(out, group, strlen(group));
	fc_buf_addc(out, '\n');
}

void eval_compared_print(const struct eval_compared *c)
{
	const size_t n = eval_groups_count(&c->groups);
	const enum fc_table_format f = c->options->format;
	size_t *stratum = stratum_of_items(c);
	struct part *part = FC_ARRAY(struct part, n);
	struct fc_buf out = FC_BUF_INIT;
	struct fc_column column[N_COLUMN];
	struct fc_table t = FC_TABLE(column);
	struct fc_err e;
	set_columns(column, c->measure);
	for (size_t g = 0; g < n; g++) {
		part[g] = compare_group(c, g, stratum);
		for (size_t a = 0; a < c->arms->n_arm; a++)
			add_row(&t, c, &part[g], a);
		if (f != FC_TABLE_TEXT && g + 1 < n)
			continue;
		if (f == FC_TABLE_TEXT && n > 1)
			add_title(&out, part[g].name);
		fc_table_print(&t, f, &out);
		fc_table_release(&t);
		if (f == FC_TABLE_TEXT)
			fc_buf_addc(&out, '\n');
	}
	if (f == FC_TABLE_TEXT)
		add_words(&out, c, &part[0]);
	if (fc_out_whole(c->options->out, FC_OUT_TEXT, &out, &e) < 0)
		fc_die("%s", e.msg);
	for (size_t g = 0; g < n; g++) {
		free(part[g].left_bytes);
		free(part[g].result);
	}
	free(part);
	free(stratum);
	fc_buf_release(&out);
}
