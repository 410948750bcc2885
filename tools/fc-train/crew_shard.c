/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-train/crew_inside.h"

#define GB 1e9

float **train_crew_keep(struct train_crew *c, size_t i)
{
	const struct fc_params *p = c->params;
	while (c->n_kept <= i) {
		c->kept = fc_realloc(c->kept, c->n_kept + 1, sizeof *c->kept);
		float **g = c->kept[c->n_kept++] = FC_ARRAY(float *, p->n);
		for (size_t k = 0; k < p->n; k++)
			g[k] = fc_nn_alloc_for(c->nn, FC_USE_GRADIENTS, p->v[k].n, sizeof(float));
	}
	return c->kept[i];
}

static bool is_shared(const struct train_crew *c)
{
	return c->opts.shard == TRAIN_SHARD_GRADIENTS;
}

float **train_crew_level(struct train_crew *c, size_t i)
{
	while (c->n_level <= i) {
		c->level = fc_realloc(c->level, c->n_level + 1, sizeof *c->level);
		float **g = c->level[c->n_level++] = FC_ARRAY(float *, c->params->n);
		for (size_t k = 0; k < c->params->n; k++) {
			const struct train_own own = c->adamw.own[k];
			if (is_shared(c) && own.n)
				g[k] =
				    fc_nn_alloc_for(c->nn, FC_USE_GRADIENTS, own.n, sizeof(float));
			else
				g[k] = c->params->v[k].g + own.begin;
		}
	}
	return c->level[i];
}

/* ---- which of the two ---- */

static size_t n_elements(const struct train_crew *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->params->n; i++)
		n += c->params->v[i].n;
	return n;
}

/* Halvings of the lanes of a rank, each of which a gradient waits for. */
static size_t n_halvings(const struct train_crew *c)
{
	size_t n = 0;
	for (size_t lanes = c->opts.n_lane / c->size; lanes > 1; lanes = (lanes + 1) / 2)
		n++;
	return n;
}

/* Bytes that are still to be taken with whole gradients, and what may be. */
struct need {
	double gradient, all, free;
};

/* The processor counts weights when they come, which ranks above 0 get yet, and is shared by ranks.
 * A fifth is left to activations and others. */
static struct need measure_need(struct train_crew *c)
{
	const double P = (double)n_elements(c), share = P / (double)c->size;
	const bool rounded = fc_nn_compute(c->nn) == FC_COMPUTE_BF16;
	struct need n = {.gradient = 4 * P * (1 + (double)n_halvings(c))};
	const bool cpu = !strcmp(fc_nn_device(c->nn), "cpu");
	const size_t n_here = fc_comm_neighbours(c->comm); /* asked of all, whatever their device */
	size_t n_free, n_total;
	n.all = n.gradient + 8 * share;
	if (c->rank && cpu)
		n.all += rounded ? 2 * P + 4 * share : 4 * P;
	fc_nn_memory(c->nn, &n_free, &n_total);
	n.free = 0.8 * (double)n_free;
	if (cpu)
		n.free /= (double)n_here;
	return n;
}

/* The bytes of the result are the same: so it may go by what is free now. */
static void choose_shard(struct train_crew *c)
{
	const struct need n = measure_need(c);
	struct need *all = FC_ARRAY(struct need, c->size);
	size_t worst = 0;
	all[c->rank] = n;
	fc_comm_gather(c->comm, all, sizeof *all);
	for (size_t r = 0; r < c->size; r++)
		if (all[r].free - all[r].all < all[worst].free - all[worst].all)
			worst = r;
	const struct need *w = &all[worst];
	c->opts.shard = w->all > w->free ? TRAIN_SHARD_GRADIENTS : TRAIN_SHARD_OPTIMIZER;
	if (c->rank == 0 && c->opts.shard == TRAIN_SHARD_GRADIENTS)
		fc_note("rank %zu would need %.1f GB with whole gradients and may take %.1f GB: "
			"--shard gradients",
		    worst, w->all / GB, w->free / GB);
	free(all);
}

/* What it costs, for which the network is asked. */
static void report_shard(const struct train_crew *c)
{
	const double P = (double)n_elements(c), n = (double)c->size;
	const double lanes = (double)c->opts.n_lane / n;
	const bool rounded = fc_nn_compute(c->nn) == FC_COMPUTE_BF16;
	if (c->rank || c->size == 1)
		return;
	const double gradients = 4e-6 * P * (n - 1) / n * (is_shared(c) ? lanes : 1);
	const double weights = (rounded ? 2e-6 : 4e-6) * P * (n - 1) / n;
	const int digits = weights < 10 ? 3 : 1;
	fc_note("%s shared out among %zu ranks: each sends %.*f MB of gradients%s and %.*f MB of "
		"weights a step",
	    is_shared(c) ? "gradients and optimizer" : "optimizer", c->size, digits, gradients,
	    is_shared(c) && lanes > 1 ? ", once for each of its lanes," : "", digits, weights);
}

/* ---- memory ---- */

/* Elements of a tensor's gradient, so that the next one's is aligned as fc_nn_alloc() does it. */
static size_t aligned(size_t n)
{
	return (n + 15) / 16 * 16;
}

/* A tied embedding's gradient begins with the output layer and ends with the embedding: it is in
 * memory of its own. */
static bool is_tied(const struct train_crew *c, const struct fc_param *v)
{
	return c->params->model.cfg.tied && v->unit + 1 == fc_params_units(c->params);
}

/* All units are in one place, one after the other. */
static void place_units(struct train_crew *c)
{
	const struct fc_params *p = c->params;
	float **g = FC_ARRAY(float *, p->n);
	size_t *at = fc_calloc(fc_params_units(p), sizeof *at), most = 0, n_tied = 0;
	for (size_t i = 0; i < p->n; i++) {
		size_t *to = is_tied(c, &p->v[i]) ? &n_tied : &at[p->v[i].unit];
		*to += aligned(p->v[i].n);
		most = *to > most && to != &n_tied ? *to : most;
	}
	c->unit = fc_nn_alloc_for(c->nn, FC_USE_GRADIENTS, most, sizeof *c->unit);
	c->tied = n_tied ? fc_nn_alloc_for(c->nn, FC_USE_GRADIENTS, n_tied, sizeof *c->tied) : NULL;
	memset(at, 0, fc_params_units(p) * sizeof *at);
	n_tied = 0;
	for (size_t i = 0; i < p->n; i++) {
		const bool tied = is_tied(c, &p->v[i]);
		size_t *from = tied ? &n_tied : &at[p->v[i].unit];
		g[i] = (tied ? c->tied : c->unit) + *from;
		*from += aligned(p->v[i].n);
	}
	fc_params_place_grad(c->params, g);
	free(at);
	free(g);
}

/* Room for the way of a layer: what is received of it, and what is sent. */
static size_t room(const struct train_crew *c)
{
	const struct fc_params *p = c->params;
	size_t layer = 0;
	for (size_t i = 0; i < p->n; i++)
		layer += p->v[i].unit == 1 ? p->v[i].n : 0;
	return 2 * layer;
}

static void place(struct train_crew *c)
{
	if (is_shared(c))
		place_units(c);
	else
		fc_params_zero_grad(c->params);
	c->adamw.g = train_crew_level(c, 0);
}

int train_crew_place(struct train_crew *c, struct fc_err *e)
{
	if (c->size == 1)
		c->opts.shard = TRAIN_SHARD_OPTIMIZER;
	if (c->opts.shard == TRAIN_SHARD_AUTO)
		choose_shard(c);
	report_shard(c);
	place(c);
	c->exchange.most_float = room(c);
	return fc_nn_check(c->nn, e);
}

void train_crew_unplace(struct train_crew *c)
{
	for (size_t i = 0; i < c->n_kept; i++) {
		for (size_t k = 0; k < c->params->n; k++)
			fc_nn_free(c->nn, c->kept[i][k]);
		free(c->kept[i]);
	}
	for (size_t i = 0; i < c->n_level; i++) {
		for (size_t k = 0; k < c->params->n && is_shared(c); k++)
			if (c->adamw.own[k].n)
				fc_nn_free(c->nn, c->level[i][k]);
		free(c->level[i]);
	}
	free(c->kept);
	free(c->level);
	free(c->part);
	free(c->exchange.flight);
	fc_nn_free(c->nn, c->unit);
	fc_nn_free(c->nn, c->tied);
}

/* ---- what only counts memory ---- */

/* Of the parts of rank 0, each waits for the next; within one, lanes do, as deep as their tree. */
static size_t most_kept(size_t n_lane, size_t n_rank)
{
	struct train_sum all = {0}, lanes = {0};
	size_t most = 0, n_own = 0;
	train_sum_make(&all, n_lane, n_lane, 0, n_lane, n_rank);
	for (size_t i = 0; i < all.n; i++) {
		const struct train_sum_part *part = &all.part[i];
		if (part->rank)
			continue;
		train_sum_make(&lanes, n_lane, n_lane, part->lane, part->lane_end, n_lane);
		if (n_own + lanes.depth - 1 > most)
			most = n_own + lanes.depth - 1;
		n_own++;
	}
	train_sum_release(&all);
	train_sum_release(&lanes);
	return most;
}

/* Sums wait between the turns of lanes. */
static size_t most_levels(size_t n_lane, size_t n_rank)
{
	struct train_sum sum = {0};
	size_t most = 1, depth = 0;
	train_sum_make(&sum, n_lane, n_lane, 0, n_lane, n_lane);
	for (size_t i = 0; i < sum.n; i++) {
		depth = depth + 1 - sum.part[i].n_add;
		if ((sum.part[i].lane + 1) % n_rank == 0 && depth > most)
			most = depth;
	}
	train_sum_release(&sum);
	return most;
}

struct train_crew *train_crew_dry(
    const struct train_crew_opts *o, size_t n_rank, struct fc_nn *dry, struct fc_params *p)
{
	struct train_crew *c = FC_NEW(struct train_crew);
	c->opts = *o;
	c->nn = dry;
	c->params = p;
	c->size = n_rank;
	train_shares_make(&c->shares, p->v, p->n, n_rank);
	train_adamw_init(&c->adamw, dry, &o->adamw, p->n, &c->shares, 0);
	place(c);
	if (is_shared(c))
		train_crew_level(c, most_levels(o->n_lane, n_rank) - 1);
	for (size_t i = most_kept(o->n_lane, n_rank); i-- > 0 && !is_shared(c);)
		train_crew_keep(c, i);
	return c;
}

void train_crew_dry_close(struct train_crew *c)
{
	train_crew_unplace(c);
	train_adamw_release(&c->adamw);
	train_shares_release(&c->shares);
	free(c);
}
