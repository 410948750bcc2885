/* SPDX-License-Identifier: Apache-2.0 */
#include "nn_oracle.h"

#include "text/json.h"

struct problem {
	size_t N, C, V, padded;
	double *x, *w;
	float softcap;
	uint32_t *target;
	float *sft_weight, *kd_weight;
	struct fc_teacher teacher;
	struct fc_loss loss; /* of the last evaluation */
};

static double logit(const struct problem *p, size_t n, size_t v)
{
	double z = 0;
	for (size_t c = 0; c < p->C; c++)
		z += p->x[n * p->C + c] * p->w[v * p->C + c];
	return p->softcap > 0 ? (double)p->softcap * tanh(z / (double)p->softcap) : z;
}

/* A divergence by its definition. */
static double divergence(
    enum fc_loss_kind kind, double a, const double *q, const double *p, size_t n)
{
	double sum = 0;
	for (size_t c = 0; c < n; c++) {
		const double m = kind == FC_LOSS_SKEW_REVERSE_KL ? a * p[c] + (1 - a) * q[c]
								 : a * q[c] + (1 - a) * p[c];
		const double forward = q[c] > 0 ? q[c] * log(q[c] / p[c]) : 0;
		const double forward_m = q[c] > 0 ? q[c] * log(q[c] / m) : 0;
		switch (kind) {
		case FC_LOSS_CE:
			sum -= q[c] * log(p[c]);
			break;
		case FC_LOSS_KL:
			sum += forward;
			break;
		case FC_LOSS_REVERSE_KL:
			sum += p[c] * log(p[c] / q[c]);
			break;
		case FC_LOSS_JSD:
			sum += a * forward_m + (1 - a) * p[c] * log(p[c] / m);
			break;
		case FC_LOSS_SKEW_KL:
			sum += forward_m;
			break;
		default: /* FC_LOSS_SKEW_REVERSE_KL */
			sum += p[c] * log(p[c] / m);
			break;
		}
	}
	return sum;
}

static void temper(double *x, size_t n, double temperature)
{
	double sum = 0;
	for (size_t c = 0; c < n; c++)
		sum += x[c] = pow(x[c], 1 / temperature);
	for (size_t c = 0; c < n; c++)
		x[c] /= sum;
}

static double kd_of(const struct problem *p, size_t n, const double *logprob)
{
	const struct fc_objective *o = &p->teacher.objective;
	const uint32_t *id = p->teacher.id + p->teacher.row_off[n];
	const float *lp = p->teacher.logprob + p->teacher.row_off[n];
	const size_t K = p->teacher.row_off[n + 1] - p->teacher.row_off[n];
	const bool tail = o->rule == FC_ROW_TAIL && K < p->V;
	double *q = FC_ARRAY(double, K + 1), *s = FC_ARRAY(double, K + 1), sum = 0, doubt = 0x1p-24;
	s[K] = 0;
	for (size_t v = 0; v < p->V; v++) {
		bool listed = false;
		for (size_t k = 0; k < K; k++)
			listed = listed || id[k] == v;
		s[K] += listed ? 0 : exp(logprob[v]);
	}
	for (size_t k = 0; k < K; k++) {
		s[k] = exp(logprob[id[k]]);
		sum += q[k] = exp((double)lp[k]);
		doubt += q[k] * -(double)lp[k] / 4096;
	}
	q[K] = fmax(1 - sum, doubt);
	double loss = 0, T2 = 1;
	if (o->rule == FC_ROW_RENORMALISED)
		temper(q, K, o->temperature);
	if (o->rule == FC_ROW_TAIL) {
		temper(q, K + tail, 1);
		temper(q, K + tail, o->temperature);
		temper(s, K + tail, o->temperature);
		T2 = o->temperature * o->temperature;
	}
	if (K)
		loss = T2 * divergence(o->kind, o->skew, q, s, K + tail);
	free(q);
	free(s);
	return loss;
}

/* The loss of rows [first, end) by its definition. */
static double oracle(struct problem *p, size_t first, size_t end)
{
	double *lp = fc_calloc(p->V, sizeof *lp);
	p->loss = (struct fc_loss){0};
	for (size_t n = first; n < end; n++) {
		double sum = 0;
		size_t best = 0;
		for (size_t v = 0; v < p->V; v++) {
			lp[v] = logit(p, n, v);
			sum += exp(lp[v]);
			best = lp[v] > lp[best] ? v : best;
		}
		for (size_t v = 0; v < p->V; v++)
			lp[v] -= log(sum);
		if (p->sft_weight[n] > 0) {
			p->loss.nll -= lp[p->target[n]];
			p->loss.sft -= (double)p->sft_weight[n] * lp[p->target[n]];
			p->loss.n_correct += best == p->target[n];
		}
		if (p->teacher.row_off)
			p->loss.kd += (double)p->kd_weight[n] * kd_of(p, n, lp);
	}
	free(lp);
	return p->loss.sft + p->loss.kd;
}

static double loss_by_x(void *arg, size_t i)
{
	struct problem *p = arg;
	return oracle(p, i / p->C, i / p->C + 1);
}

static double loss_by_w(void *arg, size_t i)
{
	struct problem *p = arg;
	(void)i;
	return oracle(p, 0, p->N);
}

static float *floats(const double *x, size_t n)
{
	float *y = fc_calloc(n, sizeof *y);
	for (size_t i = 0; i < n; i++)
		y[i] = (float)x[i];
	return y;
}

/* K log-probabilities whose probabilities come to that together. */
static void row_logprobs(struct fc_rng *r, float *lp, size_t K, double mass)
{
	double sum = 0;
	for (size_t k = 0; k < K; k++)
		sum += exp((double)(lp[k] = (float)(2 * fc_rng_normal(r))));
	for (size_t k = 0; k < K; k++)
		lp[k] += (float)log(mass / sum);
}

/* Rows without teacher, with `many` entries or some more, with all; rows without weight. */
static struct problem problem_new(
    struct fc_rng *r, size_t N, size_t C, size_t V, size_t padded, float softcap, size_t many)
{
	struct problem p = {.N = N, .C = C, .V = V, .padded = padded, .softcap = softcap};
	float *x = random_floats(r, N * C, 1), *w = random_floats(r, padded * C, 0.7);
	p.x = doubles(x, N * C);
	p.w = doubles(w, padded * C);
	p.target = FC_ARRAY(uint32_t, N);
	p.sft_weight = FC_ARRAY(float, N);
	p.kd_weight = FC_ARRAY(float, N);
	uint32_t *off = FC_ARRAY(uint32_t, N + 1), *id = FC_ARRAY(uint32_t, N * V);
	float *lp = FC_ARRAY(float, N *V);
	for (size_t n = 0; n < N; n++) {
		static const size_t sizes[] = {5, 0, 1, 8};
		const size_t some = many * sizes[n % 4], K = n == 3 || some > V ? V : some;
		p.target[n] = (uint32_t)fc_rng_below(r, V);
		p.sft_weight[n] = n % 5 == 4 ? 0 : 0.3f;
		p.kd_weight[n] = n % 7 == 6 ? 0 : 0.2f;
		off[n + 1] = off[n] + (uint32_t)K;
		const size_t first = fc_rng_below(r, V);
		for (size_t k = 0; k < K; k++)
			id[off[n] + k] = (uint32_t)((first + k) % V);
		row_logprobs(r, lp + off[n], K, n % 3 == 0 ? 0.7 : n % 3 == 1 ? 1 : 1e-4);
	}
	p.teacher = (struct fc_teacher){off, id, lp, {FC_LOSS_CE, FC_ROW_TAIL, 0.1, 1}};
	free(x);
	free(w);
	return p;
}

static void problem_release(struct problem *p)
{
	free(p->x);
	free(p->w);
	free(p->target);
	free(p->sft_weight);
	free(p->kd_weight);
	free((void *)(uintptr_t)p->teacher.row_off);
	free((void *)(uintptr_t)p->teacher.id);
	free((void *)(uintptr_t)p->teacher.logprob);
}

struct output {
	float *dx, *dw;
	struct fc_loss loss;
};

static struct output run(struct fc_nn *nn, const struct problem *p, bool with_teacher)
{
	struct output o = {
	    .dx = FC_ARRAY(float, p->N * p->C), .dw = FC_ARRAY(float, p->padded * p->C)};
	float *x = floats(p->x, p->N * p->C), *w = floats(p->w, p->padded * p->C);
	const struct fc_head h = {{w, FC_F32, p->padded, p->C}, p->V, p->softcap};
	const struct fc_head on = device_head(nn, &h);
	fc_head_loss(nn, &on, IN(nn, x, p->N * p->C), p->target, p->sft_weight, p->kd_weight,
	    with_teacher ? &p->teacher : NULL, p->N, OUT(nn, o.dx, p->N * p->C),
	    OUT(nn, o.dw, p->padded * p->C), &o.loss);
	device_back(nn);
	free(x);
	free(w);
	return o;
}

static void check(struct fc_nn *nn, struct problem *p, bool with_teacher, const char *what)
{
	const uint32_t *off = p->teacher.row_off;
	struct output o = run(nn, p, with_teacher);
	if (!with_teacher)
		p->teacher.row_off = NULL;
	oracle(p, 0, p->N);
	const struct fc_loss l = p->loss;
	/* a logit's C products, sizes at most 4 C, and the sum of V exponentials off by 4; twice */
	const double most = 2 * T_U * ((double)((p->C + 1) * 4 * p->C) + (double)p->V + 4);
	T_OK(t_near(o.loss.sft, l.sft, most) && t_near(o.loss.kd, l.kd, most) &&
		t_near(o.loss.nll, l.nll, most * (double)p->N) && o.loss.n_correct == l.n_correct,
	    "loss, %s: sft %.6f kd %.6f nll %.6f correct %zu", what, l.sft, l.kd, l.nll,
	    l.n_correct);
	double e = gradient_error(o.dx, p->x, p->N * p->C, 60, loss_by_x, p);
	e = fmax(e, gradient_error(o.dw, p->w, p->V * p->C, 100, loss_by_w, p));
	/* that, and sums over rows or the vocabulary; central differences are off by a millionth */
	T_OK(e < 2 * most + 1e-6, "gradient, %s: largest error %.1e of the largest component", what,
	    e);
	bool zero = true;
	for (size_t i = p->V * p->C; i < p->padded * p->C; i++)
		zero = zero && o.dw[i] == 0;
	T_OK(zero, "gradient, %s: nothing in the padding", what);
	p->teacher.row_off = off;
	free(o.dx);
	free(o.dw);
}

static const char *const kind_name[] = {
    "CE", "KL", "reverse KL", "JSD", "skewed KL", "skewed reverse KL"};
static const enum fc_loss_kind kinds[] = {FC_LOSS_CE, FC_LOSS_KL, FC_LOSS_REVERSE_KL, FC_LOSS_JSD,
    FC_LOSS_SKEW_KL, FC_LOSS_SKEW_REVERSE_KL};

static void check_objective(
    struct fc_nn *nn, struct problem *p, size_t kind, enum fc_row_rule rule, double temperature)
{
	static const char *const rule_name[] = {"tail", "renormalised", "sampled"};
	char what[100];
	p->teacher.objective = (struct fc_objective){
	    kinds[kind], rule, kinds[kind] == FC_LOSS_JSD ? 0.3 : 0.1, temperature};
	snprintf(what, sizeof what, "%s, %s, T %g%s", kind_name[kind], rule_name[rule], temperature,
	    p->softcap > 0 ? ", soft cap" : "");
	check(nn, p, true, what);
}

static void test_gradients(struct fc_nn *nn, struct fc_rng *r)
{
	for (int cap = 0; cap < 2; cap++) {
		struct problem p = problem_new(r, 13, 9, 37, cap ? 37 : 40, cap ? 2.5f : 0, 1);
		for (size_t kind = 0; kind < FC_LEN(kinds); kind++) {
			check_objective(nn, &p, kind, FC_ROW_TAIL, 1);
			check_objective(nn, &p, kind, FC_ROW_TAIL, 2);
			check_objective(nn, &p, kind, FC_ROW_TAIL, 0.7);
			if (kind > 1) /* the others are for categories that are all there is */
				continue;
			check_objective(nn, &p, kind, FC_ROW_RENORMALISED, 1.7);
			check_objective(nn, &p, kind, FC_ROW_RENORMALISED, 0.5);
		}
		check_objective(nn, &p, 0, FC_ROW_SAMPLED, 1);
		check(nn, &p, false, "no teacher");
		problem_release(&p);
	}
	struct problem p = problem_new(r, 6, 9, 300, 310, 0, 20);
	for (size_t kind = 0; kind < FC_LEN(kinds); kind++) {
		check_objective(nn, &p, kind, FC_ROW_TAIL, 1);
		check_objective(nn, &p, kind, FC_ROW_TAIL, 1.5);
	}
	check_objective(nn, &p, 0, FC_ROW_RENORMALISED, 1.7);
	problem_release(&p);
	p = problem_new(r, 1, 1, 1, 1, 0, 1);
	for (size_t kind = 0; kind < FC_LEN(kinds); kind++)
		check_objective(nn, &p, kind, FC_ROW_TAIL, 1);
	problem_release(&p);
}

/* Students that are sure of what the teacher lists, of what it doesn't, of the label or of none:
 * there the tail is no difference of sums, and its gradient none of large numbers.  More ids than a
 * warp has lanes, and logits below any sum: a maximum that is taken too early is seen. */
static void test_extremes(struct fc_nn *nn)
{
	enum { V = 70, K = 3 };
	static const double sure[] = {0, 10, 30, 60, 100, 200};
	static const uint32_t id[] = {3, 7, 5}, off[] = {0, K};
	static const float lp[] = {-0.5f, -1.5f, -3};
	/* exp() is off by 4 units in a probability and in the sum it is divided by, two products
	 * round; gradient_error() counts in tenths; and its central differences */
	const double most = (4 + 4 + 2) * T_U / 0.1 + 1e-6;
	double x[V], w[V * V] = {0}, worst = 0;
	bool counted = true;
	for (size_t v = 0; v < V; v++)
		w[v * V + v] = 1;
	struct problem p = {.N = 1, .C = V, .V = V, .padded = V, .x = x, .w = w};
	p.target = (uint32_t[1]){0};
	p.sft_weight = (float[1]){0.5f};
	p.kd_weight = (float[1]){1};
	p.teacher = (struct fc_teacher){off, id, lp, {FC_LOSS_KL, FC_ROW_TAIL, 0.1, 1}};
	for (size_t i = 0; i < FC_LEN(sure) * 2 * FC_LEN(kinds) * 2; i++) {
		const size_t at = i % FC_LEN(sure), in = i / FC_LEN(sure) % 2;
		p.teacher.objective.kind = kinds[i / FC_LEN(sure) / 2 % FC_LEN(kinds)];
		p.target[0] = i / FC_LEN(sure) / 2 / FC_LEN(kinds) ? 7 : 1;
		for (size_t v = 0; v < V; v++)
			x[v] = (v == (in ? 7 : 20) ? sure[at] : 0) - 5 - 0.125 * (double)(v % 4);
		struct output o = run(nn, &p, true);
		oracle(&p, 0, 1);
		counted = counted && o.loss.n_correct == p.loss.n_correct;
		const double scale = 1 + fabs(p.loss.kd);
		double e = fabs(o.loss.kd - p.loss.kd) / scale;
		/* the weights are the identity: dx is the gradient of the logits */
		e = fmax(e, gradient_error(o.dx, x, V, V, loss_by_x, &p));
		if (!(e < most))
			printf("# %s, sure of %d by %g: off by %.2g\n",
			    kind_name[p.teacher.objective.kind], in ? 7 : 20, sure[at], e);
		worst = isnan(e) ? INFINITY : fmax(worst, e);
		free(o.dx);
		free(o.dw);
	}
	T_OK(worst < most, "students that are sure: off by %.2g", worst);
	T_OK(counted, "students that are sure: right labels are counted");
}

/* More rows than a tile holds, on the processor by its bytes, elsewhere by their number; and the
 * same with one thread, without gradients, without dw. */
static void test_tiles(struct fc_nn *nn, struct fc_rng *r)
{
	enum { N = 140, C = 4 };
	const size_t V = strcmp(device_name(), "cpu") ? 7000 : 70000;
	struct problem p = problem_new(r, N, C, V, V, 0, 1);
	float *x = floats(p.x, N * C), *w = floats(p.w, V * C);
	const struct fc_head h = {{w, FC_F32, V, C}, V, 0};
	struct output o = run(nn, &p, true);
	struct fc_loss sum = {0}, lone = {0};
	float *dx = FC_ARRAY(float, N *C), *dw = FC_ARRAY(float, V *C);
	const struct fc_head on = device_head(nn, &h);
	const float *x_on = IN(nn, x, N * C);
	float *dx_on = OUT(nn, dx, N * C), *dw_on = OUT(nn, dw, V * C);
	for (size_t n = 0; n < N; n++) {
		struct fc_teacher t = p.teacher;
		t.row_off += n;
		fc_head_loss(nn, &on, x_on + n * C, p.target + n, p.sft_weight + n, p.kd_weight + n,
		    &t, 1, dx_on + n * C, dw_on, &sum);
	}
	fc_head_loss(
	    nn, &on, x_on, p.target, p.sft_weight, p.kd_weight, &p.teacher, N, NULL, NULL, &lone);
	device_back(nn);
	double *dx2 = doubles(dx, N * C), *dw2 = doubles(dw, V * C);
	/* sums of exponentials are the same; log-probabilities and sums over N rows or V columns
	 * are not, of which the columns' terms are probabilities and add up to 1 */
	const double rows = N * T_U, columns = 4 * 4 * (C + 1) * C * T_U;
	T_OK(t_near(o.loss.sft, sum.sft, rows) && t_near(o.loss.kd, sum.kd, rows) &&
		o.loss.n_correct == sum.n_correct && max_error(o.dx, dx2, N * C) < columns &&
		max_error(o.dw, dw2, V * C) < rows,
	    "tiles: a batch is the sum of its rows");
	fc_par_init(1);
	struct output o1 = run(nn, &p, true);
	fc_par_init(2);
	T_OK(!memcmp(&o.loss, &o1.loss, sizeof o.loss) &&
		!memcmp(o.dx, o1.dx, N * C * sizeof(float)) &&
		!memcmp(o.dw, o1.dw, V * C * sizeof(float)),
	    "one thread and two give the same bits");
	T_OK(!memcmp(&o.loss, &lone, sizeof lone), "without gradients: the same loss");
	free(o.dx);
	free(o.dw);
	free(o1.dx);
	free(o1.dw);
	free(dx);
	free(dw);
	free(dx2);
	free(dw2);
	free(x);
	free(w);
	problem_release(&p);
}

/* ---- ../shared/cases: the student's logits are given, so the weights are the identity ---- */

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void add_row(struct problem *p, size_t n, const json_t *feature, const char *prefix,
    size_t pos, uint32_t *id, float *lp)
{
	char key[64];
	uint32_t *off = (uint32_t *)(uintptr_t)p->teacher.row_off;
	snprintf(key, sizeof key, "%sper_step_logits", prefix);
	const json_t *z = json_array_get(json_object_get(feature, key), pos);
	snprintf(key, sizeof key, "%sper_step_indices", prefix);
	const json_t *i = json_array_get(json_object_get(feature, key), pos);
	if (!json_array_size(z) && *prefix) { /* a row the source lacks is the pivot's */
		add_row(p, n, feature, "", pos, id, lp);
		return;
	}
	off[n + 1] = off[n] + (uint32_t)json_array_size(z);
	for (size_t k = 0; k < json_array_size(z); k++) {
		id[off[n] + k] = (uint32_t)json_integer_value(json_array_get(i, k));
		lp[off[n] + k] = (float)json_number_value(json_array_get(z, k));
	}
}

static void test_case(struct fc_nn *nn, const json_t *c)
{
	const size_t V = (size_t)json_integer_value(json_object_get(c, "vocab_size"));
	const json_t *exact = json_object_get(c, "exact_float64"), *f, *z;
	const float n = (float)number(exact, "positions"), lambda = (float)number(c, "lambda_sft");
	struct problem p = {.C = V, .V = V, .padded = V, .x = FC_ARRAY(double, 64 * V)};
	uint32_t off[65] = {0}, id[1024], target[64];
	float lp[1024], sft[64], kd[64];
	size_t s, v;
	p.w = FC_ARRAY(double, V *V);
	for (v = 0; v < V; v++)
		p.w[v * V + v] = 1;
	p.target = target;
	p.sft_weight = sft;
	p.kd_weight = kd;
	const bool kl = !strcmp(json_string_value(json_object_get(c, "loss_type")), "kl");
	p.teacher = (struct fc_teacher){off, id, lp,
	    {kl ? FC_LOSS_KL : FC_LOSS_CE, FC_ROW_RENORMALISED, 0, number(c, "temperature")}};
	json_array_foreach(json_object_get(c, "features"), s, f)
	{
		const json_t *labels = json_object_get(f, "labels");
		const bool source = number(f, "fused_metric_ce") < number(f, "metric_ce");
		for (size_t t = 0; t + 1 < json_array_size(labels); t++) {
			const json_int_t label = json_integer_value(json_array_get(labels, t + 1));
			if (label == -100)
				continue;
			const json_t *row = json_array_get(
			    json_array_get(json_object_get(c, "student_logits"), s), t);
			json_array_foreach(row, v, z) p.x[p.N * V + v] = json_number_value(z);
			add_row(&p, p.N, f, source ? "fused_" : "", t, id, lp);
			target[p.N] = (uint32_t)label;
			sft[p.N] = lambda / n;
			kd[p.N++] = (1 - lambda) / n;
		}
	}
	struct output o = run(nn, &p, true);
	T_NEAR(o.loss.sft + o.loss.kd, number(exact, "total"), 1e-6,
	    json_string_value(json_object_get(c, "name")));
	T_OK((!(lambda > 0) || t_near(o.loss.nll / (double)n, number(exact, "sft"), 1e-6)) &&
		t_near(o.loss.kd, (double)(1 - lambda) * number(exact, "fusion"), 1e-6),
	    "its parts");
	free(o.dx);
	free(o.dw);
	free(p.x);
	free(p.w);
}

static void test_cases(struct fc_nn *nn)
{
	struct fc_err e;
	char path[4096];
	const json_t *c;
	size_t i;
	if (!t_shared()) {
		t_skip("worked cases of the loss: FC_SHARED is not set");
		return;
	}
	snprintf(path, sizeof path, "%s/cases/08_fusion_loss_fusechat2.json", t_shared());
	json_t *file = fc_json_file(path, &e);
	if (!T_OK(file != NULL, "worked cases: %s", file ? path : e.msg))
		return;
	json_array_foreach(json_object_get(file, "cases"), i, c) test_case(nn, c);
	json_decref(file);
}

int main(void)
{
	struct fc_rng r;
	fc_rng_seed(&r, 4);
	fc_par_init(2);
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	test_gradients(nn, &r);
	test_extremes(nn);
	test_tiles(nn, &r);
	test_cases(nn);
	fc_nn_close(nn);
	return t_done();
}
