/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/die.h"
#include "fc-infer/infer.h"
#include "model/footprint.h"
#include "model/shuttle.h"
#include "nn/dry.h"

/* s: a copy of a session, whose model and device are there. */
static int run_largest(struct session *s, struct fc_err *e)
{
	const size_t n_ctx = s->model->cfg.n_ctx;
	s->n_output = s->model->cfg.n_vocab;
	s->makes_room = true;
	if (!s->max_length || (s->model->position.p && s->max_length > n_ctx))
		s->max_length = n_ctx;
	return s->measure(s, e);
}

int infer_footprint_rehearse(struct session *s, struct fc_err *e)
{
	struct session largest = *s;
	s->makes_room = fc_nn_idle(s->nn, true);
	if (!s->makes_room)
		return 0;
	const int ret = run_largest(&largest, e);
	fc_nn_idle(s->nn, false);
	return ret;
}

/* What the work of session s takes where the first n_stay layers stay on the device.  *layer: bytes
 * of the largest of the others, or 0. */
static int measure(
    struct fc_footprint *f, const struct session *s, size_t n_stay, size_t *layer, struct fc_err *e)
{
	struct session dry = *s;
	dry.nn = fc_dry_open(s->nn);
	dry.model = NULL;
	int ret = fc_model_open_part(&dry.model, s->opt->model, dry.nn, n_stay, e);
	if (ret == 0) {
		*layer = dry.model->shuttle ? fc_shuttle_place_bytes(dry.model->shuttle) : 0;
		ret = run_largest(&dry, e);
		*f = fc_footprint_of(dry.nn);
		fc_model_close(dry.model);
	}
	fc_nn_close(dry.nn);
	return ret;
}

/* As many layers stay as there is room for. */
static int place_layers(
    struct fc_footprint *f, const struct session *s, size_t *n_stay, struct fc_err *e)
{
	size_t layer, n_free, n_total;
	if (measure(f, s, 0, &layer, e) < 0)
		return -1;
	fc_nn_memory(s->nn, &n_free, &n_total);
	const size_t base = fc_footprint_bytes(f->device);
	*n_stay = base < n_free && layer ? (n_free - base) / layer : 0;
	return *n_stay ? measure(f, s, *n_stay, &layer, e) : 0;
}

static const char *find_advice(const struct session *s)
{
	struct fc_footprint f;
	struct fc_err ignored;
	size_t layer;
	const bool there = s->opt->offload == INFER_OFFLOAD_LAYERS;
	struct infer_options other = *s->opt;
	struct session with = *s;
	other.offload = INFER_OFFLOAD_LAYERS;
	with.opt = &other;
	if (!there && measure(&f, &with, 0, &layer, &ignored) == 0 && fc_footprint_fits(&f, s->nn))
		return "--offload layers needs little enough";
	if (s->opt->generate)
		return there ? "less is needed with a smaller --cache-mib"
			     : "less is needed with --offload layers and a smaller --cache-mib";
	return there ? "less is needed with a smaller --batch-tokens"
		     : "less is needed with --offload layers and a smaller --batch-tokens";
}

static void tell_layers(size_t n_stay, size_t n_layer)
{
	if (n_stay >= n_layer)
		fc_note("all %zu layers have room on the device", n_layer);
	else
		fc_note("%zu of %zu layers stay on the device, the others come there in every pass",
		    n_stay, n_layer);
}

int infer_footprint_check(const struct session *s, size_t *n_stay, struct fc_err *e)
{
	const struct infer_options *o = s->opt;
	const bool device = strcmp(fc_nn_device(s->nn), "cpu") != 0;
	const bool layers = o->offload == INFER_OFFLOAD_LAYERS;
	struct fc_footprint f;
	struct fc_config c;
	size_t layer;
	*n_stay = SIZE_MAX;
	if (layers && !device)
		fc_note("--offload layers does nothing on the processor, which reads the weights "
			"where they are");
	if (!device && !o->dry_run)
		return 0;
	if ((layers && device ? place_layers(&f, s, n_stay, e)
			      : measure(&f, s, *n_stay, &layer, e)) < 0)
		return -1;
	const bool fits = !device || fc_footprint_fits(&f, s->nn);
	if (fits || o->dry_run)
		fc_footprint_tell(&f, s->nn);
	if (!fits)
		return fc_footprint_fail(&f, s->nn, find_advice(s), e);
	if (layers && device && fc_config_load(&c, o->model, e) == 0) {
		tell_layers(*n_stay, c.n_layer);
		fc_config_release(&c);
	}
	return 0;
}
