/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_OPTIONS_H
#define FC_TRAIN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/opt.h"
#include "fc-train/adapter_folder.h"
#include "fc-train/crew.h"
#include "fc-train/ownanswers.h"
#include "fc-train/preference.h"
#include "fc-train/schedule.h"
#include "fc-train/stepbatch.h"
#include "fc-train/target.h"
#include "nn/nn.h"
#include "text/json.h"

/* Which weights are the result. */
enum train_keep { TRAIN_KEEP_LAST, TRAIN_KEEP_BEST, TRAIN_KEEP_N };
/* What of a run on a device is in the host's memory. */
enum train_offload { TRAIN_OFFLOAD_NONE, TRAIN_OFFLOAD_OPTIMIZER, TRAIN_OFFLOAD_N };

/* The command line. */
struct train_options {
	const char *model, *init, *tokenizer, *output, *update, *stream;
	const char *lora;             /* NULL: the weights themselves are trained */
	const char *lora_from;        /* folder that adapters begin with; lora is what it says */
	struct train_adapter adapter; /* what lora says */
	bool force, dry_run;
	enum train_save_dtype save_dtype;
	enum fc_round rounding;

	double lambda; /* once parsed, a number */
	double temperature;
	double skew; /* NaN: the loss's own */
	enum fc_loss_kind loss;
	enum fc_row_rule unlisted;
	enum train_untaught untaught;
	enum train_answers answers;
	int max_age; /* rounds */

	enum train_preference preference;
	double beta, smoothing, alpha; /* once parsed, numbers */
	enum train_fusion fusion;
	struct fc_strs reference;

	uint64_t epochs, steps, examples, seed;
	int batch_tokens, micro_tokens, max_length, shuffle;
	int layers_kept; /* 0: train_footprint_plan() chooses */
	int lanes;       /* 0: one for each rank */
	enum train_shard shard;

	double lr, warmup, min_lr, beta1, beta2, eps, weight_decay, clip;
	enum train_decay schedule;

	const char *checkpoint, *log, *eval;
	int checkpoint_every, eval_every;
	enum train_keep keep;
	int patience;              /* evaluations; 0: none */
	double checkpoint_seconds; /* 0: by steps */
	bool resume;

	const char *device;
	enum train_offload offload;
	enum fc_compute dtype;
};

/* The options with their defaults.  Ends with status 2 where they contradict each other. */
const struct train_options *train_options_parse(int argc, char **argv);

/* drawn: the rows are of draws, so that the loss is the cross-entropy of their shares. */
struct fc_objective train_options_objective(const struct train_options *o, bool drawn);
/* What the options say that rows of draws can't do; NULL: nothing. */
const char *train_options_refuse_draws(const struct train_options *o);
struct train_preference_opts train_options_preference(const struct train_options *o);

/* The options that decide about the result, as an object of strings; a new reference.  Two runs
 * with equal ones do the same steps. */
json_t *train_options_deciding(void);

#endif
