/* SPDX-License-Identifier: Apache-2.0 */
/* Losses of pairs: the formulas' slopes by central differences, and loss, log-probabilities and
 * gradients of a model against TRL and autograd (tests/data/preference/trl.py). */
#include "fc-train/margins.h"
#include "device.h"
#include "t.h"

#include "golden_files.h"

static json_t *expected;

static double number(const json_t *o, const char *key, double otherwise)
{
	const json_t *v = json_object_get(o, key);
	return v ? json_number_value(v) : otherwise;
}

static double at(const json_t *list, size_t i)
{
	return json_number_value(json_array_get(list, i));
}

static void test_slopes(void)
{
	static const double logprob[TRAIN_SIDES] = {-7.5, -4.25, -6}, n[TRAIN_SIDES] = {5, 3, 4};
	static const struct train_reference ref[TRAIN_SIDES][3] = {
	    {{-8, 5}, {-11, 6}, {-5, 4}}, {{-5, 3}, {-4, 4}, {-9, 2}}, {{-6.5, 4}, {0, 1}, {0, 1}}};
	static const struct train_preference_opts cases[] = {
	    {TRAIN_PREFERENCE_DPO, 0.4, 0, 0, 0},
	    {TRAIN_PREFERENCE_DPO, 0.4, 0.2, 0, 0},
	    {TRAIN_PREFERENCE_DPO, 400, 0, 0, 0}, /* far out: no overflow */
	    {TRAIN_PREFERENCE_LN_DPO, 10, 0.1, 0, 0},
	    {TRAIN_PREFERENCE_WRPO, 0.7, 0, 0.1, 0},
	    {TRAIN_PREFERENCE_INFIFPO, 2.5, 0, 0, TRAIN_FUSION_MARGIN},
	    {TRAIN_PREFERENCE_INFIFPO, 2.5, 0, 0, TRAIN_FUSION_MEAN},
	};
	const double h = 1e-5;
	for (size_t c = 0; c < FC_LEN(cases); c++) {
		struct train_side side[TRAIN_SIDES];
		double worst = 0;
		for (int i = 0; i < TRAIN_SIDES; i++)
			side[i] = (struct train_side){logprob[i], n[i], ref[i], 3};
		const struct train_pair_loss l = train_preference_loss(&cases[c], side, 0.06);
		for (int i = 0; i < TRAIN_SIDES; i++) {
			side[i].logprob = logprob[i] + h;
			const double up = train_preference_loss(&cases[c], side, 0.06).loss;
			side[i].logprob = logprob[i] - h;
			const double down = train_preference_loss(&cases[c], side, 0.06).loss;
			side[i].logprob = logprob[i];
			worst = fmax(worst, fabs((up - down) / (2 * h) - l.slope[i]));
		}
		T_OK(worst < 1e-7 && isfinite(l.loss), "case %zu: slopes (worst %.2g)", c, worst);
	}
}

/* By hand: log p of 0 against references, b = 1, so that h is what the formula says. */
static void test_by_hand(void)
{
	struct train_preference_opts o = {TRAIN_PREFERENCE_INFIFPO, 1, 0, 0, TRAIN_FUSION_MARGIN};
	/* pivot at the start -1 a token; sources -0.5 and -3: of the chosen one the farther from
	 * now's -1 in probability is -3 (0.37 - 0.05) and not -0.5 (0.61 - 0.37), clipped to -1 */
	const struct train_reference chosen[] = {{-2, 2}, {-0.5, 1}, {-9, 3}};
	const struct train_reference rejected[] = {{-2, 2}, {-2, 4}, {-6, 2}};
	const struct train_side side[TRAIN_SIDES] = {
	    {-4, 4, chosen, 3}, {-1, 1, rejected, 3}, {0, 0, NULL, 0}};
	struct train_pair_loss l = train_preference_loss(&o, side, 0);
	T_OK(fabs(l.reward[0]) < 1e-12, "the farthest source, clipped from below (got %g)",
	    l.reward[0]);
	T_OK(fabs(l.reward[1] - 2) < 1e-12, "a rejected answer's is clipped from above (got %g)",
	    l.reward[1]);
	o.fusion = TRAIN_FUSION_MEAN;
	l = train_preference_loss(&o, side, 0);
	T_OK(fabs(l.reward[0] + 0.25) < 1e-12 && fabs(l.reward[1] - 1) < 1e-12,
	    "the mean of both, each clipped (got %g, %g)", l.reward[0], l.reward[1]);
	T_OK(fabs(l.loss - log1p(exp(1.25))) < 1e-12, "loss (got %.12g)", l.loss);
	T_OK(train_preference_beta(TRAIN_PREFERENCE_DPO) == 0.1 &&
		train_preference_beta(TRAIN_PREFERENCE_LN_DPO) == 10 &&
		train_preference_beta(TRAIN_PREFERENCE_WRPO) == 0.01 &&
		train_preference_beta(TRAIN_PREFERENCE_INFIFPO) == 2.5,
	    "beta as published");
}

/* References of answer k of pair i for a preference. */
static uint32_t references(
    struct train_reference *ref, enum train_preference kind, size_t i, size_t k, size_t n)
{
	const json_t *sources = json_object_get(expected, "sources"), *of_source;
	size_t s;
	ref[0] = (struct train_reference){
	    at(json_array_get(json_object_get(expected, "reference"), i), k), (double)n};
	if (kind != TRAIN_PREFERENCE_INFIFPO)
		return 1;
	json_array_foreach(sources, s, of_source)
	{
		const json_t *of_side = json_array_get(json_array_get(of_source, i), k);
		ref[1 + s] = (struct train_reference){at(of_side, 0), at(of_side, 1)};
	}
	return (uint32_t)s + 1;
}

static struct train_example *example_of(
    enum train_preference kind, const json_t *pair, size_t i, size_t k, size_t n_side)
{
	const json_t *prompt = json_array_get(pair, 0), *answer = json_array_get(pair, 1 + k);
	const size_t n_prompt = json_array_size(prompt), n = json_array_size(answer);
	struct train_reference ref[4];
	struct train_example_size z = {.n_side = (uint32_t)(n_side - k),
	    .n_ref = references(ref, kind, i, k, n),
	    .n_tok = (uint32_t)(n_prompt + n),
	    .n_label = (uint32_t)n};
	struct train_example *s = train_example_alloc(&z);
	memcpy(s->ref, ref, z.n_ref * sizeof *ref);
	for (size_t t = 0; t < z.n_tok; t++) {
		s->tok[t] = (uint32_t)(t < n_prompt ? at(prompt, t) : at(answer, t - n_prompt));
		s->label[t] = t >= n_prompt;
	}
	s->row_off[0] = 0;
	s->id[0] = 0;
	return s;
}

static struct train_stepbatch batch_of(enum train_preference kind)
{
	const size_t n_side = kind == TRAIN_PREFERENCE_WRPO ? 3 : 2;
	struct train_stepbatch b = {0};
	json_t *pair;
	size_t i;
	json_array_foreach(json_object_get(expected, "pairs"), i, pair)
	{
		for (size_t k = 0; k < n_side; k++) {
			FC_GROW(b.example, b.cap, b.n + 1);
			b.example[b.n++] = example_of(kind, pair, i, k, n_side);
		}
	}
	return b;
}

static struct train_preference_opts options_of(const json_t *c)
{
	static const char *const kinds[] = {"none", "dpo", "ln-dpo", "wrpo", "infifpo"};
	const char *kind = json_string_value(json_object_get(c, "kind"));
	struct train_preference_opts o = {.beta = number(c, "beta", NAN),
	    .smoothing = number(c, "smoothing", 0),
	    .fusion = json_object_get(c, "fusion") ? TRAIN_FUSION_MEAN : TRAIN_FUSION_MARGIN};
	for (size_t i = 0; i < FC_LEN(kinds); i++)
		if (!strcmp(kind, kinds[i]))
			o.kind = (enum train_preference)i;
	return o;
}

/* The norm of each tensor's gradient, and its product with the weights. */
static double gradient_error(const struct fc_params *p, const json_t *want)
{
	double worst = 0;
	for (size_t i = 0; i < p->n; i++) {
		const json_t *v = json_object_get(want, p->v[i].name);
		float *all_g = device_read(p->model.nn, p->v[i].g, p->v[i].n * sizeof *all_g);
		float *all_w = device_read(p->model.nn, p->v[i].w, p->v[i].n * sizeof *all_w);
		double g2 = 0, gw = 0, w2 = 0;
		for (size_t j = 0; j < p->v[i].n; j++) {
			const double g = (double)all_g[j], w = (double)all_w[j];
			g2 += g * g;
			gw += g * w;
			w2 += w * w;
		}
		free(all_g);
		free(all_w);
		worst = fmax(worst, fabs(sqrt(g2) - at(v, 0)) / at(v, 0));
		worst = fmax(worst, fabs(gw - at(v, 1)) / (at(v, 0) * sqrt(w2)));
		if (!v)
			return INFINITY;
	}
	return worst;
}

static void run_case(struct fc_nn *nn, struct fc_params *p, const json_t *c, size_t micro_tok)
{
	const char *name = json_string_value(json_object_get(c, "name"));
	const struct train_preference_opts o = options_of(c);
	const double lambda = number(c, "lambda_", 0), want = number(c, "loss", NAN);
	struct train_weighing w = {.alpha = number(expected, "alpha", NAN)};
	struct train_stepbatch b = batch_of(o.kind);
	struct train_micro m = {0};
	struct train_micros micros = {0};
	struct train_margins sum = {0};
	struct fc_loss ignored = {0};
	struct fc_comm *comm;
	struct train_crew *crew;
	const struct train_crew_opts opts = {.n_lane = 1};
	fc_comm_open(&comm, &err);
	int ret = train_crew_open(&crew, &opts, comm, nn, p, &err);
	if (ret == 0)
		ret = train_weighing_compute(&w, &o, lambda, crew, &b, micro_tok, &sum, &err);
	train_crew_close(crew);
	fc_comm_close(comm);
	b.weight = w.weight;
	fc_params_zero_grad(p);
	train_micros_cut(&micros, &b, micro_tok);
	for (size_t i = 0; ret == 0 && i < micros.n; i++) {
		train_micro_pack(&m, &micros, i, &b, NULL);
		ret = fc_params_step(nn, p, &m.batch, &m.targets, true, &ignored, &err);
	}
	const double loss =
	    lambda * -sum.logp_chosen / sum.n_chosen_label + (1 - lambda) * sum.loss / sum.n_pair;
	/* log-probabilities of up to 8 tokens, b of up to 10 */
	T_OK(ret == 0 && fabs(loss - want) < 10 * GOLDEN_ORDERS * fmax(want, 1),
	    "%s, %zu tokens at a time: loss (got %.9g, expected %.9g)", name, micro_tok, loss,
	    want);
	const double wrong = gradient_error(p, json_object_get(c, "gradient"));
	/* forward, and the transposed twice; the pairs' weights are off by what their margins are
	 */
	T_OK(wrong < 10 * 3 * GOLDEN_ORDERS, "%s, %zu tokens at a time: gradient (off by %.2g)",
	    name, micro_tok, wrong);
	if (json_object_get(c, "logps/chosen"))
		T_OK(t_near(sum.logp_chosen / sum.n_pair, number(c, "logps/chosen", NAN),
			 GOLDEN_ORDERS) &&
			t_near(sum.logp_rejected / sum.n_pair, number(c, "logps/rejected", NAN),
			    GOLDEN_ORDERS),
		    "%s: log-probabilities as TRL reports them", name);
	train_weighing_release(&w);
	train_micro_release(&m);
	train_micros_release(&micros);
	train_stepbatch_release(&b);
}

static void test_model(void)
{
	char dir[] = "/tmp/fc-preference-XXXXXX";
	struct fc_nn *nn = NULL;
	struct fc_params *p = NULL;
	json_t *c;
	size_t i;
	err.msg[0] = 0;
	nn = open_nn(FC_COMPUTE_F32);
	if (T_OK(mkdtemp(dir) && write_model(dir, expected, FC_F32) == 0 &&
		    fc_params_open(&p, dir, nn, &err) == 0,
		"a model %s", err.msg))
		json_array_foreach(json_object_get(expected, "cases"), i, c)
		{
			run_case(nn, p, c, 1000);
			run_case(nn, p, c, 10); /* the answers of a pair apart */
		}
	fc_params_free(p);
	fc_nn_close(nn);
	remove_model(dir);
}

int main(void)
{
	test_slopes();
	test_by_hand();
	expected = fc_json_file("tests/data/preference/trl.json", &err);
	if (T_OK(expected, "expected values %s", err.msg))
		test_model();
	json_decref(expected);
	return t_done();
}
