/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/par.h"
#include "base/rng.h"
#include "fc-train/adamw.h"
#include "fc-train/schedule.h"
#include "device.h"
#include "t.h"

/* AdamW as Algorithm 2 of arXiv 1711.05101 writes it down, one number at a time in double. */
struct oracle {
	double w, m, v;
};
static void oracle_step(
    struct oracle *o, const struct train_adamw_opts *c, double g, double lr, double decay, int t)
{
	o->m = c->beta1 * o->m + (1 - c->beta1) * g;
	o->v = c->beta2 * o->v + (1 - c->beta2) * g * g;
	double m_hat = o->m / (1 - pow(c->beta1, t)), v_hat = o->v / (1 - pow(c->beta2, t));
	o->w -= lr * (m_hat / (sqrt(v_hat) + c->eps) + decay * o->w);
}

enum { N_PARAM = 3 };
static const size_t size[N_PARAM] = {1, 37, 40000}; /* a tail of every kind, several blocks */

/* What the device has of a parameter, as the host knows it. */
static float w[N_PARAM][40000], g[N_PARAM][40000];
static struct fc_nn *nn;

static void make_params(struct fc_param *p, struct fc_rng *rng)
{
	for (int i = 0; i < N_PARAM; i++) {
		p[i] = (struct fc_param){.n = size[i], .decay = i != 1};
		p[i].w = fc_nn_alloc(nn, size[i], sizeof(float));
		p[i].g = fc_nn_alloc(nn, size[i], sizeof(float));
		for (size_t j = 0; j < size[i]; j++)
			w[i][j] = (float)fc_rng_normal(rng);
		fc_nn_put(nn, p[i].w, w[i], size[i] * sizeof(float));
	}
}

static void put_gradients(struct fc_param *p)
{
	for (int i = 0; i < N_PARAM; i++)
		fc_nn_put(nn, p[i].g, g[i], size[i] * sizeof(float));
}

static void set_gradients(struct fc_param *p, struct fc_rng *rng)
{
	for (int i = 0; i < N_PARAM; i++)
		for (size_t j = 0; j < size[i]; j++) /* seven orders of magnitude */
			g[i][j] = (float)(fc_rng_normal(rng) * pow(10, (double)(j % 7) - 5));
	put_gradients(p);
}

static void free_params(struct fc_param *p)
{
	for (int i = 0; i < N_PARAM; i++) {
		fc_nn_free(nn, p[i].w);
		fc_nn_free(nn, p[i].g);
	}
}

/* The optimizer of a run of one. */
static struct train_shares shares;
static float *gradient[N_PARAM];
static void init(
    struct train_adamw *a, const struct train_adamw_opts *c, struct fc_param *p, size_t n)
{
	train_shares_release(&shares);
	train_shares_make(&shares, p, n, 1);
	train_adamw_init(a, nn, c, n, &shares, 0);
	for (size_t i = 0; i < n; i++)
		gradient[i] = p[i].g;
	a->g = gradient;
}

static double norm(const struct train_adamw *a)
{
	double *sum = FC_ARRAY(double, shares.n_block), all = 0;
	train_adamw_squares(a, sum);
	for (size_t i = 0; i < shares.n_block; i++)
		all += sum[i];
	free(sum);
	return sqrt(all);
}

static void test_against_oracle(double weight_decay)
{
	struct train_adamw_opts c = {0.9, 0.95, 1e-8, weight_decay};
	struct fc_param p[N_PARAM];
	struct train_adamw a;
	struct fc_rng rng;
	struct oracle *o[N_PARAM];
	fc_rng_seed(&rng, 5);
	make_params(p, &rng);
	init(&a, &c, p, N_PARAM);
	for (int i = 0; i < N_PARAM; i++) {
		o[i] = FC_ARRAY(struct oracle, size[i]);
		for (size_t j = 0; j < size[i]; j++)
			o[i][j].w = (double)w[i][j];
	}
	for (int t = 1; t <= 100; t++) {
		double lr = 1e-2 / t;
		set_gradients(p, &rng);
		for (int i = 0; i < N_PARAM; i++)
			for (size_t j = 0; j < size[i]; j++)
				oracle_step(&o[i][j], &c, 0.5 * (double)g[i][j], lr,
				    p[i].decay ? weight_decay : 0, t);
		train_adamw_update(&a, p, lr, 0.5);
	}
	double worst = 0;
	for (int i = 0; i < N_PARAM; i++) {
		fc_nn_get(nn, w[i], p[i].w, size[i] * sizeof(float));
		for (size_t j = 0; j < size[i]; j++)
			worst = fmax(worst, fabs((double)w[i][j] - o[i][j].w));
		free(o[i]);
	}
	/* a weight, below 4, is rounded in each of 100 steps; steps, 10 roundings, sum up to 0.06
	 */
	T_OK(worst < (100 * 4 + 10) * T_U,
	    "adamw: 100 steps with decay %g follow the double oracle (worst %.2g)", weight_decay,
	    worst);
	train_adamw_release(&a);
	free_params(p);
}

/* By hand: m^ = g and v^ = g^2 after one step, so the weight moves by lr * sign(g). */
static void test_first_step(void)
{
	struct train_adamw_opts c = {0.9, 0.999, 0, 0.1};
	float two[3] = {1, -2, 0}, slope[3] = {3, -0.001f, 5};
	struct fc_param p = {.n = 3, .w = OUT(nn, two, 3), .g = OUT(nn, slope, 3), .decay = true};
	struct train_adamw a;
	init(&a, &c, &p, 1);
	train_adamw_update(&a, &p, 0.01, 1);
	device_back(nn);
	T_NEAR((double)two[0], 1 - 0.01 - 0.01 * 0.1 * 1, 2 * T_U,
	    "adamw: first step, positive gradient");
	T_NEAR((double)two[1], -2 + 0.01 + 0.01 * 0.1 * 2, 2 * T_U,
	    "adamw: first step, negative gradient");
	T_NEAR((double)two[2], -0.01, 0.01 * 8 * T_U, "adamw: the first step is the learning rate");
	train_adamw_release(&a);
}

static void test_norm(void)
{
	struct train_adamw_opts c = {0.9, 0.999, 1e-8, 0};
	struct fc_param p[N_PARAM];
	struct train_adamw a;
	struct fc_rng rng;
	double expect = 0, one, two;
	fc_rng_seed(&rng, 6);
	make_params(p, &rng);
	set_gradients(p, &rng);
	init(&a, &c, p, N_PARAM);
	for (int i = 0; i < N_PARAM; i++)
		for (size_t j = 0; j < size[i]; j++)
			expect += (double)g[i][j] * (double)g[i][j];
	fc_par_init(1);
	one = norm(&a);
	fc_par_init(3);
	two = norm(&a);
	T_NEAR(one, sqrt(expect), 1e-12, "norm: of all gradients together");
	T_OK(one == two, "norm: the same bits with one thread and three");
	g[1][36] = (float)NAN;
	put_gradients(p);
	T_OK(isnan(norm(&a)), "norm: a NaN shows");
	train_adamw_release(&a);
	free_params(p);
}

static void test_schedule(void)
{
	struct train_schedule s = {TRAIN_DECAY_COSINE, 1, 0.1, 0.2};
	T_NEAR(
	    train_schedule_lr(&s, 0, 1, 100), 0.1, 1e-12, "schedule: the first step is not lost");
	T_NEAR(train_schedule_lr(&s, 4, 5, 100), 0.5, 1e-12, "schedule: half of the warm-up");
	T_NEAR(train_schedule_lr(&s, 9, 10, 100), 1, 1e-12, "schedule: end of the warm-up");
	T_NEAR(
	    train_schedule_lr(&s, 10, 11, 100), 1, 1e-12, "schedule: the decay starts at the peak");
	T_NEAR(train_schedule_lr(&s, 55, 56, 100), 0.2 + 0.8 * 0.5, 1e-12,
	    "schedule: half of a cosine");
	T_NEAR(train_schedule_lr(&s, 40, 41, 100), 0.2 + 0.8 * 0.75, 1e-12,
	    "schedule: a third of a cosine is 3/4");
	T_NEAR(train_schedule_lr(&s, 100, 101, 100), 0.2, 1e-12, "schedule: the end");
	T_NEAR(train_schedule_lr(&s, 200, 201, 100), 0.2, 1e-12, "schedule: stays there");
	T_NEAR(train_schedule_lr(&s, 5, 17, 0), 1, 1e-12, "schedule: unknown length is the peak");
	s.decay = TRAIN_DECAY_LINEAR;
	T_NEAR(
	    train_schedule_lr(&s, 55, 56, 100), 0.2 + 0.8 * 0.5, 1e-12, "schedule: half of a line");
	T_NEAR(train_schedule_lr(&s, 77.5, 80, 100), 0.2 + 0.8 * 0.25, 1e-12,
	    "schedule: 3/4 of a line");
	s.decay = TRAIN_DECAY_CONSTANT;
	T_NEAR(train_schedule_lr(&s, 4, 5, 100), 0.5, 1e-12, "schedule: constant warms up too");
	T_NEAR(train_schedule_lr(&s, 90, 91, 100), 1, 1e-12, "schedule: constant after it");
	s.warmup = 0;
	T_NEAR(train_schedule_lr(&s, 0, 1, 100), 1, 1e-12, "schedule: no warm-up");
	s = (struct train_schedule){TRAIN_DECAY_COSINE, 2, 1, 0};
	T_NEAR(train_schedule_lr(&s, 99, 100, 100), 2, 1e-12, "schedule: nothing but warm-up");
}

int main(void)
{
	nn = open_nn(FC_COMPUTE_F32);
	test_against_oracle(0);
	test_against_oracle(0.1);
	test_first_step();
	test_norm();
	test_schedule();
	fc_nn_close(nn);
	return t_done();
}
