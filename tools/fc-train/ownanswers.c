/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/ownanswers.h"

#include <inttypes.h>

#include "base/die.h"
#include "store/store.h"
#include "stream/policy.h"

/* Who answered, and who should have. */
static int refuse_answer(const struct train_ownanswers *a, const struct fc_policy *p, int age,
    const struct fc_example *x, const char *name, struct fc_err *e)
{
	const char *id = x->id.p ? x->id.p : "";
	const struct fc_lineage *l = &a->lineage;
	if (p->several)
		return fc_fail(e,
		    "%s: conversation '%s' has answers of several models, not of %s alone; "
		    "--answers any takes them",
		    name, id, a->model ? a->model : "the one that is trained");
	if (!a->model)
		return fc_fail(e,
		    "%s: conversation '%s' was answered by model %016" PRIx64 ", round %" PRIu32
		    ", not by the one that is trained from scratch; --answers any takes it",
		    name, id, p->model, p->round);
	if (age < 0)
		return fc_fail(e,
		    "%s: conversation '%s' was answered by model %016" PRIx64 ", round %" PRIu32
		    ", not by %s, which is %016" PRIx64 ", round %" PRIu32
		    ", and not trained from that; answer again (fc-infer --generate -m %s), or "
		    "take "
		    "answers of any model: --answers any",
		    name, id, p->model, p->round, a->model, l->model, l->round, a->model);
	return fc_fail(e,
	    "%s: conversation '%s' was answered by model %016" PRIx64 ", round %" PRIu32
	    ", from which %s, %016" PRIx64 ", round %" PRIu32
	    ", was trained: its answers are %d round%s old, at most %d are taken (--max-age); "
	    "answer "
	    "again: fc-infer --generate -m %s",
	    name, id, p->model, p->round, a->model, l->model, l->round, age, age == 1 ? "" : "s",
	    a->max_age, a->model);
}

int train_ownanswers_see(struct train_ownanswers *a, const struct fc_example *x, bool rows,
    const char *name, struct fc_err *e)
{
	struct fc_policy p;
	struct fc_err why;
	const int got = fc_policy_parse(x->meta.p, x->meta.n, &p, &why);
	if (got < 0)
		return fc_fail(
		    e, "%s: conversation '%s': %s", name, x->id.p ? x->id.p : "", why.msg);
	if (got == 0)
		return 0;
	const int age = p.several || !a->model ? -1 : fc_lineage_age(&a->lineage, p.model);
	a->n_own += age == 0;
	a->n_older += age > 0;
	a->n_other += age < 0;
	if (!rows || a->answers == TRAIN_ANSWERS_ANY || (age >= 0 && age <= a->max_age))
		return 0;
	return refuse_answer(a, &p, age, x, name, e);
}

void train_ownanswers_tell(const struct train_ownanswers *a)
{
	if (a->n_own + a->n_older + a->n_other)
		fc_note("answered by the model itself: %" PRIu64
			" conversations, by models that it was trained from: %" PRIu64
			", by others: %" PRIu64,
		    a->n_own, a->n_older, a->n_other);
}

int train_ownanswers_save(const struct train_ownanswers *a, const char *dir, struct fc_err *e)
{
	struct fc_store *store;
	if (!a->model || !(a->n_own + a->n_older + a->n_other + a->lineage.round))
		return 0;
	if (fc_store_open(&store, dir, e) < 0)
		return -1;
	const uint64_t made = fc_store_fingerprint(store);
	fc_store_close(store);
	return fc_lineage_write_next(&a->lineage, dir, made, e);
}
