/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "fc-train/crew_inside.h"
#include "fc-train/heldout.h"
#include "fc-train/trainer.h"
#include "stream/writer.h"
#include "device.h"
#include "t.h"

/* Steps of a tiny model on hand-made streams. */
enum { N_VOCAB = 48, N_EXAMPLE = 7 };
static char dir[] = "/tmp/fc-train-training.XXXXXX";
static struct fc_nn *nn;

static void or_bail(int ret, const struct fc_err *e)
{
	if (ret < 0) {
		printf("Bail out! %s\n", e->msg);
		exit(1);
	}
}

static char *write_config(void)
{
	static const char json[] =
	    "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", "
	    "\"vocab_size\": 48,"
	    "\"hidden_size\": 32, \"intermediate_size\": 64, \"num_hidden_layers\": 2,"
	    "\"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"hidden_act\": \"silu\","
	    "\"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-05, \"rope_theta\": 10000.0,"
	    "\"tie_word_embeddings\": false, \"torch_dtype\": \"float32\"}";
	struct fc_out *o;
	struct fc_err e;
	char *path = fc_path_join(dir, "config.json");
	or_bail(fc_out_open(&o, path, false, &e), &e);
	or_bail(fc_out_write(o, json, sizeof json - 1, &e), &e);
	or_bail(fc_out_commit(o, &e), &e);
	return path;
}

/* Conversations of different lengths whose second half is trained.  teacher: 0 no rows; 1 one-hot
 * rows on the label itself, at every label; 2 rows of two entries at every second label. */
static char *write_stream(const char *name, enum fc_kind kind, int teacher)
{
	struct fc_writer *w;
	struct fc_header h;
	struct fc_example x;
	struct fc_err e;
	char *path = fc_path_join(dir, name);
	fc_header_init(&h, kind);
	h.tokenizer = 7;
	h.n_vocab = N_VOCAB;
	h.top_k = kind == FC_KIND_DISTS ? 2 : 0;
	if (kind == FC_KIND_DISTS)
		fc_header_add_source(&h, "teacher", 1, 7);
	or_bail(fc_writer_open(&w, path, &h, &e), &e);
	fc_example_init(&x);
	for (uint32_t i = 0; i < N_EXAMPLE; i++) {
		uint32_t n = 9 + 2 * i;
		fc_example_clear(&x);
		fc_buf_addf(&x.id, "talk-%u", (unsigned)i);
		for (uint32_t t = 0; t < n; t++) {
			fc_buf_adds(&x.text, "abc");
			fc_example_add_token(&x, (i * 11 + t * t * 5) % N_VOCAB, 3 * (t + 1),
			    FC_TOK_FLAGS(t >= n / 2, FC_ROLE_ASSISTANT, FC_PART_CONTENT));
		}
		for (uint32_t t = n / 2; teacher && t < n; t += (uint32_t)teacher) {
			uint32_t id[] = {x.tok[t], (x.tok[t] + 1) % N_VOCAB};
			float logprob[] = {teacher == 1 ? 0 : -0.25f, -1.75f};
			fc_example_add_row(&x, t, (size_t)teacher, id, logprob, logprob[0]);
		}
		or_bail(fc_writer_example(w, &x, &e), &e);
	}
	or_bail(fc_writer_finish(w, &e), &e);
	fc_example_release(&x);
	fc_header_release(&h);
	return path;
}

struct setup {
	struct fc_params *params;
	struct train_feed *feed;
	struct fc_comm *comm;
	struct train_crew *crew;
	struct train_trainer trainer;
};
static const struct train_trainer_opts plain = {
    .lambda = 1,
    .untaught = TRAIN_UNTAUGHT_SHARE,
    .clip = 1,
    .batch_tok = 100000,
    .micro_tok = 100000,
    .schedule = {TRAIN_DECAY_CONSTANT, 3e-3, 0, 0},
};
static const struct train_example_rule rule = {.n_output = N_VOCAB, .max_tok = 64, .rows = true};

static enum fc_loss_kind loss = FC_LOSS_CE; /* of the next start() */

static void start(struct setup *s, const char *stream, const struct train_trainer_opts *opts)
{
	const struct train_crew_opts crew = {
	    1, TRAIN_SHARD_OPTIMIZER, {loss, FC_ROW_RENORMALISED, 0, 1}, {0.9, 0.999, 1e-8, 0.01}};
	struct train_feed_opts feed = {.path = stream, .n_shuffle = 100, .seed = 1};
	struct train_example_rule r = rule;
	struct fc_rng rng;
	struct fc_err e;
	char *config = fc_path_join(dir, "config.json");
	fc_rng_seed(&rng, 3);
	or_bail(fc_params_init(&s->params, config, nn, &rng, &e), &e);
	or_bail(train_feed_open(&s->feed, &feed, &e), &e);
	r.rows = opts->lambda < 1;
	train_feed_set_rule(s->feed, &r);
	or_bail(fc_comm_open(&s->comm, &e), &e);
	or_bail(train_crew_open(&s->crew, &crew, s->comm, nn, s->params, &e), &e);
	train_trainer_init(&s->trainer, opts, s->crew, s->feed);
	free(config);
}

static void stop(struct setup *s)
{
	train_trainer_release(&s->trainer);
	train_crew_close(s->crew);
	fc_comm_close(s->comm);
	train_feed_close(s->feed);
	fc_params_free(s->params);
}

static struct train_step_report step(struct setup *s)
{
	struct train_step_report r = {0};
	struct fc_err e = {{0}};
	int got = train_trainer_step(&s->trainer, &r, &e);
	if (got != 1)
		T_OK(false, "a step: %s", e.msg);
	return r;
}

/* Largest difference of weights (or gradients), in relation to the largest value. */
/*
 * What two orders of the sums in two layers leave apart, by the number of roundings after each
 * other: four sums of C = 32, one of F = 64, one of the keys, at most 96, and 40 of norms,
 * rotations and activations.  Gradients take three such ways, of which the largest tells the size.
 */
#define ORDERS (2 * 2 * (4 * 32 + 64 + 96 + 40) * T_U)

static double distance(const struct fc_params *a, const struct fc_params *b, bool grad)
{
	double worst = 0, most = 0;
	for (size_t i = 0; i < a->n; i++) {
		const struct fc_param *p = &a->v[i], *q = &b->v[i];
		float *x = device_read(nn, grad ? p->g : p->w, p->n * sizeof *x);
		float *y = device_read(nn, grad ? q->g : q->w, p->n * sizeof *y);
		for (size_t j = 0; j < p->n; j++) {
			worst = fmax(worst, fabs((double)x[j] - (double)y[j]));
			most = fmax(most, fabs((double)y[j]));
		}
		free(x);
		free(y);
	}
	return worst / most;
}

static void test_first_step(const char *stream)
{
	struct train_trainer_opts o = plain;
	struct train_step_report r;
	struct setup s;
	start(&s, stream, &o);
	r = step(&s);
	T_OK(fabs(r.loss - log(N_VOCAB)) < 0.3, "the first loss is near log V (%.3f)", r.loss);
	T_OK(r.n_example == N_EXAMPLE && r.n_tok == s.trainer.n_tok, "one step takes them all");
	stop(&s);
}

static void test_accumulation(const char *stream)
{
	struct train_trainer_opts whole = plain, parts = plain;
	struct setup a, b;
	whole.lambda = parts.lambda = 0.6;
	parts.micro_tok = 1;
	start(&a, stream, &whole);
	start(&b, stream, &parts);
	for (int i = 0; i < 3; i++) {
		struct train_step_report x = step(&a), y = step(&b);
		T_NEAR(x.loss, y.loss, ORDERS, "one micro-batch and one a conversation: loss");
		T_NEAR(x.grad_norm, y.grad_norm, 3 * ORDERS,
		    "one micro-batch and one a conversation: norm");
		double d = distance(a.params, b.params, true);
		T_OK(d < 3 * ORDERS,
		    "one micro-batch and one a conversation: gradients differ by %.2g", d);
	}
	stop(&a);
	stop(&b);
}

static void test_lambda_one(const char *tokens, const char *dists)
{
	struct setup a, b, c;
	struct train_trainer_opts o = plain;
	start(&a, tokens, &plain);
	start(&b, dists, &plain);
	o.lambda = 0.5;
	start(&c, dists, &o);
	for (int i = 0; i < 3; i++) {
		step(&a);
		step(&b);
		step(&c);
	}
	T_OK(distance(a.params, b.params, false) == 0, "lambda 1: rows change nothing");
	T_OK(distance(a.params, c.params, false) > 1e-3, "lambda 0.5: rows do");
	stop(&a);
	stop(&b);
	stop(&c);
}

/* A teacher that puts everything on the label is the label. */
static void test_one_hot(const char *one_hot)
{
	struct train_trainer_opts o = plain;
	struct setup a, b;
	o.lambda = 0.3;
	start(&a, one_hot, &plain);
	start(&b, one_hot, &o);
	struct train_step_report x = step(&a), y = step(&b);
	T_OK(isnan(x.fusion), "one-hot teacher: no fusion loss without rows");
	T_NEAR(y.fusion, y.sft, ORDERS, "one-hot teacher: fusion is SFT");
	T_NEAR(y.loss, x.loss, ORDERS, "one-hot teacher: the sum is, too");
	double d = distance(a.params, b.params, true);
	T_OK(d < 3 * ORDERS, "one-hot teacher: and so are the gradients (%.2g)", d);
	stop(&a);
	stop(&b);
}

/* KL is CE without the teacher's entropy: q = softmax(-0.25, -1.75), H = log(1 + e^-1.5) +
 * 1.5 e^-1.5 / (1 + e^-1.5) = 0.4751 nats. */
static void test_divergence(const char *dists)
{
	struct train_trainer_opts o = plain;
	struct setup a, b;
	double p = exp(-1.5) / (1 + exp(-1.5)), entropy = log(1 + exp(-1.5)) + 1.5 * p;
	o.lambda = 0.5;
	start(&a, dists, &o);
	loss = FC_LOSS_KL;
	start(&b, dists, &o);
	loss = FC_LOSS_CE;
	struct train_step_report x = step(&a), y = step(&b);
	T_NEAR(x.fusion - y.fusion, entropy, 1e-4, "CE and KL differ by the teacher's entropy");
	T_NEAR(x.sft, y.sft, 1e-6, "and not in SFT");
	T_NEAR(x.loss, 0.5 * x.sft + 0.5 * x.fusion, 1e-5, "the loss is the weighted sum");
	stop(&a);
	stop(&b);
}

static void test_clip(const char *stream)
{
	struct train_trainer_opts o = plain;
	struct setup a, b;
	o.clip = 0;
	start(&a, stream, &o);
	o.clip = 1e-3;
	start(&b, stream, &o);
	struct train_step_report x = step(&a), y = step(&b);
	T_OK(x.grad_norm > 0.01 && x.grad_norm == y.grad_norm,
	    "clip: the norm is reported before it");
	double worst = 0;
	for (size_t i = 0; i < a.params->n; i++) {
		const size_t bytes = a.params->v[i].n * sizeof(float);
		float *of_a = device_read(nn, a.crew->adamw.m[i], bytes);
		float *of_b = device_read(nn, b.crew->adamw.m[i], bytes);
		for (size_t j = 0; j < a.params->v[i].n; j++) {
			double scale = 1e-3 / x.grad_norm, m = (double)of_a[j];
			worst = fmax(worst, fabs((double)of_b[j] - m * scale));
		}
		free(of_a);
		free(of_b);
	}
	T_OK(worst < 1e-9, "clip: the gradient has the norm asked for (off by %.2g)", worst);
	stop(&a);
	stop(&b);
}

static void test_heldout(const char *stream)
{
	struct train_heldout h = {.path = stream, .tokenizer = 7, .rule = rule};
	struct train_heldout_score score, again;
	struct setup s;
	struct fc_err e;
	h.rule.rows = false;
	start(&s, stream, &plain);
	h.micro_tok = 100000;
	or_bail(train_heldout_score(&h, s.crew, 0, &score, &e), &e);
	h.micro_tok = 20;
	or_bail(train_heldout_score(&h, s.crew, 0, &again, &e), &e);
	struct train_step_report r = step(&s);
	T_OK(score.n_label == r.n_label && score.n_bytes == 3 * r.n_label,
	    "held-out: labels and bytes");
	T_NEAR(score.nll / (double)score.n_label, r.sft, ORDERS,
	    "held-out: what the first step reports");
	T_NEAR(again.nll, score.nll, ORDERS, "held-out: in small batches");
	for (int i = 0; i < 150; i++)
		r = step(&s);
	T_OK(r.loss < 0.02, "%d conversations are learnt by heart (loss %.4f)", N_EXAMPLE, r.loss);
	or_bail(train_heldout_score(&h, s.crew, 0, &score, &e), &e);
	T_EQ(score.n_correct, score.n_label, "held-out: all right on what was learnt by heart");
	h.tokenizer = 8;
	T_OK(train_heldout_score(&h, s.crew, 0, &score, &e) < 0,
	    "held-out: another tokenizer is refused");
	stop(&s);
}

static void test_not_finite(const char *stream)
{
	struct train_step_report r;
	struct setup s;
	struct fc_err e;
	start(&s, stream, &plain);
	step(&s);
	const size_t n = s.params->v[0].n;
	float *w = FC_ARRAY(float, n);
	for (size_t i = 0; i < n; i++)
		w[i] = (float)NAN;
	fc_nn_put(nn, s.params->v[0].w, w, n * sizeof *w);
	free(w);
	fc_params_refresh(s.params);
	T_OK(train_trainer_step(&s.trainer, &r, &e) < 0 && strstr(e.msg, "step 2") &&
		strstr(e.msg, "talk-") && strstr(e.msg, "and 2 more"),
	    "a loss that is not finite stops, naming step and conversations");
	stop(&s);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	nn = open_nn(FC_COMPUTE_F32);
	char *config = write_config();
	char *tokens = write_stream("tokens.fcs", FC_KIND_TOKENS, 0);
	char *one_hot = write_stream("one-hot.fcs", FC_KIND_DISTS, 1);
	char *dists = write_stream("dists.fcs", FC_KIND_DISTS, 2);
	test_first_step(tokens);
	test_accumulation(dists);
	test_lambda_one(tokens, dists);
	test_one_hot(one_hot);
	test_divergence(dists);
	test_clip(tokens);
	test_heldout(tokens);
	test_not_finite(tokens);
	char *made[] = {config, tokens, one_hot, dists};
	for (size_t i = 0; i < FC_LEN(made); i++) {
		unlink(made[i]);
		free(made[i]);
	}
	rmdir(dir);
	fc_nn_close(nn);
	return t_done();
}
