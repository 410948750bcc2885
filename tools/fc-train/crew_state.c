/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "fc-train/crew_inside.h"

/* A piece of one part of the state, and whose it is. */
struct place {
	struct train_piece p;
	size_t owner;
	int part;
};

/* Where the owner has it: of fc_nn_home(). */
static float *own_place(struct train_crew *c, const struct place *at)
{
	const struct train_own own = train_shares_own(&c->shares, c->rank, at->p.param);
	if (at->part == 0)
		return c->params->v[at->p.param].w + at->p.begin;
	float **m = at->part == 1 ? c->adamw.m : c->adamw.v;
	return m[at->p.param] + (at->p.begin - own.begin);
}

typedef int do_place(struct train_crew *c, const struct place *at, void *arg, struct fc_err *e);

/* Parameter by parameter, part by part, piece by piece: the same places in the same order at every
 * rank. */
static int each_place(struct train_crew *c, int n_part, do_place *f, void *arg, struct fc_err *e)
{
	const struct train_shares *s = &c->shares;
	for (size_t i = 0; i < c->params->n; i++)
		for (int part = 0; part < n_part; part++)
			for (size_t b = s->first[i]; b < s->first[i + 1];) {
				struct place at = {.owner = train_shares_owner(s, b), .part = part};
				at.p = train_shares_piece(s, at.owner, b);
				if (f(c, &at, arg, e) < 0)
					return -1;
				b = at.p.block_end;
			}
	return 0;
}

struct reading {
	train_state_put *put;
	void *to;
	float *buffer; /* [TRAIN_PIECE] */
};

static int read_place(struct train_crew *c, const struct place *at, void *arg, struct fc_err *e)
{
	const struct reading *r = arg;
	const size_t n_bytes = at->p.n * sizeof(float);
	if (at->owner == 0)
		fc_nn_get(fc_nn_home(c->nn), r->buffer, own_place(c, at), n_bytes);
	else
		fc_comm_receive(c->comm, at->owner, r->buffer, n_bytes);
	if (fc_nn_check(c->nn, e) < 0)
		return -1;
	return r->put(r->to, at->p.param, at->part, at->p.begin, at->p.n, r->buffer, e);
}

int train_crew_read_parts(
    struct train_crew *c, int n_part, train_state_put *put, void *to, struct fc_err *e)
{
	struct reading r = {put, to, FC_ARRAY(float, TRAIN_PIECE)};
	const int ret = each_place(c, n_part, read_place, &r, e);
	free(r.buffer);
	return ret;
}

static int send_place(struct train_crew *c, const struct place *at, void *arg, struct fc_err *e)
{
	if (at->owner != c->rank)
		return 0;
	fc_nn_get(fc_nn_home(c->nn), arg, own_place(c, at), at->p.n * sizeof(float));
	if (fc_nn_check(c->nn, e) < 0)
		return -1;
	fc_comm_send(c->comm, 0, arg, at->p.n * sizeof(float));
	return 0;
}

int train_crew_serve_read(struct train_crew *c, int n_part, struct fc_err *e)
{
	float *buffer = FC_ARRAY(float, TRAIN_PIECE);
	const int ret = each_place(c, n_part, send_place, buffer, e);
	free(buffer);
	return ret;
}

struct writing {
	train_state_get *get;
	void *from;
	float *buffer;
};

static int write_place(struct train_crew *c, const struct place *at, void *arg, struct fc_err *e)
{
	const struct writing *w = arg;
	const size_t n_bytes = at->p.n * sizeof(float);
	w->get(w->from, at->p.param, at->part, at->p.begin, at->p.n, w->buffer);
	if (at->owner == 0)
		fc_nn_put(fc_nn_home(c->nn), own_place(c, at), w->buffer, n_bytes);
	else
		fc_comm_send(c->comm, at->owner, w->buffer, n_bytes);
	return fc_nn_check(c->nn, e);
}

int train_crew_write_parts(
    struct train_crew *c, int n_part, train_state_get *get, void *from, struct fc_err *e)
{
	struct writing w = {get, from, FC_ARRAY(float, TRAIN_PIECE)};
	const int ret = each_place(c, n_part, write_place, &w, e);
	free(w.buffer);
	return ret;
}

static int receive_place(struct train_crew *c, const struct place *at, void *arg, struct fc_err *e)
{
	if (at->owner != c->rank)
		return 0;
	fc_comm_receive(c->comm, 0, arg, at->p.n * sizeof(float));
	fc_nn_put(fc_nn_home(c->nn), own_place(c, at), arg, at->p.n * sizeof(float));
	return fc_nn_check(c->nn, e);
}

int train_crew_serve_write(struct train_crew *c, int n_part, struct fc_err *e)
{
	float *buffer = FC_ARRAY(float, TRAIN_PIECE);
	const int ret = each_place(c, n_part, receive_place, buffer, e);
	free(buffer);
	return ret;
}
