/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_CHECKPOINT_H
#define FC_TRAIN_CHECKPOINT_H

#include "fc-train/crew.h"
#include "fc-train/feed.h"
#include "text/json.h"

/* The best evaluation so far. */
struct train_mark {
	bool is_set;
	uint64_t step;
	double loss;
	uint64_t n_since; /* evaluations since then, or of all where none is the best */
};

/*
 * All that a run needs to go on as if it had never stopped: a folder with model.safetensors
 * (weights "w.NAME", moments "m.NAME" and "v.NAME", float32) and state.json.  A new checkpoint
 * takes the old one's place in one step; until then the old one is whole.
 */
struct train_progress_state {
	uint64_t step, n_example, n_tok; /* done so far */
	struct train_feed_pos pos;
	uint64_t log_bytes; /* length of the log at that point */
	struct train_mark best;
};

/* -1 where dir is neither absent nor empty nor a checkpoint, which alone is replaced, or holds one
 * that may not exist. */
int train_checkpoint_check(const char *dir, bool may_exist, struct fc_err *e);
bool train_checkpoint_exists(const char *dir);
/* run: an object of strings that says which run this is (options, model, tokenizer); borrowed. */
int train_checkpoint_save(const char *dir, struct train_crew *crew,
    const struct train_progress_state *s, json_t *run, struct fc_err *e);
/* Fills weights and moments.  A checkpoint of another run is refused with the first difference. */
int train_checkpoint_load(const char *dir, struct train_crew *crew, struct train_progress_state *s,
    const json_t *run, struct fc_err *e);

/* A folder with the weights alone, and which evaluation they are of; it takes the old one's place
 * as a checkpoint does. */
int train_checkpoint_save_weights(const char *dir, struct train_crew *crew,
    const struct train_mark *at, json_t *run, struct fc_err *e);
/* Of a folder that nobody goes on from: in place of what is in it. */
int train_checkpoint_rewrite_weights(const char *dir, struct train_crew *crew, struct fc_err *e);
int train_checkpoint_read_mark(
    const char *dir, struct train_mark *at, const json_t *run, struct fc_err *e);
int train_checkpoint_load_weights(const char *dir, struct fc_params *p, struct fc_err *e);

#endif
