/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/train_footprint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/launcher.h"
#include "base/mem.h"
#include "fc-train/crew.h"
#include "fc-train/logprobs.h"
#include "nn/dry.h"

/* A micro-batch that is full: of n_tok tokens, sequences of at most max_tok, and labels all over.
 */
static void fill_micro(struct train_micro *m, size_t n_tok, size_t max_tok)
{
	const size_t n_seq = (n_tok + max_tok - 1) / max_tok;
	train_micro_room(m, n_seq, n_tok, n_tok, 0);
	memset(m->tok, 0, n_tok * sizeof *m->tok);
	m->off[0] = 0;
	for (size_t s = 0; s < n_seq; s++) {
		const size_t left = n_tok - m->off[s], n = left < max_tok ? left : max_tok;
		for (size_t t = 0; t + 1 < n; t++) {
			const size_t r = m->targets.n++;
			m->row_pos[r] = (uint32_t)(m->off[s] + t);
			m->target[r] = 0;
			m->label_weight[r] = m->row_weight[r] = 0;
		}
		m->off[s + 1] = m->off[s] + n;
	}
	m->batch.n_seq = n_seq;
	train_micro_point(m);
}

static bool is_shared(const struct train_shape *s)
{
	return s->shard == TRAIN_SHARD_GRADIENTS && s->n_rank > 1;
}

/* Micro-batches that are computed together: with shared gradients those of a lane. */
static size_t n_together(const struct train_shape *s)
{
	const size_t n_micro = (s->batch_tok + s->micro_tok - 1) / s->micro_tok;
	return is_shared(s) && n_micro > s->n_lane ? (n_micro + s->n_lane - 1) / s->n_lane : 1;
}

static int run_step(
    struct fc_nn *dry, struct fc_params *p, const struct train_micro *m, size_t n, struct fc_err *e)
{
	struct fc_loss loss = {0};
	struct fc_step_batch *b = FC_ARRAY(struct fc_step_batch, n);
	for (size_t i = 0; i < n; i++)
		b[i] = (struct fc_step_batch){&m->batch, &m->targets, &loss};
	const int ret = fc_params_steps(dry, p, b, n, NULL, e);
	free(b);
	return ret;
}

static int run_micro(
    struct fc_nn *dry, struct fc_params *p, const struct train_shape *s, struct fc_err *e)
{
	struct train_micro m = {0};
	struct train_logprobs l = {0};
	const size_t max_tok = s->max_tok < p->model.cfg.n_ctx ? s->max_tok : p->model.cfg.n_ctx;
	fill_micro(&m, s->micro_tok > max_tok ? s->micro_tok : max_tok, max_tok);
	int ret = run_step(dry, p, &m, n_together(s), e);
	if (ret == 0 && s->pairs)
		ret = train_logprobs_run(&l, dry, p, &m, e);
	train_logprobs_release(&l);
	train_micro_release(&m);
	return ret;
}

static int open_params(
    struct fc_params **p, const struct train_shape *s, struct fc_nn *dry, struct fc_err *e)
{
	struct fc_rng rng;
	if (!s->lora)
		return fc_params_blank(p, s->config, dry, e);
	fc_rng_seed(&rng, 0);
	return fc_lora_open(p, s->model, dry, s->lora, &rng, e);
}

int train_footprint_measure(
    struct fc_footprint *f, const struct train_shape *s, const struct fc_nn *nn, struct fc_err *e)
{
	const struct train_crew_opts opts = {
	    .n_lane = s->n_lane, .shard = is_shared(s) ? s->shard : TRAIN_SHARD_OPTIMIZER};
	struct fc_nn *dry = fc_dry_open(nn);
	struct fc_params *p;
	int ret = -1;
	if (s->offload)
		fc_nn_offload(dry);
	if (open_params(&p, s, dry, e) == 0) {
		p->n_keep = s->layers_kept;
		struct train_crew *c = train_crew_dry(&opts, s->n_rank, dry, p);
		ret = run_micro(dry, p, s, e);
		*f = fc_footprint_of(dry);
		train_crew_dry_close(c);
		fc_params_free(p);
	}
	fc_nn_close(dry);
	return ret;
}

/* Bytes of nn's own memory, with n layers kept. */
static int measure_kept(
    size_t *bytes, const struct train_shape *s, size_t n, const struct fc_nn *nn, struct fc_err *e)
{
	struct train_shape kept = *s;
	struct fc_footprint f;
	kept.layers_kept = n;
	const int ret = train_footprint_measure(&f, &kept, nn, e);
	*bytes = ret == 0 ? fc_footprint_bytes(f.device) : 0;
	return ret;
}

/* s->layers_kept: as many as a quarter of the free memory holds that the rest of the work leaves,
 * which this machine's ranks share. */
static int choose_kept(
    struct train_shape *s, size_t n_layer, const struct fc_nn *nn, struct fc_err *e)
{
	const size_t n_here = fc_launcher_here();
	size_t one, two, n_free, n_total;
	s->layers_kept = 1;
	if (s->lora || n_layer == 1)
		return 0;
	if (measure_kept(&one, s, 1, nn, e) < 0 || measure_kept(&two, s, 2, nn, e) < 0)
		return -1;
	fc_nn_memory(nn, &n_free, &n_total);
	n_free /= n_here ? n_here : s->n_rank;
	const size_t more = two > one && n_free > one ? (n_free - one) / 4 / (two - one) : 0;
	s->layers_kept += more < n_layer ? more : n_layer - 1;
	return 0;
}

/* What needs less. */
static const char *find_advice(
    const struct fc_footprint *f, const struct train_shape *s, const struct fc_nn *nn)
{
	struct train_shape other = *s;
	struct fc_footprint less;
	struct fc_err ignored;
	if (fc_footprint_has_device(f, nn))
		return "less is needed with more processes on other machines";
	if (s->layers_kept > 1)
		return "less is needed with a smaller --layers-kept";
	if (s->offload || s->lora)
		return "less is needed with a smaller --micro-tokens";
	other.offload = true;
	if (train_footprint_measure(&less, &other, nn, &ignored) < 0 ||
	    !fc_footprint_has_device(&less, nn))
		return "less is needed with --offload optimizer and a smaller --micro-tokens";
	return fc_footprint_fits(&less, nn) ? "--offload optimizer needs little enough"
					    : "--offload optimizer needs little enough of it, but "
					      "more of the host than there is";
}

static void tell_run(const struct train_options *o)
{
	if (o->steps)
		fc_note("%" PRIu64 " steps of up to %d tokens, %d at a time", o->steps,
		    o->batch_tokens, o->micro_tokens);
	else
		fc_note("%" PRIu64 " passes over the stream, in steps of up to %d tokens, %d at a "
			"time",
		    o->epochs, o->batch_tokens, o->micro_tokens);
}

struct train_shape train_footprint_shape(
    const struct train_options *o, size_t n_rank, size_t n_lane)
{
	return (struct train_shape){.model = o->model,
	    .lora = o->lora ? &o->adapter.spec : NULL,
	    .n_rank = n_rank,
	    .n_lane = n_lane,
	    .shard = o->shard == TRAIN_SHARD_GRADIENTS ? o->shard : TRAIN_SHARD_OPTIMIZER,
	    .batch_tok = (size_t)o->batch_tokens,
	    .micro_tok = (size_t)o->micro_tokens,
	    .max_tok = (size_t)o->max_length,
	    .pairs = o->preference != TRAIN_PREFERENCE_NONE,
	    .offload = o->offload == TRAIN_OFFLOAD_OPTIMIZER,
	    .layers_kept = (size_t)o->layers_kept};
}

int train_footprint_rehearse(const struct train_shape *s, const struct train_crew *c,
    struct fc_nn *nn, struct fc_params *p, struct fc_err *e)
{
	struct train_shape own = *s;
	if (!fc_nn_idle(nn, true))
		return 0;
	own.shard = train_crew_sharding(c);
	const int ret = run_micro(nn, p, &own, e);
	fc_nn_idle(nn, false);
	return ret;
}

/* What a run takes, as notes, or that a device has less. */
static int tell_plan(
    const struct train_options *o, struct train_shape *s, struct fc_nn *nn, struct fc_err *e)
{
	struct fc_footprint f;
	const bool device = strcmp(fc_nn_device(nn), "cpu") != 0;
	if (!device && !o->dry_run)
		return 0;
	int ret = train_footprint_measure(&f, s, nn, e);
	if (ret == 0 && s->n_rank > 1 && o->shard == TRAIN_SHARD_AUTO &&
	    !fc_footprint_fits(&f, nn)) {
		s->shard = TRAIN_SHARD_GRADIENTS; /* as the crew decides, see train_crew_open() */
		ret = train_footprint_measure(&f, s, nn, e);
	}
	const bool fits = ret == 0 && (!device || fc_footprint_fits(&f, nn));
	if (ret == 0 && (fits || o->dry_run))
		fc_footprint_tell(&f, nn);
	if (ret == 0 && o->dry_run)
		tell_run(o);
	if (ret == 0 && !fits)
		ret = fc_footprint_fail(&f, nn, find_advice(&f, s, nn), e);
	return ret;
}

int train_footprint_plan(
    struct train_options *o, size_t n_rank, size_t n_lane, struct fc_nn *nn, struct fc_err *e)
{
	struct fc_buf text = FC_BUF_INIT;
	struct fc_config c;
	if (fc_config_load(&c, o->model ? o->model : o->init, e) < 0)
		return -1;
	fc_json_dump(&text, c.json);
	struct train_shape s = train_footprint_shape(o, n_rank, n_lane);
	s.config = text.p;
	int ret = s.layers_kept ? 0 : choose_kept(&s, c.n_layer, nn, e);
	o->layers_kept = (int)s.layers_kept;
	if (ret == 0)
		ret = tell_plan(o, &s, nn, e);
	fc_config_release(&c);
	fc_buf_release(&text);
	return ret;
}
