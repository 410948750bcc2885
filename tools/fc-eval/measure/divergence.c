/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/resample.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/groups.h"
#include "fc-eval/measure/row_divergence.h"
#include "stream/join.h"

struct options {
	const char *by, *out;
	enum fc_table_format format;
	int n_resample;
	uint64_t seed;
};

enum { KL, KL_AT_LEAST, AGREEMENT, N_MEASURE };
/* Sums over a conversation's rows. */
struct sums {
	double measure[N_MEASURE];
	uint64_t n_row, n_unmatched;
};

struct results {
	struct eval_groups groups;
	struct sums *sums; /* [groups.all.n] */
	size_t cap;
};

static bool has_entries(const struct fc_example *x, size_t r)
{
	return x->row_off[r + 1] > x->row_off[r];
}

/* Rows of the same token meet; those without a partner or without entries are counted. */
static struct sums compare_rows(const struct fc_example *p, const struct fc_example *q,
    size_t n_output, struct eval_divergence_scratch *scratch)
{
	struct sums s = {{0}, 0, 0};
	for (size_t i = 0, j = 0; i < p->n_row || j < q->n_row;) {
		const uint32_t a = i < p->n_row ? p->row_tok[i] : UINT32_MAX,
			       b = j < q->n_row ? q->row_tok[j] : UINT32_MAX;
		if (a == b && has_entries(p, i) && has_entries(q, j)) {
			const struct eval_divergence d =
			    eval_divergence_of(p, i, q, j, n_output, scratch);
			s.measure[KL] += d.even;
			s.measure[KL_AT_LEAST] += d.at_least;
			s.measure[AGREEMENT] += d.agree;
			s.n_row++;
		} else {
			s.n_unmatched++;
		}
		i += a <= b;
		j += b <= a;
	}
	return s;
}

static int read_streams(
    const char *const *paths, const struct options *o, struct results *r, struct fc_err *e)
{
	struct eval_divergence_scratch scratch = {0};
	struct fc_join *j;
	int got;
	/* rows of different lengths can be compared, too */
	const struct fc_join_options join = {.any_top_k = true, .likeliest = true};
	if (fc_join_open(&j, paths, 2, &join, e) < 0)
		return -1;
	const uint32_t n_output = fc_header_n_output(fc_join_header(j));
	while ((got = fc_join_next(j, e)) == 1) {
		const struct fc_example *p = fc_join_at(j, 0), *q = fc_join_at(j, 1);
		const size_t n = r->groups.all.n;
		FC_GROW(r->sums, r->cap, n + 1);
		r->sums[n] = compare_rows(p, q, n_output, &scratch);
		if (eval_groups_file(&r->groups, p, o->by, paths[0], e) < 0) {
			got = -1;
			break;
		}
	}
	eval_divergence_release(&scratch);
	fc_join_close(j);
	return got;
}

static void put_group(
    struct fc_table *t, const struct options *o, const struct results *r, size_t number)
{
	const char *name;
	const struct eval_group *g = eval_groups_at(&r->groups, number, &name);
	struct fc_share *share = fc_calloc(g->n, N_MEASURE * sizeof *share);
	struct fc_cell cell[N_MEASURE];
	uint64_t n_row = 0, n_unmatched = 0;
	for (size_t k = 0; k < g->n; k++) {
		const struct sums *s = &r->sums[g->item[k]];
		n_row += s->n_row;
		n_unmatched += s->n_unmatched;
		for (size_t m = 0; m < N_MEASURE; m++)
			share[k * N_MEASURE + m] =
			    (struct fc_share){s->measure[m], (double)s->n_row};
	}
	eval_group_ratios(share, g->n, N_MEASURE, o->seed, o->n_resample, cell);
	free(share);
	FC_TABLE_ROW(t, fc_cell_text(name), fc_cell_count(g->n), fc_cell_count(n_row),
	    fc_cell_count(n_unmatched), cell[KL], cell[KL_AT_LEAST], cell[AGREEMENT]);
}

static struct options asked = {.n_resample = 1000};

static const struct fc_opt own[] = {
    EVAL_OPT_BY(&asked.by),
    EVAL_OPT_RESAMPLES(&asked.n_resample, "draws of the bootstrap; 0: no intervals"),
    EVAL_OPT_SEED(&asked.seed),
    EVAL_OPT_FORMAT(&asked.format),
    EVAL_OPT_OUTPUT(&asked.out),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[OPTION]... P Q",
    .summary = "Reads two models' distributions over the same tokens, writes how far Q is "
	       "from P.",
};

static void run(int argc, char **argv)
{
	struct options o = asked;
	static const struct fc_column columns[] = {FC_COLUMN("group"), FC_COLUMN("conversations"),
	    FC_COLUMN("rows"), FC_COLUMN("unmatched"),
	    FC_COLUMN("kl", .decimals = 4, .interval = FC_INTERVAL_BRACKETS),
	    FC_COLUMN("kl_at_least", .decimals = 4, .interval = FC_INTERVAL_BRACKETS),
	    FC_COLUMN("agreement", .decimals = 4, .interval = FC_INTERVAL_BRACKETS)};
	struct fc_table t = FC_TABLE(columns);
	struct fc_err e;
	struct results r = {0};
	if (argc != 2)
		fc_die_usage("two streams are compared");
	if (read_streams((const char *const *)argv, &o, &r, &e) < 0)
		fc_die("%s", e.msg);
	for (size_t i = 0; i < eval_groups_count(&r.groups); i++)
		put_group(&t, &o, &r, i);
	eval_groups_release(&r.groups);
	free(r.sums);
	eval_print(&t, o.format, o.out);
	fc_finish();
}

EVAL_COMMAND(60) = {"divergence", tables, &usage, run};
