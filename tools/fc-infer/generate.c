/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/generate.h"

#include <inttypes.h>

#include "base/die.h"
#include "base/progress.h"

static void tell_counts(const struct slots_count *n, uint64_t n_line)
{
	if (n_line && !n->n_answer && !n->over.n_skipped)
		fc_warn("nothing was generated: no user message is without an answer");
	if (n->n_truncated)
		fc_warn("%" PRIu64 " of %" PRIu64 " answers were truncated at the limit of tokens",
		    n->n_truncated, n->n_answer);
	if (n->over.n_truncated)
		fc_warn("%" PRIu64 " prompts were over the context and lost their oldest turns, "
			"%" PRIu64 " in all",
		    n->over.n_truncated, n->over.n_turns);
	if (n->over.n_skipped)
		fc_warn("%" PRIu64 " conversations were over the context and were left out",
		    n->over.n_skipped);
}

/* Only where the limit mattered: fewer conversations than slots were answered at a time. */
static void tell_cache(const struct session *s, const struct slots_count *n)
{
	const double token = (double)fc_kvcache_token_bytes(s->model);
	if (n->n_full)
		fc_note("key/value cache: %.0f bytes a token; slots waited for room in %d MiB "
			"(--cache-mib)",
		    token, s->opt->cache_mib);
}

int infer_generate(struct session *s, struct fc_err *e)
{
	struct stops stops = {0};
	struct queue *q = NULL;
	struct slots *slots = NULL;
	int ret = -1, more;
	if (infer_stops_open(&stops, s, e) < 0)
		goto out;
	if (s->opt->dry_run) {
		ret = 0;
		goto out;
	}
	if (infer_queue_open(&q, s, e) < 0)
		goto out;
	slots = infer_slots_new(s, &stops);
	fc_progress_start("conversations", 0);
	while ((more = infer_slots_round(slots, q, e)) > 0)
		;
	fc_progress_end();
	if (more < 0)
		goto out;
	if (infer_session_tell(s, e) < 0)
		goto out;
	tell_counts(infer_slots_counted(slots), infer_queue_lines(q));
	tell_cache(s, infer_slots_counted(slots));
	ret = infer_queue_finish(q, e);
	q = NULL;
out:
	infer_queue_abort(q);
	infer_slots_free(slots);
	infer_stops_release(&stops);
	return ret;
}
