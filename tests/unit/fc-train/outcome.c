/* SPDX-License-Identifier: Apache-2.0 */
/* What a run says at its end: how the loss went, and what saving leaves of the change. */
#include "fc-train/outcome.h"

#include "base/file.h"
#include "base/mem.h"
#include "fc-train/survival.h"
#include "store/store.h"
#include "device.h"
#include "t.h"

static void test_losses(void)
{
	struct train_losses l = {0};
	double first, last;
	T_EQ(train_losses_ends(&l, &first, &last), (size_t)0, "no step, no loss");
	train_losses_add(&l, 3);
	T_OK(train_losses_ends(&l, &first, &last) == 1 && first == 3 && last == 3, "one step");
	for (int i = 1; i < 40; i++)
		train_losses_add(&l, i);
	/* 40 steps: 3, 1, 2, 3 and 36, 37, 38, 39 */
	T_OK(train_losses_ends(&l, &first, &last) == 4 && t_near(first, 2.25, 1e-15) &&
		t_near(last, 37.5, 1e-15),
	    "means of the first and the last tenth");
	train_losses_release(&l);
}

/* A pivot of one tensor, on the grid of bfloat16, in which steps between 1 and 2 are 1/128. */
#define STEP 0.0078125
static char dir[] = "/tmp/fc-train-outcome.XXXXXX";
static float w[6];
static const double before[6] = {1, 1, 1, 1, 1.5, 1.5};

static void write_pivot(void)
{
	struct fc_tensor plan = {
	    .name = "w", .dtype = FC_BF16, .n_dim = 1, .dim = {6}, .n_bytes = 12};
	struct fc_store_writer *out;
	uint16_t raw[6];
	struct fc_err e;
	fc_from_f64(raw, FC_BF16, before, 6);
	if (!mkdtemp(dir) || fc_store_writer_open(&out, dir, &plan, 1, SIZE_MAX, &e) < 0 ||
	    fc_store_writer_put(out, 0, 0, raw, sizeof raw, &e) < 0 ||
	    fc_store_writer_close(out, &e) < 0) {
		printf("Bail out! cannot write a model into %s\n", dir);
		exit(1);
	}
}

static void test_survival(void)
{
	/* in steps: half a step and below is lost, 0.75 becomes 1, 3.25 becomes 3 */
	const double change[6] = {0, 0.25, -0.25, 0.75, 3.25, 0};
	const struct fc_rounding nearest = {0}, stochastic = {true, 1};
	struct fc_param v = {.name = (char *)"w", .n_dim = 1, .dim = {6}, .n = 6};
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	struct fc_params p = {.v = &v, .n = 1, .model.nn = nn};
	struct train_survival m;
	struct fc_err e;
	write_pivot();
	v.w = fc_nn_alloc(nn, 6, sizeof *w);
	for (int i = 0; i < 6; i++)
		w[i] = (float)(before[i] + STEP * change[i]);
	fc_nn_put(nn, v.w, w, sizeof w);
	T_OK(train_survival_measure(&m, &p, dir, FC_BF16, &nearest, &e) == 0, "measured");
	const double d2 = 2 * 0.0625 + 0.5625 + 10.5625, error = 4 * 0.0625;
	T_OK(t_near(m.change / (STEP * STEP), d2, 1e-12), "squared change");
	T_OK(t_near(m.error / (STEP * STEP), error, 1e-12), "squared error of saving");
	T_OK(t_near(m.along / (STEP * STEP), 0.75 + 9.75, 1e-12), "what is saved along the change");
	T_OK(m.n_changed == 4 && m.n_survived == 2, "weights that changed, and that stay changed");
	T_OK(t_near(train_survival_share(&m, &nearest), 1 - error / d2, 1e-12), "share");
	T_OK(train_survival_measure(&m, &p, dir, FC_F32, &nearest, &e) == 0 && m.error == 0 &&
		m.n_survived == 4 && train_survival_share(&m, &nearest) == 1,
	    "float32 keeps everything");
	T_OK(train_survival_measure(&m, &p, dir, FC_BF16, &stochastic, &e) == 0 &&
		t_near(train_survival_share(&m, &stochastic), m.along / m.change, 1e-12),
	    "stochastic: on average");
	for (int i = 0; i < 6; i++)
		w[i] = (float)before[i];
	fc_nn_put(nn, v.w, w, sizeof w);
	T_OK(train_survival_measure(&m, &p, dir, FC_BF16, &nearest, &e) == 0 && m.n_changed == 0 &&
		train_survival_share(&m, &nearest) == 1,
	    "nothing changed, nothing lost");
	char *path = fc_path_join(dir, "model.safetensors");
	remove(path);
	free(path);
	remove(dir);
	fc_nn_free(nn, v.w);
	fc_nn_close(nn);
}

/* A matrix that the file has the other way round, piece by piece: element [c][r] of the file is
 * [r][c] here. */
static void test_pieces(void)
{
	enum { N_ROW = 3, N_COL = 5, N = N_ROW * N_COL };
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	struct fc_param v = {.n_dim = 2, .dim = {N_ROW, N_COL}, .n = N, .transposed = true};
	float matrix[N], x[N];
	size_t wrong = 0;
	v.w = fc_nn_alloc(nn, N, sizeof *matrix);
	for (size_t i = 0; i < N; i++)
		matrix[i] = (float)i;
	fc_nn_put(nn, v.w, matrix, sizeof matrix);
	for (size_t at = 0; at < N; at++) {
		for (size_t n = 1; at + n <= N; n++) {
			fc_param_get(nn, &v, at, n, x);
			for (size_t i = at; i < at + n; i++)
				wrong += x[i - at] != (float)(i % N_ROW * N_COL + i / N_ROW);
		}
	}
	T_EQ(wrong, (size_t)0, "pieces of a matrix that the file has the other way round");
	fc_nn_free(nn, v.w);
	fc_nn_close(nn);
}

int main(void)
{
	test_losses();
	test_pieces();
	test_survival();
	return t_done();
}
