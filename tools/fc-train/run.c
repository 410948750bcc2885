/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/run.h"

#include <inttypes.h>
#include <math.h>

#include "base/die.h"
#include "base/progress.h"
#include "fc-train/checkpoint.h"
#include "fc-train/outcome.h"
#include "fc-train/stop.h"
#include "fc-train/trainlog.h"

#define LN2 0.6931471805599453

static void add_real(struct fc_buf *b, const char *key, double v)
{
	if (!isfinite(v)) /* JSON has no such numbers */
		fc_buf_addf(b, ", \"%s\": null", key);
	else
		fc_buf_addf(b, ", \"%s\": %.9g", key, v);
}

static void add_pairs(
    struct fc_buf *b, const struct train_trainer *t, const struct train_margins *m)
{
	const bool wrpo = t->opts.preference.kind == TRAIN_PREFERENCE_WRPO;
	if (wrpo)
		add_real(b, "alpha", t->weighing.alpha);
	train_margins_write(b, m, wrpo);
}

static int log_step(struct train_trainlog *log, const struct train_trainer *t,
    const struct train_step_report *s, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	if (!log)
		return 0;
	fc_buf_addf(&b,
	    "{\"step\": %" PRIu64 ", \"examples\": %" PRIu64 ", \"tokens\": %" PRIu64
	    ", \"labels\": %" PRIu64 ", \"rows\": %" PRIu64,
	    t->step, t->n_example, t->n_tok, s->n_label, s->n_row);
	add_real(&b, "lr", s->lr);
	add_real(&b, "loss", s->loss);
	add_real(&b, "sft", s->sft);
	add_real(&b, "fusion", s->fusion);
	add_real(&b, "grad_norm", s->grad_norm);
	if (t->opts.preference.kind)
		add_pairs(&b, t, &s->margins);
	fc_buf_adds(&b, "}\n");
	int ret = train_trainlog_line(log, &b, e);
	fc_buf_release(&b);
	return ret;
}

static int log_pairs(const struct train_trainer *t, struct train_trainlog *log,
    const struct train_margins *m, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "{\"step\": %" PRIu64 ", \"eval\": {\"pairs\": %.0f", t->step, m->n_pair);
	add_real(&b, "loss", m->loss / m->n_pair);
	train_margins_write(&b, m, t->opts.preference.kind == TRAIN_PREFERENCE_WRPO);
	fc_buf_adds(&b, "}}\n");
	int ret = log ? train_trainlog_line(log, &b, e) : 0;
	fc_buf_release(&b);
	fc_note("step %" PRIu64 ": held-out loss %.4f, margin %.4f, %.2f %% of pairs right",
	    t->step, m->loss / m->n_pair, (m->chosen - m->rejected) / m->n_pair,
	    100 * m->right / m->n_pair);
	return ret;
}

static int log_labels(const struct train_trainer *t, struct train_trainlog *log,
    const struct train_heldout_score *h, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	double per_token = h->nll / (double)h->n_label;
	double bits = h->n_bytes ? h->nll / LN2 / (double)h->n_bytes : NAN;
	double right = (double)h->n_correct / (double)h->n_label;
	fc_buf_addf(
	    &b, "{\"step\": %" PRIu64 ", \"eval\": {\"labels\": %" PRIu64, t->step, h->n_label);
	add_real(&b, "nll", per_token);
	add_real(&b, "bits_per_byte", bits);
	add_real(&b, "accuracy", right);
	fc_buf_adds(&b, "}}\n");
	int ret = log ? train_trainlog_line(log, &b, e) : 0;
	fc_buf_release(&b);
	fc_note("step %" PRIu64 ": held-out %.4f nats a token, %.4f bits a byte, %.2f %% right",
	    t->step, per_token, bits, 100 * right);
	return ret;
}

/* The loss: nats a label, or the mean over pairs. */
static int evaluate_heldout(const struct train_run *r, struct train_trainlog *log, struct fc_err *e)
{
	struct train_trainer *t = r->trainer;
	struct train_heldout_score h;
	if (train_heldout_score(r->heldout, t->crew, train_trainer_alpha(t), &h, e) < 0)
		return -1;
	const bool pairs = r->heldout->preference.kind != TRAIN_PREFERENCE_NONE;
	if ((pairs ? log_pairs(t, log, &h.margins, e) : log_labels(t, log, &h, e)) < 0)
		return -1;
	return train_best_tell(r->best, t->crew, t->step,
	    pairs ? h.margins.loss / h.margins.n_pair : h.nll / (double)h.n_label, e);
}

static bool is_due(uint64_t step, int every)
{
	return every && step % (uint64_t)every == 0;
}

static int save_checkpoint(const struct train_run *r, struct train_trainlog *log, struct fc_err *e)
{
	struct train_trainer *t = r->trainer;
	struct train_progress_state s = {.step = t->step,
	    .n_example = t->n_example,
	    .n_tok = t->n_tok,
	    .pos = train_feed_tell(t->feed),
	    .best = r->best->at};
	if (log && train_trainlog_sync(log, &s.log_bytes, e) < 0)
		return -1;
	return train_checkpoint_save(r->opts->checkpoint, t->crew, &s, r->identity, e);
}

/* Puts trainer and feed where the checkpoint left them. */
static int restore_checkpoint(const struct train_run *r, uint64_t *log_bytes, struct fc_err *e)
{
	const struct train_options *o = r->opts;
	struct train_trainer *t = r->trainer;
	struct train_progress_state s;
	*log_bytes = 0;
	if (!o->checkpoint || (!o->resume && o->force))
		return 0;
	if (!train_checkpoint_exists(o->checkpoint)) {
		if (o->resume)
			fc_note(
			    "no checkpoint in %s yet: starting from the beginning", o->checkpoint);
		return 0;
	}
	if (train_checkpoint_load(o->checkpoint, t->crew, &s, r->identity, e) < 0 ||
	    train_best_resume(r->best, &s.best, e) < 0 || train_feed_seek(t->feed, &s.pos, e) < 0)
		return -1;
	t->step = s.step;
	t->n_example = s.n_example;
	t->n_tok = s.n_tok;
	*log_bytes = s.log_bytes;
	fc_note("going on after step %" PRIu64, t->step);
	return 0;
}

/* Steps of the run as far as that can be told before the first: exactly with --steps, else from the
 * tokens of the stream; 0: not known. */
static uint64_t steps_ahead(const struct train_run *r)
{
	const struct train_options *o = r->opts;
	const struct train_example_count *n = train_feed_counted(r->trainer->feed);
	if (o->steps || !n)
		return o->steps;
	/* where the next example does not fit, half of one is left empty on average */
	const double mean = (double)n->n_tok / (double)n->n_example;
	const double filled = fmax(mean, (double)o->batch_tokens - mean / 2);
	return (uint64_t)ceil((double)n->n_tok / filled) * o->epochs;
}

/* When the next checkpoint is due: after so many steps or, with --checkpoint-seconds, so much time,
 * of which saving takes at most a twentieth. */
struct clock {
	double last_s, cost_s;
};

static bool checkpoint_due(const struct train_options *o, const struct clock *c, uint64_t step)
{
	if (!o->checkpoint)
		return false;
	if (o->checkpoint_seconds <= 0)
		return is_due(step, o->checkpoint_every);
	return fc_now() - c->last_s >= fmax(o->checkpoint_seconds, 19 * c->cost_s);
}

static int save_when_due(
    const struct train_run *r, struct train_trainlog *log, struct clock *c, struct fc_err *e)
{
	if (!checkpoint_due(r->opts, c, r->trainer->step))
		return 0;
	const double begin_s = fc_now();
	const int ret = save_checkpoint(r, log, e);
	c->last_s = fc_now();
	c->cost_s = c->last_s - begin_s;
	return ret;
}

/* A signal asks for the end: the checkpoint is of this step, whether it was due or not. */
static int stop_here(const struct train_run *r, struct train_trainlog *log, struct fc_err *e)
{
	if (save_checkpoint(r, log, e) < 0)
		return -1;
	fc_progress_end();
	fc_note("stopped by a signal after step %" PRIu64 "; --resume goes on from there",
	    r->trainer->step);
	return 1;
}

/* 1: stopped by a signal */
static int run_steps(const struct train_run *r, struct train_trainlog *log,
    struct train_losses *losses, struct fc_err *e)
{
	const struct train_options *o = r->opts;
	struct train_trainer *t = r->trainer;
	struct train_step_report s;
	struct clock clock = {.last_s = fc_now()};
	char note[64];
	int got = 0;
	fc_progress_start(
	    o->steps ? "steps" : "examples", o->steps ? o->steps : (uint64_t)t->opts.n_example);
	while (!train_best_is_over(r->best) && (got = train_trainer_step(t, &s, e)) == 1) {
		train_losses_add(losses, s.loss);
		snprintf(note, sizeof note, "step %" PRIu64 ", loss %.4f", t->step, s.loss);
		fc_progress_set(o->steps ? t->step : t->n_example, note);
		if (log_step(log, t, &s, e) < 0)
			return -1;
		if (r->heldout && is_due(t->step, o->eval_every) && evaluate_heldout(r, log, e) < 0)
			return -1;
		if (train_stop_signal())
			return stop_here(r, log, e);
		if (save_when_due(r, log, &clock, e) < 0)
			return -1;
	}
	fc_progress_end();
	return got < 0 ? -1 : 0; /* of patience, at a step that was done */
}

/* Why the run has ended and which step's weights are its result, where that is not the stream's end
 * and the last one. */
static int log_end(const struct train_run *r, struct train_trainlog *log, struct fc_err *e)
{
	const struct train_best *b = r->best;
	const uint64_t step = r->trainer->step;
	struct fc_buf line = FC_BUF_INIT;
	if (train_best_is_over(b)) {
		fc_buf_addf(&line, "{\"step\": %" PRIu64 ", \"stopped\": {\"patience\": %d}}\n",
		    step, b->patience);
		fc_note("stopped after step %" PRIu64
			": %d evaluation%s in a row no better than that of step %" PRIu64,
		    step, b->patience, b->patience == 1 ? "" : "s", b->at.step);
	}
	if (b->stored.is_set) {
		fc_buf_addf(&line, "{\"step\": %" PRIu64 ", \"kept\": {\"step\": %" PRIu64, step,
		    b->stored.step);
		add_real(&line, "loss", b->stored.loss);
		fc_buf_adds(&line, "}}\n");
		fc_note("kept: the weights after step %" PRIu64
			", whose held-out loss of %.4f is the lowest",
		    b->stored.step, b->stored.loss);
	}
	if (b->stored.is_set && b->stored.step == 0)
		fc_warn("no step has lowered the held-out loss: the result is what the run began "
			"with");
	int ret = log && line.n ? train_trainlog_line(log, &line, e) : 0;
	fc_buf_release(&line);
	return ret;
}

static int run_all(const struct train_run *r, struct train_trainlog *log, struct fc_err *e)
{
	const struct train_options *o = r->opts;
	struct train_trainer *t = r->trainer;
	struct train_losses losses = {0};
	const double begin_s = fc_now();
	const uint64_t begin_tok = t->n_tok, ahead = steps_ahead(r);
	int ret = 0;
	if (ahead)
		train_warn_short(ahead, !o->steps, o->batch_tokens);
	if (r->heldout && t->step == 0)
		ret = evaluate_heldout(r, log, e);
	if (ret == 0)
		ret = run_steps(r, log, &losses, e);
	if (ret == 0 && r->heldout && !is_due(t->step, o->eval_every))
		ret = evaluate_heldout(r, log, e);
	if (ret == 0)
		ret = log_end(r, log, e);
	if (ret == 0) {
		train_losses_report(&losses, t->n_tok - begin_tok, fc_now() - begin_s);
		if (!ahead)
			train_warn_short(t->step, false, o->batch_tokens);
	}
	train_losses_release(&losses);
	return ret;
}

int train_run(const struct train_run *r, struct fc_err *e)
{
	struct train_trainlog *log = NULL;
	uint64_t log_bytes;
	if (restore_checkpoint(r, &log_bytes, e) < 0)
		return -1;
	if (r->opts->log && train_trainlog_open(&log, r->opts->log, log_bytes, e) < 0)
		return -1;
	int ret = run_all(r, log, e);
	train_trainlog_close(log);
	return ret;
}
