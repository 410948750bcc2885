/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "fc-train/crew_inside.h"
#include "fc-train/micro_wire.h"

void train_crew_take(
    struct train_crew *c, const struct train_source *s, size_t i, struct train_micro *m)
{
	uint64_t n;
	if (s) {
		train_micro_pack(m, s->micros, i, s->b, s->w);
		return;
	}
	fc_comm_receive(c->comm, 0, &n, sizeof n);
	char *p = fc_malloc(n + 1);
	fc_comm_receive(c->comm, 0, p, n);
	train_micro_read(m, p, n);
	free(p);
}

static void pause_pass(void *arg)
{
	train_exchange_advance(arg);
}

/* ---- gradients that are whole at every rank ---- */

/* A lane, whose sum kept ones are added to. */
struct lane {
	struct train_crew *c;
	size_t n_add, kept; /* so many, from the kept-th down */
	bool leaves;        /* with it, the last of the own parts is there */
};

static void end_whole_unit(void *arg, size_t unit)
{
	const struct lane *l = arg;
	struct train_crew *c = l->c;
	for (size_t a = 0; a < l->n_add; a++) {
		float *const *from = train_crew_keep(c, l->kept - a);
		for (size_t i = 0; i < c->params->n; i++) {
			const struct fc_param *v = &c->params->v[i];
			if (v->unit == unit)
				fc_add(c->nn, v->g, from[i], v->n);
		}
	}
	if (l->leaves)
		train_exchange_begin(c, unit);
}

static void pause_lane(void *arg)
{
	pause_pass(((const struct lane *)arg)->c);
}

/* Gradients of the micro-batches [first, end) one after the other, and what is added to their sum,
 * to the parameters'. */
static int run_whole_lane(struct lane *l, const struct train_source *s, size_t first, size_t end,
    struct fc_loss *loss, struct fc_err *e)
{
	struct train_crew *c = l->c;
	fc_params_zero_grad(c->params);
	for (size_t k = first; k < end; k++) {
		const struct fc_step_watch w = {
		    l, NULL, k + 1 < end ? NULL : end_whole_unit, pause_lane};
		train_crew_take(c, s, k, &c->micro);
		loss[k] = (struct fc_loss){0};
		const struct fc_step_batch b = {&c->micro.batch, &c->micro.targets, &loss[k]};
		if (fc_params_steps(c->nn, c->params, &b, 1, &w, e) < 0 ||
		    fc_nn_check(c->nn, e) < 0)
			return -1;
	}
	return 0;
}

static void keep_gradient(struct train_crew *c, float *const *to)
{
	for (size_t i = 0; i < c->params->n; i++)
		fc_nn_copy(c->nn, to[i], c->params->v[i].g, c->params->v[i].n * sizeof(float));
}

/* The sum of the lanes of a part becomes the parameters' gradient.  first_kept: buffers from there
 * on are free. */
static int run_part(struct train_crew *c, const struct train_source *s, size_t n_micro,
    const struct train_sum_part *part, size_t first_kept, bool last, struct fc_loss *loss,
    struct fc_err *e)
{
	size_t depth = 0;
	train_sum_make(
	    &c->lane, n_micro, c->opts.n_lane, part->lane, part->lane_end, c->opts.n_lane);
	for (size_t i = 0; i < c->lane.n; i++) {
		const struct train_sum_part *lane = &c->lane.part[i];
		if (depth++)
			keep_gradient(c, train_crew_keep(c, first_kept + depth - 2));
		struct lane l = {
		    c, lane->n_add, first_kept + depth - 2, last && i + 1 == c->lane.n};
		if (run_whole_lane(&l, s, lane->first, lane->end, loss, e) < 0)
			return -1;
		depth -= lane->n_add;
	}
	return 0;
}

static void leave_at_once(struct train_crew *c)
{
	for (size_t u = 0; u < fc_params_units(c->params); u++)
		train_exchange_begin(c, u);
}

static int run_whole(struct train_crew *c, const struct train_source *s, size_t n_micro,
    struct fc_loss *loss, struct fc_err *e)
{
	size_t n_own = 0, n_all = 0;
	train_sum_make(&c->sum, n_micro, c->opts.n_lane, 0, c->opts.n_lane, c->size);
	c->exchange.part = c->sum.part;
	c->exchange.n_part = c->sum.n;
	c->exchange.depth = 0;
	for (size_t i = 0; i < c->sum.n; i++)
		n_all += c->sum.part[i].rank == c->rank;
	for (size_t i = 0; i < c->sum.n; i++) {
		if (c->sum.part[i].rank != c->rank)
			continue;
		if (n_own)
			keep_gradient(c, c->part[n_own - 1] = train_crew_keep(c, n_own - 1));
		FC_GROW(c->part, c->cap_part, n_own + 1);
		c->part[n_own++] = NULL;
		const bool last = c->size > 1 && n_own == n_all;
		if (run_part(c, s, n_micro, &c->sum.part[i], n_own - 1, last, loss, e) < 0)
			return -1;
	}
	if (!n_all)
		leave_at_once(c);
	return 0;
}

/* ---- gradients of which every rank keeps its share ---- */

/* The memory of a unit is that of all, but the one of a tied embedding, which the first adds to and
 * the last ends. */
static void begin_shared_unit(void *arg, size_t unit)
{
	struct train_crew *c = arg;
	const size_t last = fc_params_units(c->params) - 1;
	for (size_t i = 0; i < c->params->n; i++) {
		const struct fc_param *v = &c->params->v[i];
		const size_t first = v->unit == last && c->tied ? 0 : v->unit;
		if (first == unit)
			fc_nn_zero(c->nn, v->g, v->n * sizeof *v->g);
	}
}

static void end_shared_unit(void *arg, size_t unit)
{
	train_exchange_begin(arg, unit);
}

static void reserve_lane(struct train_crew *c, size_t n)
{
	if (n <= c->n_lane_micro)
		return;
	c->lane_micro = fc_realloc(c->lane_micro, n, sizeof *c->lane_micro);
	c->lane_batch = fc_realloc(c->lane_batch, n, sizeof *c->lane_batch);
	for (; c->n_lane_micro < n; c->n_lane_micro++) {
		struct train_micro *m = &c->lane_micro[c->n_lane_micro];
		*m = (struct train_micro){0};
		m->teacher.objective = c->opts.objective;
	}
}

/* A lane's micro-batches go through the layers together, so that what each leaves is the lane's. */
static int run_shared_lane(struct train_crew *c, const struct train_source *s,
    const struct train_sum_part *lane, struct fc_loss *loss, struct fc_err *e)
{
	const struct fc_step_watch w = {c, begin_shared_unit, end_shared_unit, pause_pass};
	const size_t n = lane->end - lane->first;
	reserve_lane(c, n);
	for (size_t i = 0; i < n; i++) {
		struct train_micro *m = &c->lane_micro[i];
		train_crew_take(c, s, lane->first + i, m);
		loss[lane->first + i] = (struct fc_loss){0};
		c->lane_batch[i] =
		    (struct fc_step_batch){&m->batch, &m->targets, &loss[lane->first + i]};
	}
	if (fc_params_steps(c->nn, c->params, c->lane_batch, n, &w, e) < 0)
		return -1;
	return fc_nn_check(c->nn, e);
}

/* Lanes are dealt to ranks in turn: so those that are computed at a time follow each other in the
 * sum, and the owners have added most of them before the next. */
static int run_shared(struct train_crew *c, const struct train_source *s, size_t n_micro,
    struct fc_loss *loss, struct fc_err *e)
{
	struct train_exchange *x = &c->exchange;
	struct train_sum *sum = &c->sum;
	train_sum_make(sum, n_micro, c->opts.n_lane, 0, c->opts.n_lane, c->opts.n_lane);
	FC_GROW(c->part, c->cap_part, 1);
	c->part[0] = NULL;
	x->depth = x->n_part = 0;
	for (size_t i = 0; i < sum->n; i += x->n_part) {
		const size_t turn = sum->part[i].lane / c->size;
		const struct train_sum_part *own = NULL;
		train_exchange_finish(c);
		x->part = &sum->part[i];
		for (x->n_part = 0; i + x->n_part < sum->n; x->n_part++) {
			struct train_sum_part *p = &sum->part[i + x->n_part];
			if (p->lane / c->size != turn)
				break;
			p->rank = p->lane % c->size;
			own = p->rank == c->rank ? p : own;
		}
		if (!own)
			leave_at_once(c);
		else if (run_shared_lane(c, s, own, loss, e) < 0)
			return -1;
	}
	return 0;
}

int train_crew_gradient(struct train_crew *c, const struct train_source *s, size_t n_micro,
    struct fc_loss *loss, struct fc_err *e)
{
	return c->opts.shard == TRAIN_SHARD_GRADIENTS ? run_shared(c, s, n_micro, loss, e)
						      : run_whole(c, s, n_micro, loss, e);
}
