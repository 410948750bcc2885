/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/best.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/door.h"
#include "base/file.h"
#include "base/mem.h"

/* "DIR.best" for "DIR" and "DIR/". */
static char *beside(const char *path)
{
	struct fc_buf b = FC_BUF_INIT;
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	fc_buf_addf(&b, "%.*s.best", (int)n, path);
	return fc_buf_detach(&b);
}

int train_best_keep(struct train_best *b, const char *checkpoint, const char *output,
    bool may_exist, struct fc_err *e)
{
	b->path = beside(checkpoint ? checkpoint : output);
	if (checkpoint) {
		fc_door_output(b->path, "keep", true);
		return train_checkpoint_check(b->path, may_exist, e);
	}
	if (fc_outdir_open(&b->scratch, b->path, &fc_folder_checkpoint, e) < 0)
		return -1;
	free(b->path);
	b->path = fc_strdup(fc_outdir_tmp(b->scratch));
	return 0;
}

void train_best_release(struct train_best *b)
{
	fc_outdir_abort(b->scratch);
	free(b->path);
	*b = (struct train_best){0};
}

int train_best_resume(struct train_best *b, const struct train_mark *at, struct fc_err *e)
{
	b->at = *at;
	if (!b->path || !at->is_set)
		return 0;
	if (!train_checkpoint_exists(b->path))
		return fc_fail(e,
		    "%s: the best weights, of step %" PRIu64
		    ", are not there any more; start anew with --force",
		    b->path, at->step);
	if (train_checkpoint_read_mark(b->path, &b->stored, b->identity, e) < 0)
		return -1;
	if (b->stored.step < at->step)
		return fc_fail(e,
		    "%s: holds the weights of step %" PRIu64
		    ", the checkpoint's best are of step %" PRIu64,
		    b->path, b->stored.step, at->step);
	return 0;
}

static int write_weights(struct train_best *b, struct train_crew *crew, struct fc_err *e)
{
	const int ret = b->scratch
	    ? train_checkpoint_rewrite_weights(b->path, crew, e)
	    : train_checkpoint_save_weights(b->path, crew, &b->at, b->identity, e);
	b->stored = b->at;
	return ret;
}

int train_best_tell(
    struct train_best *b, struct train_crew *crew, uint64_t step, double loss, struct fc_err *e)
{
	if (!isfinite(loss) || (b->at.is_set && loss >= b->at.loss)) {
		b->at.n_since++;
		return 0;
	}
	b->at = (struct train_mark){.is_set = true, .step = step, .loss = loss};
	if (!b->path || (b->stored.is_set && b->stored.loss <= loss))
		return 0;
	return write_weights(b, crew, e);
}

bool train_best_is_over(const struct train_best *b)
{
	return b->patience && b->at.n_since >= (uint64_t)b->patience;
}

int train_best_take(const struct train_best *b, struct fc_params *p, struct fc_err *e)
{
	if (!b->stored.is_set)
		return fc_fail(e, "no evaluation had a finite loss: there is no best step to keep");
	return train_checkpoint_load_weights(b->path, p, e);
}
