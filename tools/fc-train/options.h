/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_OPTIONS_H
#define FC_TRAIN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/opt.h"
#include "fc-train/preference.h"
#include "nn/nn.h"
#include "text/json.h"

/* The command line. */
struct train_options {
	const char *model, *init, *tokenizer, *output, *update, *stream;
	bool force, dry_run;
	int save_dtype; /* enum train_save_dtype */
	int rounding;   /* 0: nearest, 1: stochastic */

	double lambda; /* once parsed, a number */
	double temperature;
	double skew;  /* NaN: the loss's own */
	int loss;     /* enum fc_loss_kind */
	int unlisted; /* enum fc_row_rule */
	int untaught; /* enum train_untaught */
	int answers;  /* enum train_answers */
	int max_age;  /* rounds */

	int preference;                /* enum train_preference */
	double beta, smoothing, alpha; /* once parsed, numbers */
	int fusion;                    /* enum train_fusion */
	struct fc_strs reference;

	uint64_t epochs, steps, examples, seed;
	int batch_tokens, micro_tokens, max_length, shuffle;

	double lr, warmup, min_lr, beta1, beta2, eps, weight_decay, clip;
	int schedule; /* enum train_decay */

	const char *checkpoint, *log, *eval;
	int checkpoint_every, eval_every;
	double checkpoint_seconds; /* 0: by steps */
	bool resume;

	const char *device;
	int dtype; /* enum fc_compute */
};

/* Ends with status 2 where options contradict each other. */
void train_options_parse(struct train_options *o, int argc, char **argv);

/* drawn: the rows are of draws, so that the loss is the cross-entropy of their shares. */
struct fc_objective train_options_objective(const struct train_options *o, bool drawn);
/* What the options say that rows of draws can't do; NULL: nothing. */
const char *train_options_refuse_draws(const struct train_options *o);
struct train_preference_opts train_options_preference(const struct train_options *o);

/* The options that decide about the result, as an object of strings; a new reference.  Two runs
 * with equal ones do the same steps. */
json_t *train_options_deciding(struct train_options *o);

#endif
