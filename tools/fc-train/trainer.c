/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void train_trainer_init(struct train_trainer *t, const struct train_trainer_opts *opts,
    struct train_crew *crew, struct train_feed *feed)
{
	*t = (struct train_trainer){.opts = *opts, .crew = crew, .feed = feed};
}

void train_trainer_release(struct train_trainer *t)
{
	train_stepbatch_release(&t->batch);
	train_micros_release(&t->micros);
	free(t->loss);
	train_weighing_release(&t->weighing);
}

#define MAX_NAMED 5 /* conversations a message lists */

static int fail_not_finite(const struct train_trainer *t, const char *what, double value,
    size_t first, size_t n, struct fc_err *e)
{
	struct fc_buf ids = FC_BUF_INIT;
	for (size_t i = 0; i < n && i < MAX_NAMED; i++)
		fc_buf_addf(&ids, "%s%.64s", i ? ", " : "", t->batch.example[first + i]->id);
	if (n > MAX_NAMED)
		fc_buf_addf(&ids, " and %zu more", n - MAX_NAMED);
	fc_fail(e, "step %" PRIu64 ": the %s is %g (a smaller --lr may help); conversations: %s",
	    t->step + 1, what, value, ids.p ? ids.p : "");
	fc_buf_release(&ids);
	return -1;
}

static void add_loss(struct fc_loss *sum, const struct fc_loss *l)
{
	sum->sft += l->sft;
	sum->kd += l->kd;
	sum->nll += l->nll;
	sum->n_correct += l->n_correct;
}

static int accumulate_micros(
    struct train_trainer *t, const struct train_weights *w, struct fc_loss *loss, struct fc_err *e)
{
	struct train_micros *m = &t->micros;
	train_micros_cut(m, &t->batch, t->opts.micro_tok);
	FC_GROW(t->loss, t->cap_loss, m->n);
	if (train_crew_losses(t->crew, &t->batch, m, w, true, t->loss, e) < 0)
		return -1;
	for (size_t i = 0; i < m->n; i++) {
		const size_t first = i ? m->end[i - 1] : 0;
		add_loss(loss, &t->loss[i]);
		if (!isfinite(loss->sft + loss->kd))
			return fail_not_finite(
			    t, "loss", loss->sft + loss->kd, first, m->end[i] - first, e);
	}
	return 0;
}

static double learning_rate(const struct train_trainer *t)
{
	const struct train_trainer_opts *o = &t->opts;
	if (o->n_step)
		return train_schedule_lr(
		    &o->schedule, (double)t->step, (double)t->step + 1, (double)o->n_step);
	return train_schedule_lr(&o->schedule, (double)t->n_example,
	    (double)(t->n_example + t->batch.n_drawn), o->n_example);
}

double train_trainer_alpha(const struct train_trainer *t)
{
	const struct train_trainer_opts *o = &t->opts;
	const double done = o->n_step ? (double)t->step / (double)o->n_step
	    : o->n_example > 0        ? (double)t->n_example / o->n_example
				      : 0;
	return o->preference.alpha * fmin(done, 1);
}

/* What the labels of pairs weigh, and how the pairs stand before the step. */
static int weigh_pairs(struct train_trainer *t, struct train_margins *margins, struct fc_err *e)
{
	t->weighing.alpha = train_trainer_alpha(t);
	if (train_weighing_compute(&t->weighing, &t->opts.preference, t->opts.lambda, t->crew,
		&t->batch, t->opts.micro_tok, margins, e) < 0)
		return -1;
	t->batch.weight = t->weighing.weight;
	if (!isfinite(margins->loss))
		return fail_not_finite(t, "loss", margins->loss, 0, t->batch.n, e);
	return 0;
}

static void report_pairs(struct train_step_report *r, const struct train_margins *m, double lambda)
{
	r->margins = *m;
	r->sft = -m->logp_chosen / m->n_chosen_label;
	r->fusion = NAN;
	r->loss = lambda * r->sft + (1 - lambda) * m->loss / m->n_pair;
}

int train_trainer_step(struct train_trainer *t, struct train_step_report *r, struct fc_err *e)
{
	const struct train_trainer_opts *o = &t->opts;
	struct train_stepbatch *b = &t->batch;
	struct fc_loss loss = {0};
	if (o->n_step && t->step >= o->n_step)
		return 0;
	int got = train_stepbatch_fill(b, t->feed, o->batch_tok, e);
	if (got <= 0)
		return got;
	const bool pairs = o->preference.kind != TRAIN_PREFERENCE_NONE;
	struct train_margins margins = {0};
	if (pairs && weigh_pairs(t, &margins, e) < 0)
		return -1;
	struct train_weights w = train_stepbatch_weights(b, o->lambda, o->untaught);
	if (accumulate_micros(t, &w, &loss, e) < 0)
		return -1;
	double norm = train_crew_norm(t->crew);
	if (!isfinite(norm))
		return fail_not_finite(t, "gradient's norm", norm, 0, b->n, e);
	*r = (struct train_step_report){
	    .lr = learning_rate(t),
	    .loss = loss.sft + loss.kd,
	    .sft = w.label > 0 ? loss.nll / (double)b->n_label : NAN,
	    .fusion = w.row > 0 ? loss.kd / (w.row * (double)b->n_row) : NAN,
	    .grad_norm = norm,
	    .n_example = b->n_drawn,
	    .n_tok = b->n_tok,
	    .n_label = b->n_label,
	    .n_row = b->n_row,
	};
	if (pairs)
		report_pairs(r, &margins, o->lambda);
	train_crew_update(t->crew, r->lr, o->clip > 0 && norm > o->clip ? o->clip / norm : 1);
	t->step++;
	t->n_example += b->n_drawn;
	t->n_tok += b->n_tok;
	return 1;
}
