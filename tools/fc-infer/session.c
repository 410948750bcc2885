/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "fc-infer/infer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/isa.h"
#include "base/mem.h"
#include "base/progress.h"
#include "chat/invalid.h"
#include "chat/turnend.h"
#include "fc-infer/text.h"
#include "model/config.h"
#include "store/lineage.h"
#include "store/modelfiles.h"

static int open_model(struct session *s, struct fc_err *e)
{
	const struct infer_options *o = s->opt;
	char computes[512];
	if (fc_nn_open(&s->nn, o->device, o->compute, e) < 0)
		return -1;
	fc_nn_set_advice(s->nn,
	    o->generate ? "a smaller --cache-mib or --slots"
			: "a smaller --batch-tokens or --max-length");
	size_t n_stay;
	if (infer_footprint_check(s, &n_stay, e) < 0 ||
	    fc_model_open_part(&s->model, o->model, o->dry_run ? NULL : s->nn, n_stay, e) < 0)
		return -1;
	if (fc_modelfiles_has_adapter(o->model))
		fc_note(FC_MODELFILES_ADAPTER, o->model);
	if (s->n_vocab > s->model->cfg.n_vocab)
		return fc_fail(e,
		    "%s: the tokenizer has ids up to %zu, the model only %zu rows of embeddings",
		    o->model, s->n_vocab - 1, s->model->cfg.n_vocab);
	s->n_output = s->model->cfg.n_vocab;
	fc_nn_describe(s->nn, computes, sizeof computes);
	if (o->verbose || fc_isa_is_asked() || strcmp(o->device, "cpu"))
		fc_note("%s", computes);
	if (!s->max_length)
		s->max_length = s->model->cfg.n_ctx;
	return o->dry_run ? 0 : infer_footprint_rehearse(s, e);
}

/* The tokens that a model reads whose weights need not be there; without a config.json, or of an
 * architecture that is not known here, 0. */
static size_t find_context(const char *model)
{
	struct fc_config config = {0};
	struct fc_err ignored;
	size_t n = fc_config_load(&config, model, &ignored) == 0 ? config.n_ctx : 0;
	fc_config_release(&config);
	return n;
}

static int find_policy(struct session *s, struct fc_err *e)
{
	struct fc_lineage l;
	const uint64_t model = fc_store_fingerprint(s->model->store);
	if (fc_lineage_read(&l, s->opt->model, model, e) < 0)
		return -1;
	s->policy = (struct fc_policy){.model = model, .round = l.round};
	return 0;
}

static int check_length(struct session *s, struct fc_err *e)
{
	const struct infer_options *o = s->opt;
	if (!o->tokens_only || s->max_length)
		return 0;
	s->max_length = find_context(o->model);
	if (s->max_length || o->long_rule == LONG_STOP)
		return 0;
	return fc_fail(e,
	    "%s: the model's context is not known, so --long needs --max-length: there is no "
	    "config.json, or it is of a model that is not supported",
	    o->model);
}

static void find_gaps(struct session *s)
{
	size_t cap = 0;
	for (uint32_t id = 0; id < s->n_vocab; id++) {
		if (fc_tokenizer_piece(s->tokenizer, id))
			continue;
		FC_GROW(s->gap, cap, s->n_gap + 1);
		s->gap[s->n_gap++] = id;
	}
}

/* A part is of the whole stream's records: where conversations are left out, for their length or as
 * invalid, all are cut into tokens, and those that are left are counted. */
static bool counts_what_is_kept(const struct infer_options *o)
{
	const bool leaves_out =
	    o->long_rule == LONG_SKIP || fc_invalid_asked.rule == FC_INVALID_SKIP;
	return o->shard.n && leaves_out && !o->generate;
}

int infer_session_open(struct session *s, const struct infer_options *opt,
    int (*measure)(struct session *dry, struct fc_err *e), char **paths, int n_paths,
    struct fc_err *e)
{
	const char *template_of = opt->pivot ? opt->pivot : opt->model;
	memset(s, 0, sizeof *s);
	s->opt = opt;
	s->measure = measure;
	s->max_length = (size_t)opt->max_length;
	fc_example_init(&s->other);
	if (fc_tokenizer_open(&s->tokenizer, opt->model, e) < 0)
		return -1;
	s->n_vocab = s->n_output = fc_tokenizer_n_vocab(s->tokenizer);
	find_gaps(s);
	/* texts need no template, so its lack is an error when the first conversation comes */
	if (fc_chat_open(&s->chat, template_of, opt->template_file, &s->no_chat) < 0 &&
	    (opt->generate || opt->template_file || opt->pivot))
		return fc_fail(e, "%s", s->no_chat.msg);
	s->turn_end = fc_turnend_token(opt->model, s->tokenizer);
	if (fc_conversations_open(&s->input, (const char *const *)paths, n_paths, e) < 0)
		return -1;
	if ((!opt->tokens_only && open_model(s, e) < 0) || check_length(s, e) < 0 ||
	    (opt->generate && find_policy(s, e) < 0))
		return -1;
	fc_conversations_accept(
	    s->input, opt->generate ? FC_LINE_QUESTIONS : FC_LINE_TEXTS | FC_LINE_PAIRS);
	if (opt->train_opening)
		fc_conversations_train_opening(s->input);
	if (!counts_what_is_kept(opt))
		fc_conversations_set_shard(s->input, &opt->shard);
	return 0;
}

void infer_session_count(struct session *s, const struct fc_conversation *c)
{
	s->n_line++;
	if (s->chat && c->form != FC_FORM_TEXT)
		infer_unread_add(&s->unread, s->chat, c);
}

int infer_session_tell(const struct session *s, struct fc_err *e)
{
	if (!s->n_line)
		fc_warn("there is no conversation in the input");
	else if (s->chat && fc_chat_mentions(s->chat, "strftime_now"))
		fc_note("the chat template asks for the date; it is always given 2024-07-26");
	infer_unread_tell(&s->unread);
	if (s->n_recut)
		fc_note("%" PRIu64
			" conversations have other tokens than with --cut whole, where one lies "
			"across the beginning of an answer",
		    s->n_recut);
	return fc_invalid_finish(e);
}

void infer_session_close(struct session *s)
{
	fc_conversations_close(s->input);
	infer_unread_release(&s->unread);
	fc_example_release(&s->other);
	fc_chat_free(s->chat);
	fc_tokenizer_free(s->tokenizer);
	fc_model_close(s->model);
	fc_nn_close(s->nn);
	free(s->gap);
}

char *infer_session_name(const struct session *s)
{
	const struct infer_options *o = s->opt;
	if (o->name || (o->generate && o->served_model))
		return fc_strdup(o->name ? o->name : o->served_model);
	return fc_path_name(o->model);
}

struct fc_draws infer_session_draws(const struct session *s)
{
	const double t = s->opt->sample_temperature;
	return (struct fc_draws){(size_t)s->opt->n_sample, isnan(t) ? 1 : t};
}

size_t infer_session_top_k(const struct session *s)
{
	enum { USUAL = 10 };
	const size_t k = s->opt->n_sample ? (size_t)s->opt->n_sample
	    : s->opt->top_k >= 0          ? (size_t)s->opt->top_k
					  : USUAL;
	return k < s->n_output ? k : s->n_output;
}

void infer_session_header(const struct session *s, struct fc_header *h, enum fc_kind kind)
{
	char *name = infer_session_name(s);
	fc_header_init(h, kind);
	h->tokenizer = fc_tokenizer_fingerprint(s->tokenizer);
	h->template_hash = s->chat ? fc_chat_hash(s->chat) : 0;
	h->cut = s->opt->cut;
	h->n_vocab = (uint32_t)s->n_vocab;
	h->n_output = (uint32_t)s->n_output;
	h->part = s->opt->shard;
	if (kind == FC_KIND_DISTS) {
		h->model = fc_store_fingerprint(s->model->store);
		h->top_k = (uint32_t)infer_session_top_k(s);
		const struct fc_draws draws = infer_session_draws(s);
		h->n_sample = (uint32_t)draws.n;
		h->sample_temperature = draws.n ? draws.temperature : 0;
		fc_header_add_source(h, name, h->model, h->tokenizer);
	}
	fc_header_add_self(h);
	free(name);
}

/* Does the conversation r, whose tokens are in x, have others as one text?  Only asked to be told.
 */
static bool differs_whole(struct session *s, struct fc_rendered *r, const struct fc_example *x)
{
	struct fc_err none; /* as one text it can't be encoded at all */
	if (r->cut == FC_CUT_WHOLE || fc_quiet)
		return false;
	r->cut = FC_CUT_WHOLE;
	return fc_rendered_encode(r, s->tokenizer, s->turn_end, &s->other, &none) < 0 ||
	    x->n_tok != s->other.n_tok ||
	    (x->n_tok && memcmp(x->tok, s->other.tok, x->n_tok * sizeof *x->tok) != 0);
}

/* The line as tokens; id and other members too.  *recut: are they others than as one text? */
static int encode_line(struct session *s, const struct fc_conversation *c, struct fc_example *x,
    bool *recut, struct fc_err *e)
{
	struct fc_rendered r = {.cut = s->opt->cut};
	int ret = -1;
	*recut = false;
	fc_example_clear(x);
	fc_buf_adds(&x->id, c->id);
	if (json_object_size(c->extra))
		fc_json_dump(&x->meta, c->extra);
	if (c->form == FC_FORM_TEXT)
		return infer_text_encode(s->tokenizer, c, x, e);
	if (!s->chat)
		return fc_fail(e, "%s", s->no_chat.msg);
	if (fc_chat_render(s->chat, c, false, &r, e) == 0 &&
	    fc_rendered_encode(&r, s->tokenizer, s->turn_end, x, e) == 0) {
		*recut = differs_whole(s, &r, x);
		ret = 0;
	}
	fc_rendered_release(&r);
	return ret;
}

/* Keeps the end of a text that has a context, and the beginning of everything else. */
static void cut_long(struct fc_example *x, const struct fc_conversation *c, size_t most)
{
	if (c->form == FC_FORM_TEXT && c->n_message > 1)
		infer_text_keep_end(x, most);
	else
		x->n_tok = most;
}

/* As encode_line(), with the place in the message. */
static int encode_named(struct session *s, const struct fc_conversation *c, struct fc_example *x,
    bool *recut, struct fc_err *e)
{
	struct fc_err why;
	if (encode_line(s, c, x, recut, &why) == 0)
		return 0;
	return fc_fail(
	    e, "%s: conversation %s: %s", fc_conversations_where(s->input), c->id, why.msg);
}

static bool is_long(const struct session *s, const struct fc_example *x)
{
	return s->max_length && x->n_tok > s->max_length;
}

/* The sides of a pair that are still to come, when the first was read: 1: they are good, 0: one is
 * too long, -1: one is invalid, as why says. */
static int check_sides(struct session *s, struct fc_err *why)
{
	struct fc_example x;
	int n = 0, ret = 1;
	const struct fc_conversation *side = fc_conversations_sides(s->input, &n);
	fc_example_init(&x);
	for (int i = 0; i < n && ret == 1; i++) {
		bool ignored;
		if (encode_named(s, &side[i], &x, &ignored, why) < 0)
			ret = -1;
		else if (is_long(s, &x))
			ret = 0;
	}
	fc_example_release(&x);
	return ret;
}

static void skip_long(struct session *s, struct long_count *n_long)
{
	int n = 0;
	fc_conversations_sides(s->input, &n);
	n_long->n_skipped += 1 + (uint64_t)n;
	fc_conversations_drop_sides(s->input);
}

/* Is a conversation that was not left out of this shard?  side: of the same line as the one
 * before. */
static bool is_of_shard(struct session *s, bool side)
{
	if (side || !counts_what_is_kept(s->opt) || fc_shard_has(&s->opt->shard, s->n_kept_line++))
		return true;
	fc_conversations_drop_sides(s->input);
	return false;
}

/* 1: what was read is in x, 0: it is left out, -1: error.  side: of a pair, and not the first. */
static int take_line(struct session *s, const struct fc_conversation *c, bool side,
    struct fc_example *x, bool *recut, struct long_count *n_long, struct fc_err *e)
{
	const bool skips = s->opt->long_rule == LONG_SKIP;
	struct fc_err why;
	int got = encode_named(s, c, x, recut, &why) < 0 ? -1 : skips && is_long(s, x) ? 0 : 1;
	if (got == 1 && !side && (skips || fc_invalid_asked.rule == FC_INVALID_SKIP))
		got = check_sides(s, &why);
	if (got < 0 && !s->chat && c->form != FC_FORM_TEXT)
		return fc_fail(e, "%s", why.msg); /* which is not the line's fault */
	if (got < 0)
		return fc_conversations_refuse(s->input, &why, e);
	infer_session_count(s, c);
	if (got == 0 && skips) {
		skip_long(s, n_long);
		return 0;
	}
	if (!is_of_shard(s, side))
		return 0;
	if (skips || s->opt->long_rule >= LONG_ROLLING || !is_long(s, x))
		return 1;
	if (s->opt->long_rule == LONG_STOP)
		return fc_fail(e,
		    "%s: conversation %s has %zu tokens, the limit is %zu; see --long",
		    fc_conversations_where(s->input), c->id, x->n_tok, s->max_length);
	cut_long(x, c, s->max_length);
	n_long->n_truncated++;
	return 1;
}

int infer_session_next(
    struct session *s, struct fc_example *x, struct long_count *n_long, struct fc_err *e)
{
	struct fc_conversation c = {0};
	bool recut = false;
	int ret;
	for (;;) {
		int n_side = 0;
		fc_conversations_sides(s->input, &n_side);
		if ((ret = fc_conversations_next(s->input, &c, e)) != 1 ||
		    (ret = take_line(s, &c, n_side > 0, x, &recut, n_long, e)) != 0)
			break;
	}
	s->n_recut += ret == 1 && recut;
	fc_conversation_release(&c);
	return ret;
}

void infer_session_progress(const struct session *s, uint64_t done)
{
	uint64_t used, all;
	fc_conversations_bytes(s->input, &used, &all);
	fc_progress_share(used, all);
	fc_progress_set(done, NULL);
}

size_t infer_batch_tokens(const struct infer_options *o)
{
	enum { LAYERS = 16384 };
	const bool layers = o->offload == INFER_OFFLOAD_LAYERS;
	return layers && !fc_opt_is_given("batch-tokens") ? LAYERS : (size_t)o->batch_tokens;
}

int infer_max_new(const struct infer_options *o, enum fc_conversation_form form)
{
	const bool question = form == FC_FORM_QUESTION || form == FC_FORM_ARENA;
	return o->max_new ? o->max_new : question ? 1024 : 256;
}
