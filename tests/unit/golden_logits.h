/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_GOLDEN_LOGITS_H
#define FC_TESTS_GOLDEN_LOGITS_H

/* A model's logits against those of tests/data/model/NAME.json; after device.h and golden_files.h.
 */

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/*
 * The largest difference of logits over the largest expected logit.  Where products are rounded, so
 * is what chooses experts: a token between two of them may go to the other one, and those behind it
 * see that.  There it is the largest of three quarters of the tokens.
 */
static double golden_apart(struct fc_nn *nn, const struct fc_model *m, const json_t *golden)
{
	const json_t *sequences = json_object_get(golden, "sequences");
	const json_t *rows = json_object_get(golden, "logits");
	uint32_t tok[64];
	size_t off[8] = {0}, n_seq = json_array_size(sequences), V = m->cfg.n_vocab,
	       C = m->cfg.n_embd;
	for (size_t s = 0; s < n_seq; s++) {
		const json_t *seq = json_array_get(sequences, s);
		off[s + 1] = off[s];
		for (size_t i = 0; i < json_array_size(seq); i++)
			tok[off[s + 1]++] = (uint32_t)json_integer_value(json_array_get(seq, i));
	}
	const struct fc_batch b = {tok, off, n_seq};
	const struct fc_head head = fc_model_head(m);
	const size_t N = off[n_seq];
	float *x = FC_ARRAY(float, N *C), *logits = FC_ARRAY(float, N *V);
	double *worst = FC_ARRAY(double, N + 1), scale = 0;
	size_t last = N - 1;
	if (N != json_array_size(rows) || fc_model_hidden(nn, m, &b, OUT(nn, x, N * C), &err) < 0)
		worst[N] = INFINITY;
	fc_head_logits(nn, &head, IN(nn, x, N * C), N, logits);
	device_back(nn);
	for (size_t n = 0; n < N; n++)
		for (size_t v = 0; v < V; v++) {
			double want = json_number_value(json_array_get(json_array_get(rows, n), v));
			const double apart = fabs(logits[n * V + v] - want);
			worst[n] = isnan(apart) ? INFINITY : fmax(worst[n], apart);
			scale = fmax(scale, fabs(want));
		}
	free(x);
	free(logits);
	qsort(worst, N, sizeof *worst, by_size);
	if (m->cfg.n_expert && fc_nn_compute(nn) == FC_COMPUTE_BF16)
		last = N * 3 / 4;
	const double result = fmax(worst[last], worst[N]) / scale;
	free(worst);
	return result;
}

#endif
