/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/crew.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-train/crew_inside.h"
#include "fc-train/micro_wire.h"
#include "model/lora.h"

/* What is done with micro-batches. */
enum task { TASK_GRADIENT, TASK_LOSS, TASK_LOGPROBS };

/* What rank 0 asks of the others. */
enum order {
	ORDER_TASK, /* of micro-batches that follow */
	ORDER_NORM,
	ORDER_UPDATE,
	ORDER_READ,
	ORDER_WRITE,
	ORDER_END
};
struct command {
	enum order order;
	enum task task;
	uint64_t n_micro, n_update;
	int n_part;
	double lr, grad_scale;
};

static void share_command(struct train_crew *c, struct command *m)
{
	fc_comm_share(c->comm, m, sizeof *m);
}

/* Who does the i-th micro-batch. */
static size_t rank_of(const struct train_crew *c, enum task task, size_t n_micro, size_t i)
{
	if (task != TASK_GRADIENT || c->opts.shard == TRAIN_SHARD_OPTIMIZER)
		return train_lane_of(n_micro, c->size, i);
	return train_lane_of(n_micro, c->opts.n_lane, i) % c->size;
}

/* ---- what every rank does with a micro-batch ---- */

/* Losses of the own micro-batches, forward only. */
static int run_losses(struct train_crew *c, const struct train_source *s, size_t n_micro,
    struct fc_loss *loss, struct fc_err *e)
{
	for (size_t i = 0; i < n_micro; i++) {
		if (rank_of(c, TASK_LOSS, n_micro, i) != c->rank)
			continue;
		train_crew_take(c, s, i, &c->micro);
		loss[i] = (struct fc_loss){0};
		if (fc_params_step(c->nn, c->params, &c->micro.batch, &c->micro.targets, false,
			&loss[i], e) < 0 ||
		    fc_nn_check(c->nn, e) < 0)
			return -1;
	}
	return 0;
}

static int run_task(struct train_crew *c, enum task task, const struct train_source *s,
    size_t n_micro, struct fc_loss *loss, struct fc_err *e)
{
	return task == TASK_GRADIENT ? train_crew_gradient(c, s, n_micro, loss, e)
				     : run_losses(c, s, n_micro, loss, e);
}

/* ---- ranks above 0 ---- */

static int serve_losses(struct train_crew *c, const struct command *m, struct fc_err *e)
{
	struct fc_loss *loss = FC_ARRAY(struct fc_loss, m->n_micro);
	const int ret = run_task(c, m->task, NULL, m->n_micro, loss, e);
	if (ret == 0)
		fc_comm_send(c->comm, 0, loss, m->n_micro * sizeof *loss);
	if (ret == 0)
		train_exchange_finish(c);
	free(loss);
	return ret;
}

static int serve_logprobs(struct train_crew *c, const struct command *m, struct fc_err *e)
{
	for (size_t i = 0; i < m->n_micro; i++) {
		if (rank_of(c, m->task, m->n_micro, i) != c->rank)
			continue;
		train_crew_take(c, NULL, i, &c->micro);
		if (train_logprobs_run(&c->logprobs, c->nn, c->params, &c->micro, e) < 0)
			return -1;
		fc_comm_send(c->comm, 0, c->logprobs.logprob,
		    c->micro.targets.n * sizeof *c->logprobs.logprob);
	}
	return 0;
}

static double own_norm(struct train_crew *c);
static void own_update(struct train_crew *c, double lr, double grad_scale);

int train_crew_serve(struct train_crew *c, struct fc_err *e)
{
	for (;;) {
		struct command m;
		int ret = 0;
		share_command(c, &m);
		switch (m.order) {
		case ORDER_TASK:
			ret = m.task == TASK_LOGPROBS ? serve_logprobs(c, &m, e)
						      : serve_losses(c, &m, e);
			break;
		case ORDER_NORM:
			own_norm(c);
			break;
		case ORDER_UPDATE:
			own_update(c, m.lr, m.grad_scale);
			break;
		case ORDER_READ:
			ret = train_crew_serve_read(c, m.n_part, e);
			break;
		case ORDER_WRITE:
			ret = train_crew_serve_write(c, m.n_part, e);
			c->adamw.t = m.n_update;
			train_crew_refresh(c);
			break;
		case ORDER_END:
			return 0;
		}
		if (ret < 0)
			return -1;
	}
}

/* ---- rank 0 ---- */

/* The others' micro-batches on their way, each with its size before it. */
struct letters {
	struct fc_comm_mail *mail;
	struct fc_buf *b; /* [n] */
	uint64_t *n_bytes;
	size_t n;
};

static struct letters send_micros(
    struct train_crew *c, enum task task, const struct train_source *s)
{
	const size_t n = s->micros->n;
	struct letters l = {fc_comm_mail_new(c->comm, FC_COMM_TALK), FC_ARRAY(struct fc_buf, n),
	    FC_ARRAY(uint64_t, n), n};
	for (size_t i = 0; i < n; i++) {
		const size_t r = rank_of(c, task, n, i);
		if (!r)
			continue;
		train_micro_pack(&c->micro, s->micros, i, s->b, s->w);
		train_micro_write(&l.b[i], &c->micro);
		l.n_bytes[i] = l.b[i].n;
		fc_comm_begin_send(l.mail, r, &l.n_bytes[i], sizeof l.n_bytes[i]);
		fc_comm_begin_send(l.mail, r, l.b[i].p, l.b[i].n);
	}
	return l;
}

static void finish_letters(struct letters *l)
{
	fc_comm_mail_free(l->mail);
	for (size_t i = 0; i < l->n; i++)
		fc_buf_release(&l->b[i]);
	free(l->b);
	free(l->n_bytes);
}

static void receive_losses(
    struct train_crew *c, enum task task, size_t n_micro, struct fc_loss *loss)
{
	struct fc_loss *theirs = FC_ARRAY(struct fc_loss, n_micro);
	for (size_t r = 1; r < c->size; r++) {
		fc_comm_receive(c->comm, r, theirs, n_micro * sizeof *theirs);
		for (size_t i = 0; i < n_micro; i++)
			if (rank_of(c, task, n_micro, i) == r)
				loss[i] = theirs[i];
	}
	free(theirs);
}

int train_crew_losses(struct train_crew *c, const struct train_stepbatch *b,
    const struct train_micros *micros, const struct train_weights *w, bool backward,
    struct fc_loss *loss, struct fc_err *e)
{
	const size_t n = micros->n;
	const struct train_source s = {b, micros, w};
	struct command m = {
	    .order = ORDER_TASK, .task = backward ? TASK_GRADIENT : TASK_LOSS, .n_micro = n};
	share_command(c, &m);
	struct letters l = send_micros(c, m.task, &s);
	const int ret = run_task(c, m.task, &s, n, loss, e);
	if (ret == 0)
		receive_losses(c, m.task, n, loss);
	finish_letters(&l);
	if (ret == 0)
		train_exchange_finish(c);
	return ret;
}

int train_crew_logprobs(struct train_crew *c, const struct train_stepbatch *b, size_t max_tok,
    double *sum, struct fc_err *e)
{
	static const struct train_weights alike = {.label = 1, .untaught = 1};
	const struct train_source s = {b, &c->micros, &alike};
	struct command m = {.order = ORDER_TASK, .task = TASK_LOGPROBS};
	int ret = 0;
	train_micros_cut(&c->micros, b, max_tok);
	m.n_micro = c->micros.n;
	share_command(c, &m);
	struct letters l = send_micros(c, m.task, &s);
	for (size_t i = 0; i < b->n; i++)
		sum[i] = 0;
	for (size_t i = 0; i < c->micros.n && ret == 0; i++) {
		const size_t rank = rank_of(c, m.task, m.n_micro, i);
		train_crew_take(c, &s, i, &c->micro);
		if (rank) {
			FC_GROW(c->received, c->cap_received, c->micro.targets.n);
			fc_comm_receive(
			    c->comm, rank, c->received, c->micro.targets.n * sizeof *c->received);
		} else {
			ret = train_logprobs_run(&c->logprobs, c->nn, c->params, &c->micro, e);
		}
		if (ret == 0)
			train_logprobs_add(
			    &c->micro, rank ? c->received : c->logprobs.logprob, sum);
	}
	finish_letters(&l);
	return ret;
}

/* ---- norm and update, of every rank ---- */

/* Sums of blocks go to all, who add them in their order. */
static double own_norm(struct train_crew *c)
{
	size_t most = 0;
	double sum = 0;
	for (size_t r = 0; r < c->size; r++) {
		const size_t n =
		    train_shares_begin(&c->shares, r + 1) - train_shares_begin(&c->shares, r);
		most = n > most ? n : most;
	}
	double *part = FC_ARRAY(double, c->size *most);
	train_adamw_squares(&c->adamw, part + c->rank * most);
	fc_comm_gather(c->comm, part, most * sizeof *part);
	for (size_t r = 0; r < c->size; r++) {
		const size_t n =
		    train_shares_begin(&c->shares, r + 1) - train_shares_begin(&c->shares, r);
		for (size_t i = 0; i < n; i++)
			sum += part[r * most + i];
	}
	free(part);
	return sqrt(sum);
}

void train_crew_refresh(struct train_crew *c)
{
	for (size_t i = 0; i < c->params->n; i++) {
		const struct train_own own = c->adamw.own[i];
		fc_params_refresh_part(c->params, i, own.begin, own.n);
	}
	train_crew_share_weights(c);
	fc_lora_refresh(c->params);
}

static void own_update(struct train_crew *c, double lr, double grad_scale)
{
	train_adamw_update(&c->adamw, c->params->v, lr, grad_scale);
	train_crew_refresh(c);
}

double train_crew_norm(struct train_crew *c)
{
	struct command m = {.order = ORDER_NORM};
	share_command(c, &m);
	return own_norm(c);
}

void train_crew_update(struct train_crew *c, double lr, double grad_scale)
{
	struct command m = {.order = ORDER_UPDATE, .lr = lr, .grad_scale = grad_scale};
	share_command(c, &m);
	own_update(c, lr, grad_scale);
}

/* ---- state ---- */

int train_crew_read(struct train_crew *c, train_state_put *put, void *to, struct fc_err *e)
{
	struct command m = {.order = ORDER_READ, .n_part = TRAIN_STATE_PARTS};
	share_command(c, &m);
	return train_crew_read_parts(c, m.n_part, put, to, e);
}

int train_crew_read_weights(struct train_crew *c, train_state_put *put, void *to, struct fc_err *e)
{
	struct command m = {.order = ORDER_READ, .n_part = 1};
	share_command(c, &m);
	return train_crew_read_parts(c, m.n_part, put, to, e);
}

int train_crew_write(
    struct train_crew *c, train_state_get *get, void *from, uint64_t n_update, struct fc_err *e)
{
	struct command m = {
	    .order = ORDER_WRITE, .n_part = TRAIN_STATE_PARTS, .n_update = n_update};
	share_command(c, &m);
	const int ret = train_crew_write_parts(c, m.n_part, get, from, e);
	c->adamw.t = n_update;
	train_crew_refresh(c);
	return ret;
}

static int put_weights(
    void *to, size_t param, int part, size_t begin, size_t n, const float *x, struct fc_err *e)
{
	const struct train_crew *c = to;
	(void)part;
	(void)e;
	fc_nn_put(fc_nn_home(c->nn), c->params->v[param].w + begin, x, n * sizeof *x);
	return 0;
}

int train_crew_collect(struct train_crew *c, struct fc_err *e)
{
	struct command m = {.order = ORDER_READ, .n_part = 1};
	if (c->size == 1)
		return 0;
	share_command(c, &m);
	return train_crew_read_parts(c, m.n_part, put_weights, c, e);
}

static void get_weights(void *from, size_t param, int part, size_t begin, size_t n, float *x)
{
	const struct train_crew *c = from;
	(void)part;
	fc_nn_get(fc_nn_home(c->nn), x, c->params->v[param].w + begin, n * sizeof *x);
}

int train_crew_open(struct train_crew **out, const struct train_crew_opts *o, struct fc_comm *comm,
    struct fc_nn *nn, struct fc_params *p, struct fc_err *e)
{
	struct train_crew *c = *out = FC_NEW(struct train_crew);
	int ret = 0;
	c->opts = *o;
	c->comm = comm;
	c->nn = nn;
	c->params = p;
	c->rank = fc_comm_rank(comm);
	c->size = fc_comm_size(comm);
	train_shares_make(&c->shares, p->v, p->n, c->size);
	train_adamw_init(&c->adamw, nn, &o->adamw, p->n, &c->shares, c->rank);
	c->micro.teacher.objective = o->objective;
	if (train_crew_place(c, e) < 0)
		return -1;
	if (c->size == 1)
		return 0;
	if (c->rank)
		ret = train_crew_serve_write(c, 1, e);
	else
		ret = train_crew_write_parts(c, 1, get_weights, c, e);
	train_crew_refresh(c);
	return ret;
}

void train_crew_close(struct train_crew *c)
{
	struct command m = {.order = ORDER_END};
	if (!c)
		return;
	if (!c->rank)
		share_command(c, &m);
	train_crew_unplace(c);
	train_logprobs_release(&c->logprobs);
	free(c->received);
	train_adamw_release(&c->adamw);
	train_shares_release(&c->shares);
	train_sum_release(&c->sum);
	train_sum_release(&c->lane);
	train_micros_release(&c->micros);
	train_micro_release(&c->micro);
	for (size_t i = 0; i < c->n_lane_micro; i++)
		train_micro_release(&c->lane_micro[i]);
	free(c->lane_micro);
	free(c->lane_batch);
	free(c);
}

size_t train_crew_lanes(const struct train_crew *c)
{
	return c->opts.n_lane;
}

enum train_shard train_crew_sharding(const struct train_crew *c)
{
	return c->opts.shard;
}

struct fc_params *train_crew_params(struct train_crew *c)
{
	return c->params;
}
