/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/ending.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/launcher.h"
#include "base/mem.h"
#include "base/par.h"
#include "fc-train/checkpoint.h"
#include "fc-train/ownanswers.h"
#include "fc-train/pair_reader.h"
#include "fc-train/ranks.h"
#include "fc-train/run.h"
#include "fc-train/stop.h"
#include "fc-train/survival.h"
#include "fc-train/target.h"
#include "fc-train/train_footprint.h"
#include "fc-train/update.h"
#include "store/modelfiles.h"
#include "token/tokenizer.h"

#define INIT_STREAM UINT64_MAX /* of random numbers for new weights; the passes use 0, 1, ... */

static void or_die(int ret, const struct fc_err *e)
{
	if (ret < 0)
		fc_die("%s", e->msg);
}

/* The result is a folder with the pivot's files, which a GGUF model has inside. */
static void refuse_gguf(const char *model)
{
	char *file = fc_store_gguf_path(model);
	bool is_gguf = file != NULL;
	free(file);
	if (is_gguf)
		fc_die("%s: a GGUF model; make it a folder first: fc-convert --type bf16 -o DIR %s",
		    model, model);
}

static struct fc_params *open_params(const struct train_options *o, struct fc_nn *nn)
{
	struct fc_params *p;
	struct fc_err e;
	struct fc_rng rng;
	fc_rng_seed2(&rng, o->seed, INIT_STREAM);
	or_die(o->init    ? fc_params_init(&p, o->init, nn, &rng, &e)
		: o->lora ? fc_lora_open(&p, o->model, nn, &o->adapter.spec, &rng, &e)
			  : fc_params_open(&p, o->model, nn, &e),
	    &e);
	p->n_keep = (size_t)o->layers_kept;
	if (o->lora_from)
		or_die(train_adapter_load(o->lora_from, p, &e), &e);
	if (!o->init && fc_modelfiles_has_adapter(o->model))
		fc_note(FC_MODELFILES_ADAPTER, o->model);
	return p;
}

static uint64_t tokenizer_fingerprint(const struct train_options *o, const struct fc_params *p)
{
	struct fc_tokenizer *t;
	struct fc_err e;
	const char *dir = o->init ? o->tokenizer : o->model;
	or_die(fc_tokenizer_open(&t, dir, &e), &e);
	if (fc_tokenizer_n_vocab(t) > p->model.cfg.n_vocab)
		fc_die("%s: the tokenizer has %zu tokens, the model room for %zu", dir,
		    fc_tokenizer_n_vocab(t), p->model.cfg.n_vocab);
	uint64_t fingerprint = fc_tokenizer_fingerprint(t);
	fc_tokenizer_free(t);
	return fingerprint;
}

/* Is all there that a run needs but the stream? */
static void check_models(const struct train_options *o)
{
	struct fc_tokenizer *t;
	struct fc_config c;
	struct fc_err e;
	if (o->model)
		or_die(o->lora ? fc_lora_check(o->model, &o->adapter.spec, &e)
			       : fc_params_check(o->model, &e),
		    &e);
	or_die(fc_config_load(&c, o->model ? o->model : o->init, &e), &e);
	or_die(fc_tokenizer_open(&t, o->model ? o->model : o->tokenizer, &e), &e);
	fc_tokenizer_free(t);
	fc_config_release(&c);
}

/* What the weights start from. */
static uint64_t origin_fingerprint(const struct train_options *o, const struct fc_params *p)
{
	uint64_t value;
	if (o->init) {
		struct fc_buf b = FC_BUF_INIT;
		fc_json_dump(&b, p->model.cfg.json);
		value = fc_hash(b.p, b.n, 0);
		fc_buf_release(&b);
	} else {
		struct fc_store *store;
		struct fc_err e;
		or_die(fc_store_open(&store, o->model, &e), &e);
		value = fc_store_fingerprint(store);
		fc_store_close(store);
	}
	return value;
}

/* What is kept, or when the run ends, depends on the held-out stream and on when it is looked at.
 */
static void add_evaluation(json_t *id, const struct train_options *o)
{
	struct fc_mapped m;
	struct fc_err e;
	char hex[17];
	if (o->keep == TRAIN_KEEP_LAST && !o->patience) { /* as if there were no such options */
		json_object_del(id, "keep");
		json_object_del(id, "patience");
		return;
	}
	or_die(fc_mapped_open(&m, o->eval, &e), &e);
	snprintf(hex, sizeof hex, "%016" PRIx64, fc_hash(m.p, m.n_bytes, 0));
	fc_mapped_close(&m);
	json_object_set_new(id, "eval", json_string(hex));
	json_object_set_new(id, "eval-every", json_sprintf("%d", o->eval_every));
}

static json_t *run_identity(const struct train_options *o, const struct fc_params *p,
    struct fc_nn *nn, uint64_t tokenizer, size_t n_lane)
{
	char hex[17];
	json_t *id = train_options_deciding();
	snprintf(hex, sizeof hex, "%016" PRIx64, origin_fingerprint(o, p));
	json_object_set_new(id, "model", json_string(hex));
	snprintf(hex, sizeof hex, "%016" PRIx64, tokenizer);
	json_object_set_new(id, "tokenizer", json_string(hex));
	json_object_set_new(id, "lanes", json_sprintf("%zu", n_lane));
	add_evaluation(id, o);
	if (!o->lora) /* as if there were no such option */
		json_object_del(id, "lora");
	snprintf(hex, sizeof hex, "%016" PRIx64, o->adapter.start);
	if (o->lora_from)
		json_object_set_new(id, "lora-from", json_string(hex));
	json_object_del(id, "dtype"); /* what it came to instead, which "auto" does not say */
	json_object_del(id, "device");
	json_object_set_new(id, "device", json_string(fc_nn_device(nn)));
	json_object_set_new(
	    id, "dtype", json_string(fc_nn_compute(nn) == FC_COMPUTE_BF16 ? "bf16" : "f32"));
	return id;
}

/* Are the stream's rows of draws? */
static bool is_drawn(const struct train_feed *f)
{
	return train_feed_header(f)->n_sample > 0;
}

/* Of rows of draws, what the options ask for beyond them. */
static void check_draws(const struct train_options *o, const struct train_feed *f)
{
	const char *why = train_options_refuse_draws(o);
	char draws[80];
	fc_header_draws_text(train_feed_header(f), draws, sizeof draws);
	if (is_drawn(f) && o->lambda < 1 && !o->preference && why)
		fc_die("%s has %s: %s", train_feed_name(f), draws, why);
}

static struct train_example_rule example_rule(const struct train_options *o,
    const struct fc_params *p, const struct train_feed *f, const struct train_pair_rule *pairs)
{
	const struct fc_config *c = &p->model.cfg;
	size_t most = (size_t)o->max_length < c->n_ctx ? (size_t)o->max_length : c->n_ctx;
	return (struct train_example_rule){
	    .n_output = (uint32_t)c->n_vocab,
	    .max_tok = (uint32_t)most,
	    .rows = train_feed_header(f)->kind == FC_KIND_DISTS && o->lambda < 1 && !o->preference,
	    .list_labels = o->unlisted == FC_ROW_TAIL && !is_drawn(f),
	    .pairs = o->preference ? pairs : NULL,
	};
}

static struct train_ownanswers own_answers(const struct train_options *o, const struct fc_params *p)
{
	struct train_ownanswers a = {
	    .model = o->model, .answers = o->answers, .max_age = o->max_age};
	struct fc_err e;
	if (o->model)
		or_die(fc_lineage_read(&a.lineage, o->model, origin_fingerprint(o, p), &e), &e);
	return a;
}

static struct train_pair_rule open_references(const struct train_options *o)
{
	struct train_references *r;
	struct fc_err e;
	or_die(train_references_open(&r, o->reference.v, (size_t)o->reference.n, &e), &e);
	return (struct train_pair_rule){o->preference, r};
}

/* The stream's own log-probabilities are those of a reference. */
static void check_reference(
    const struct train_options *o, const struct train_feed *f, const struct fc_params *p)
{
	const struct fc_header *h = train_feed_header(f);
	const bool own = o->preference == TRAIN_PREFERENCE_INFIFPO || !o->reference.n;
	if (!o->preference || !own)
		return;
	if (h->kind != FC_KIND_DISTS)
		fc_die("%s: a %s has no log-probabilities of a reference: leave out --tokens in "
		       "fc-infer%s",
		    train_feed_name(f), fc_kind_name(h->kind),
		    o->preference == TRAIN_PREFERENCE_INFIFPO ? "" : ", or give --reference");
	if (o->model && h->model != origin_fingerprint(o, p))
		fc_note("%s: the reference is another model than %s", train_feed_name(f), o->model);
}

static struct train_feed *open_feed(const struct train_options *o, const struct fc_params *p,
    uint64_t tokenizer, const struct train_pair_rule *pairs, struct train_ownanswers *answers)
{
	struct train_feed *f;
	struct fc_err e;
	struct train_feed_opts opts = {.path = o->stream,
	    .n_shuffle = (size_t)o->shuffle,
	    .seed = o->seed,
	    .n_pass = o->steps ? 0 : o->epochs};
	or_die(train_feed_open(&f, &opts, &e), &e);
	or_die(train_feed_check_tokenizer(f, tokenizer, &e), &e);
	check_draws(o, f);
	check_reference(o, f, p);
	struct train_example_rule rule = example_rule(o, p, f, pairs);
	train_feed_set_rule(f, &rule);
	train_feed_set_answers(f, answers);
	return f;
}

/* A temperature is not meant for so much probability that stands for many ids at once. */
#define LARGE_TAIL 0.05

static void report_rows(const struct train_example_count *n, const struct train_options *o)
{
	if (!n->n_row)
		return;
	const double tail = 1 - fmin(n->listed / (double)n->n_row, 1);
	fc_note("rows list %.2f %% of their probability and %.2f %% of the tokens that follow",
	    100 * (1 - tail), 100 * (1 - (double)n->n_outside / (double)n->n_row));
	if (o->temperature != 1 && tail > LARGE_TAIL && o->unlisted == FC_ROW_TAIL)
		fc_warn(
		    "--temperature %g: rows leave %.1f %% of their probability unlisted, which is "
		    "taken as that of one token; rows with more entries (fc-infer -k) leave less",
		    o->temperature, 100 * tail);
}

static void report_pairs(const struct train_feed *f)
{
	const struct train_example_count *n = train_feed_counted(f);
	fc_note("%s: %" PRIu64 " pairs, %" PRIu64 " tokens, %" PRIu64 " labels", train_feed_name(f),
	    n->n_example, n->n_tok, n->n_label);
	if (n->n_beside)
		fc_warn("%" PRIu64 " answers of sources are not used: they are for --preference "
			"wrpo",
		    n->n_beside);
	if (n->n_useless)
		fc_warn("%" PRIu64 " pairs had an answer with nothing to train on and were left "
			"out",
		    n->n_useless);
}

static void report_counts(const struct train_feed *f, const struct train_options *o)
{
	const struct train_example_count *n = train_feed_counted(f);
	if (o->preference) {
		report_pairs(f);
		return;
	}
	char rows[128] = "no teacher", draws[80];
	fc_header_draws_text(train_feed_header(f), draws, sizeof draws);
	if (n->n_unused)
		snprintf(rows, sizeof rows, "%" PRIu64 " rows of the teacher not used (lambda 1)",
		    n->n_unused);
	else if (train_feed_header(f)->kind == FC_KIND_DISTS)
		snprintf(rows, sizeof rows, "%" PRIu64 " rows of the teacher%s%s", n->n_row,
		    *draws ? ", " : "", *draws ? draws + strlen("rows ") : "");
	fc_note("%s: %" PRIu64 " examples, %" PRIu64 " tokens, %" PRIu64 " labels, %s",
	    train_feed_name(f), n->n_example, n->n_tok, n->n_label, rows);
	if (!is_drawn(f)) /* draws have no tail, and need not list the label */
		report_rows(n, o);
	if (n->n_truncated)
		fc_warn("%" PRIu64 " examples were longer than the limit and were truncated",
		    n->n_truncated);
	if (n->n_useless)
		fc_warn(
		    "%" PRIu64 " examples had nothing to train on and were left out", n->n_useless);
	if (train_feed_header(f)->kind == FC_KIND_DISTS && o->lambda < 1 && n->n_row == 0)
		fc_warn("the stream has no distribution: training on the labels alone");
}

/* The learning rate needs to know how long the run is: returns the number of examples, or 0 where
 * it needs no number.  A file is counted, and with that checked, before the first step. */
static double run_length(const struct train_options *o, struct train_feed *f)
{
	struct fc_err e;
	/* nothing goes by the run's length: neither the learning rate nor WRPO's alpha */
	bool flat = o->schedule == TRAIN_DECAY_CONSTANT && o->warmup == 0 &&
	    o->preference != TRAIN_PREFERENCE_WRPO;
	bool wait = !train_feed_is_file(f) && !o->steps && !o->examples && !flat;
	if (wait)
		fc_note("reading the whole stream first; to train while it is read, tell its "
			"length with "
			"--examples or the run's with --steps");
	if (!wait && !train_feed_is_file(f))
		return (double)o->examples * (double)o->epochs;
	or_die(train_feed_count(f, &e), &e);
	report_counts(f, o);
	return (double)train_feed_counted(f)->n_example * (double)o->epochs;
}

/* 1: a signal has stopped the run */
static int train_steps(const struct train_options *o, struct train_trainer *t, uint64_t tokenizer,
    const struct train_pair_rule *pairs, struct train_best *best, json_t *identity)
{
	struct fc_err e;
	struct train_heldout heldout = {.path = o->eval,
	    .tokenizer = tokenizer,
	    .rule = example_rule(o, train_crew_params(t->crew), t->feed, pairs),
	    .micro_tok = t->opts.micro_tok,
	    .preference = t->opts.preference};
	struct train_run run = {o, t, o->eval ? &heldout : NULL, best, identity};
	bool counted = train_feed_counted(t->feed) != NULL;
	heldout.rule.rows = false;
	const int stopped = train_run(&run, &e);
	or_die(stopped, &e);
	const struct train_example_count *n = train_feed_counted(t->feed);
	if (stopped || counted || !n)
		return stopped;
	report_counts(t->feed, o);
	if (o->examples && !o->steps && n->n_example != o->examples)
		fc_warn("the stream had %" PRIu64 " examples to train on, not %" PRIu64
			": the learning rate did not follow its schedule",
		    n->n_example, o->examples);
	return 0;
}

/* What others were sent, of which a network sees most. */
static void report_ranks(const struct train_crew *crew, const struct fc_comm *comm, uint64_t n_step)
{
	const double mb = (double)fc_comm_sent(comm) / 1e6 / (double)n_step;
	if (fc_comm_size(comm) > 1 && n_step)
		fc_note("%zu ranks, %zu lanes: rank 0 has sent %.*f MB a step", fc_comm_size(comm),
		    train_crew_lanes(crew), mb < 10 ? 3 : 1, mb);
}

/* As the signal would have ended the program, and after all ranks have ended. */
static _Noreturn void stop_run(struct train_crew *crew, struct fc_comm *comm)
{
	train_crew_close(crew);
	fc_comm_close(comm);
	fc_ending_end(train_stop_signal());
}

/* A light fine-tuning may be smaller than half a step of the type it is saved in. */
static void report_survival(const struct train_target *target, const struct fc_params *params)
{
	struct train_survival m;
	enum fc_dtype dtype;
	struct fc_err e;
	or_die(train_target_dtype(target, params, &dtype, &e), &e);
	or_die(train_survival_measure(&m, params, target->pivot, dtype, &target->rounding, &e), &e);
	train_survival_report(&m, dtype, &target->rounding);
}

/* The last part of the output's path, which tells runs apart that share a terminal. */
static const char *output_label(const struct train_options *o)
{
	const char *path = o->output ? o->output : o->update;
	return strcmp(path, "-") ? fc_path_name(path) : NULL;
}

/* How many lanes the run has, and that its ranks can share them. */
static size_t lanes(const struct train_options *o, const struct fc_comm *comm)
{
	const size_t n_rank = fc_comm_size(comm), n = o->lanes ? (size_t)o->lanes : n_rank;
	if (n % n_rank)
		fc_die_usage("--lanes %zu: %zu ranks do not share %zu lanes evenly", n, n_rank, n);
	return n;
}

/* The processor's memory is the host's: there is nothing to leave to it. */
static void place_optimizer(const struct train_options *o, struct fc_nn *nn)
{
	if (o->offload == TRAIN_OFFLOAD_NONE)
		return;
	if (!strcmp(fc_nn_device(nn), "cpu"))
		fc_note("--offload optimizer does nothing on the processor, whose memory is the "
			"host's");
	fc_nn_offload(nn);
}

static void report_adapters(const struct fc_params *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->v[i].n;
	fc_note("adapters of %zu parameters, %.2f %% of the model's", n,
	    100 * (double)n / (double)p->lora->n_base);
}

static void write_adapter(
    const struct train_options *o, const struct fc_params *p, struct fc_outdir *out)
{
	const struct fc_rounding how = {o->rounding == FC_ROUND_STOCHASTIC, o->seed};
	struct fc_err e;
	or_die(train_adapter_write(fc_outdir_tmp(out), &o->adapter, p, o->model,
		   train_target_chosen(o->save_dtype, FC_F32), &how, &e),
	    &e);
	or_die(fc_outdir_commit(out, &e), &e);
}

/* The others do rank 0's work. */
static _Noreturn void follow(const struct train_options *o, struct fc_comm *comm)
{
	struct fc_err e;
	if (!o->dry_run)
		or_die(train_ranks_follow(comm, o->device, &e), &e);
	fc_comm_close(comm);
	fc_finish();
}

/* The folder of the result, or NULL; and what is kept on the way to it. */
static struct fc_outdir *open_outputs(const struct train_options *o, struct train_best *best)
{
	struct fc_outdir *out = NULL;
	struct fc_err e;
	if (o->model && o->output && !o->lora)
		refuse_gguf(o->model);
	if (o->checkpoint)
		or_die(train_checkpoint_check(o->checkpoint, o->resume || o->force, &e), &e);
	if (o->keep == TRAIN_KEEP_BEST)
		or_die(train_best_keep(best, o->checkpoint, o->output ? o->output : o->update,
			   o->resume || o->force, &e),
		    &e);
	if (o->output)
		or_die(fc_outdir_open(&out, o->output, o->force ? &fc_folder_model : NULL, &e), &e);
	return out;
}

/* The device, with memory enough; a dry run ends here. */
static struct fc_nn *open_device(struct train_options *o, struct fc_comm *comm, size_t n_lane)
{
	struct fc_nn *nn;
	struct fc_err e;
	or_die(fc_nn_open(&nn, o->device, o->dtype, &e), &e);
	fc_nn_set_advice(nn, "a smaller --micro-tokens");
	if (o->dry_run)
		check_models(o);
	place_optimizer(o, nn);
	or_die(train_footprint_plan(o, fc_comm_size(comm), n_lane, nn, &e), &e);
	if (!o->dry_run)
		return nn;
	fc_comm_close(comm);
	fc_finish();
}

static struct train_trainer_opts trainer_options(const struct train_options *o, uint64_t n_example)
{
	return (struct train_trainer_opts){
	    .lambda = o->lambda,
	    .untaught = o->untaught,
	    .clip = o->clip,
	    .preference = train_options_preference(o),
	    .batch_tok = (size_t)o->batch_tokens,
	    .micro_tok = (size_t)o->micro_tokens,
	    .schedule = {o->schedule, o->lr, o->warmup, o->min_lr},
	    .n_step = o->steps,
	    .n_example = n_example,
	};
}

static void write_target(const struct train_options *o, const struct train_target *target,
    const struct fc_params *p, struct train_ownanswers *answers, struct fc_outdir *out)
{
	struct fc_err e;
	or_die(train_target_write(fc_outdir_tmp(out), target, p, &e), &e);
	or_die(train_ownanswers_save(answers, fc_outdir_tmp(out), &e), &e);
	or_die(fc_outdir_commit(out, &e), &e);
	if (o->model)
		report_survival(target, p);
}

int main(int argc, char **argv)
{
	fc_prog = "fc-train";
	struct fc_comm *comm;
	struct train_crew *crew;
	struct train_trainer trainer;
	struct fc_err e;
	char computes[512];
	fc_launcher_share();
	struct train_options o = *train_options_parse(argc, argv);
	fc_par_start(fc_opt_threads);
	if (fc_nn_check_device(o.device, &e) < 0)
		fc_die_usage("--device: %s", e.msg);
	or_die(fc_comm_open(&comm, &e), &e);
	if (o.lora && fc_comm_size(comm) > 1)
		fc_die_usage(
		    "--lora: adapters are trained by one process, not by %zu", fc_comm_size(comm));
	const size_t n_lane = lanes(&o, comm);
	if (o.checkpoint)
		train_stop_arm(fc_comm_rank(comm) == 0);
	if (fc_comm_rank(comm))
		follow(&o, comm);

	struct train_best best = {.patience = o.patience};
	struct fc_outdir *out = open_outputs(&o, &best);
	struct fc_nn *nn = open_device(&o, comm, n_lane);
	struct fc_params *params = open_params(&o, nn);
	uint64_t tokenizer = tokenizer_fingerprint(&o, params);
	struct train_target target = {
	    o.model, o.tokenizer, o.save_dtype, {o.rounding == FC_ROUND_STOCHASTIC, o.seed}};
	fc_prog_label = output_label(&o);
	if (o.lora)
		report_adapters(params);
	else if (out)
		or_die(train_target_begin(fc_outdir_tmp(out), &target, &e), &e);
	struct train_pair_rule pairs = open_references(&o);
	struct train_ownanswers answers = own_answers(&o, params);
	struct train_feed *feed = open_feed(&o, params, tokenizer, &pairs, &answers);

	const struct train_crew_opts crew_opts = {.n_lane = n_lane,
	    .shard = o.shard,
	    .objective = train_options_objective(&o, is_drawn(feed)),
	    .adamw = {o.beta1, o.beta2, o.eps, o.weight_decay}};
	const struct train_trainer_opts trainer_opts = trainer_options(&o, run_length(&o, feed));
	const struct train_shape shape = train_footprint_shape(&o, fc_comm_size(comm), n_lane);
	train_ranks_lead(comm, &crew_opts, &shape, nn, params);
	or_die(train_crew_open(&crew, &crew_opts, comm, nn, params, &e), &e);
	or_die(train_footprint_rehearse(&shape, crew, nn, params, &e), &e);
	train_trainer_init(&trainer, &trainer_opts, crew, feed);
	json_t *identity = run_identity(&o, params, nn, tokenizer, n_lane);
	fc_nn_describe(nn, computes, sizeof computes);
	fc_note("%s", computes);
	best.identity = identity;
	if (train_steps(&o, &trainer, tokenizer, &pairs, &best, identity))
		stop_run(crew, comm);
	report_ranks(crew, comm, trainer.step);
	or_die(best.path ? train_best_take(&best, params, &e) : train_crew_collect(crew, &e), &e);
	train_ownanswers_tell(&answers);

	if (o.update)
		or_die(train_update_write(o.update, o.model, origin_fingerprint(&o, params),
			   tokenizer, params, &e),
		    &e);
	if (out && o.lora)
		write_adapter(&o, params, out);
	else if (out)
		write_target(&o, &target, params, &answers, out);
	train_best_release(&best);
	json_decref(identity);
	train_trainer_release(&trainer);
	train_crew_close(crew);
	train_feed_close(feed);
	train_references_close(pairs.references);
	fc_params_free(params);
	fc_nn_close(nn);
	fc_comm_close(comm);
	fc_finish();
}
