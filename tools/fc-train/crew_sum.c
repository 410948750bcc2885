/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "fc-train/crew_inside.h"

/* A piece of one parameter's gradient that leaves, or comes together here. */
struct train_flight {
	struct fc_comm_mail *mail;
	struct train_piece p;
	bool own;
	float
	    *buffer; /* [n_buffer][p.n] all parts of the sum, where it is own; else the own parts */
	size_t n_buffer;
};

static size_t own_parts(const struct train_crew *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->exchange.n_part; i++)
		n += c->exchange.part[i].rank == c->rank;
	return n;
}

static void get_own_part(
    const struct train_crew *c, size_t part, const struct train_piece *p, float *to)
{
	float **g = c->part[part];
	const float *from = g ? g[p->param] : c->params->v[p->param].g;
	fc_nn_get(c->nn, to, from + p->begin, p->n * sizeof *to);
}

static void send_own_parts(struct train_crew *c, struct train_flight *f, size_t to)
{
	for (size_t i = 0; i < f->n_buffer; i++) {
		float *out = f->buffer + i * f->p.n;
		get_own_part(c, i, &f->p, out);
		fc_comm_begin_send(f->mail, to, out, f->p.n * sizeof *out);
	}
}

static void receive_parts(struct train_crew *c, struct train_flight *f)
{
	size_t own = 0;
	for (size_t i = 0; i < f->n_buffer; i++) {
		float *in = f->buffer + i * f->p.n;
		const size_t from = c->exchange.part[i].rank;
		if (from == c->rank)
			get_own_part(c, own++, &f->p, in);
		else
			fc_comm_begin_receive(f->mail, from, in, f->p.n * sizeof *in);
	}
}

static void add_floats(float *to, const float *from, size_t n)
{
#pragma omp parallel for simd
	for (size_t k = 0; k < n; k++)
		to[k] += from[k];
}

/* Where a level has an own piece. */
static float *level_at(struct train_crew *c, size_t level, const struct train_piece *p)
{
	return train_crew_level(c, level)[p->param] + (p->begin - c->adamw.own[p->param].begin);
}

static float *read_level(struct train_crew *c, size_t level, const struct train_piece *p)
{
	float *x = fc_malloc(p->n * sizeof *x);
	fc_nn_get(c->nn, x, level_at(c, level, p), p->n * sizeof *x);
	return x;
}

/* Adds the parts in the order of the sum, on top of the levels that are there. */
static void add_parts(struct train_crew *c, const struct train_flight *f)
{
	enum { DEPTH = 64 };
	const struct train_exchange *x = &c->exchange;
	float *stack[DEPTH] = {NULL}, *read[DEPTH] = {NULL};
	size_t depth = x->depth;
	for (size_t i = 0; i < x->n_part; i++) {
		stack[depth++] = f->buffer + i * f->p.n;
		for (size_t a = 0; a < x->part[i].n_add; a++, depth--) {
			float **to = &stack[depth - 2];
			if (!*to) /* below the parts */
				*to = read[depth - 2] = read_level(c, depth - 2, &f->p);
			add_floats(*to, stack[depth - 1], f->p.n);
		}
	}
	for (size_t d = 0; d < depth; d++)
		if (stack[d])
			fc_nn_put(c->nn, level_at(c, d, &f->p), stack[d], f->p.n * sizeof **stack);
	for (size_t d = 0; d < x->depth; d++)
		free(read[d]);
}

static void finish_oldest(struct train_crew *c)
{
	struct train_exchange *x = &c->exchange;
	struct train_flight *f = &x->flight[x->begin++];
	fc_comm_mail_free(f->mail); /* waits */
	if (f->own)
		add_parts(c, f);
	free(f->buffer);
	x->n_float -= f->n_buffer * f->p.n;
	if (x->begin == x->end)
		x->begin = x->end = 0;
}

static void begin_piece(struct train_crew *c, size_t owner, struct train_piece p)
{
	struct train_exchange *x = &c->exchange;
	struct train_flight f = {.p = p, .own = owner == c->rank};
	f.n_buffer = f.own ? x->n_part : own_parts(c);
	if (!f.n_buffer)
		return;
	while (x->begin < x->end && x->n_float + f.n_buffer * p.n > x->most_float)
		finish_oldest(c);
	FC_GROW(x->flight, x->cap, x->end + 1);
	f.buffer = fc_malloc_aligned(f.n_buffer, p.n * sizeof *f.buffer);
	f.mail = fc_comm_mail_new(c->comm, FC_COMM_SUMS);
	x->n_float += f.n_buffer * p.n;
	if (f.own)
		receive_parts(c, &f);
	else
		send_own_parts(c, &f, owner);
	x->flight[x->end++] = f;
}

void train_exchange_begin(struct train_crew *c, size_t unit)
{
	const struct train_shares *s = &c->shares;
	for (size_t i = 0; i < c->params->n; i++) {
		if (c->params->v[i].unit != unit)
			continue;
		for (size_t b = s->first[i]; b < s->first[i + 1];) {
			const size_t owner = train_shares_owner(s, b);
			const struct train_piece p = train_shares_piece(s, owner, b);
			begin_piece(c, owner, p);
			b = p.block_end;
		}
	}
	train_exchange_advance(c);
}

void train_exchange_advance(struct train_crew *c)
{
	struct train_exchange *x = &c->exchange;
	if (x->begin == x->end)
		fc_comm_advance(c->comm);
	while (x->begin < x->end && fc_comm_arrived(x->flight[x->begin].mail))
		finish_oldest(c);
}

void train_exchange_finish(struct train_crew *c)
{
	struct train_exchange *x = &c->exchange;
	while (x->begin < x->end)
		finish_oldest(c);
	x->depth += x->n_part;
	for (size_t i = 0; i < x->n_part; i++)
		x->depth -= x->part[i].n_add;
}

/* The next piece of every rank's share. */
struct pieces {
	size_t *block; /* [size] first block of the next one */
};

static bool next_piece(
    const struct train_crew *c, const struct pieces *s, size_t rank, struct train_piece *p)
{
	if (s->block[rank] >= train_shares_begin(&c->shares, rank + 1))
		return false;
	*p = train_shares_piece(&c->shares, rank, s->block[rank]);
	s->block[rank] = p->block_end;
	return true;
}

static struct pieces first_pieces(const struct train_crew *c)
{
	struct pieces s = {FC_ARRAY(size_t, c->size)};
	for (size_t r = 0; r < c->size; r++)
		s.block[r] = train_shares_begin(&c->shares, r);
	return s;
}

static void share_piece(
    struct train_crew *c, struct fc_comm_mail *m, size_t owner, struct train_piece p, char *buffer)
{
	size_t size;
	char *w = fc_param_read(&c->params->v[p.param], &size);
	const size_t n = p.n * size;
	if (owner == c->rank) {
		fc_nn_get(c->nn, buffer, w + p.begin * size, n);
		for (size_t i = 1; i < c->size; i++)
			fc_comm_begin_send(m, (c->rank + i) % c->size, buffer, n);
	} else {
		fc_comm_begin_receive(m, owner, buffer, n);
	}
}

static void take_piece(struct train_crew *c, size_t owner, struct train_piece p, const char *buffer)
{
	size_t size;
	char *w = fc_param_read(&c->params->v[p.param], &size);
	if (owner != c->rank)
		fc_nn_put(c->nn, w + p.begin * size, buffer, p.n * size);
}

void train_crew_share_weights(struct train_crew *c)
{
	if (c->size == 1)
		return;
	struct pieces s = first_pieces(c);
	struct fc_comm_mail *m = fc_comm_mail_new(c->comm, FC_COMM_TALK);
	struct train_piece *p = FC_ARRAY(struct train_piece, c->size);
	char *buffer = fc_malloc_aligned(c->size, TRAIN_PIECE * sizeof(float));
	for (bool more = true; more;) {
		more = false;
		for (size_t r = 0; r < c->size; r++) {
			p[r].n = 0;
			if (!next_piece(c, &s, r, &p[r]))
				continue;
			share_piece(c, m, r, p[r], buffer + r * TRAIN_PIECE * sizeof(float));
			more = true;
		}
		fc_comm_wait(m);
		for (size_t r = 0; r < c->size; r++)
			if (p[r].n)
				take_piece(c, r, p[r], buffer + r * TRAIN_PIECE * sizeof(float));
	}
	free(buffer);
	free(p);
	free(s.block);
	fc_comm_mail_free(m);
}
