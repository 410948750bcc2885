/* SPDX-License-Identifier: Apache-2.0 */
#include "token/tokenizer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"
#include "token/tokparts.h"

/* What one call of encode needs.  Kept for the next one: the cache in it makes it fast. */
struct scratch {
	struct scratch *next;
	struct fc_matcher *matcher;
	struct fc_matches matches;
	struct fc_alignpair normalized;
	struct fc_pretok_work pretok;
	struct fc_tokwork *model;
	struct fc_added_found raw, plain; /* added tokens in the text as given, and normalized */
	/* The last token is none that was added: what follows a cut goes on with its text. */
	bool goes_on;
};

struct fc_tokenizer_pool {
	pthread_mutex_t lock;
	struct scratch *idle;
};

static struct scratch *scratch_take(const struct fc_tokenizer *t)
{
	struct fc_tokenizer_pool *pool = t->pool;
	pthread_mutex_lock(&pool->lock);
	struct scratch *s = pool->idle;
	if (s)
		pool->idle = s->next;
	pthread_mutex_unlock(&pool->lock);
	if (!s) {
		s = FC_NEW(struct scratch);
		s->matcher = fc_matcher_new();
		s->model = fc_tokwork_new(t->model);
	}
	return s;
}

static void scratch_give(struct fc_tokenizer_pool *pool, struct scratch *s)
{
	pthread_mutex_lock(&pool->lock);
	s->next = pool->idle;
	pool->idle = s;
	pthread_mutex_unlock(&pool->lock);
}

static void pool_free(struct fc_tokenizer *t)
{
	struct fc_tokenizer_pool *pool = t->pool;
	if (!pool)
		return;
	for (struct scratch *s = pool->idle, *next; s; s = next) {
		next = s->next;
		fc_matcher_free(s->matcher);
		free(s->matches.v);
		fc_alignpair_release(&s->normalized);
		fc_pretok_work_release(&s->pretok);
		fc_tokwork_free(s->model, t->model);
		fc_added_found_release(&s->raw);
		fc_added_found_release(&s->plain);
		free(s);
	}
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void fc_tokenizer_pool_new(struct fc_tokenizer *t)
{
	t->pool = FC_NEW(struct fc_tokenizer_pool);
	pthread_mutex_init(&t->pool->lock, NULL);
}

void fc_tokenizer_free(struct fc_tokenizer *t)
{
	if (!t)
		return;
	pool_free(t);
	fc_tokmodel_free(t->model);
	fc_normalizer_free(t->normalizer);
	fc_pretok_free(t->pretok);
	fc_decoder_free(t->decoder);
	fc_added_release(&t->added);
	fc_pieces_release(&t->pieces);
	fc_buf_release(&t->bytes);
	free(t->bytes_end);
	free(t->file);
	free(t);
}

void fc_tokens_release(struct fc_tokens *t)
{
	free(t->v);
	*t = (struct fc_tokens){0};
}

static void push_token(struct fc_tokens *out, uint32_t id, struct fc_span span)
{
	FC_GROW(out->v, out->cap, out->n + 1);
	out->v[out->n++] = (struct fc_token){id, span.start, span.end};
}

static void push_added(struct scratch *s, struct fc_tokens *out, const struct fc_added_match *m,
    const struct fc_aligned *text)
{
	push_token(out, m->token->id, fc_aligned_span(text, m->start, m->end));
	s->goes_on = false;
}

/* Text without added tokens, normalized. */
static int encode_plain(const struct fc_tokenizer *t, struct scratch *s, struct fc_aligned text,
    struct fc_tokens *out, struct fc_err *e)
{
	if (!text.n)
		return 0;
	if (fc_pretok_run(t->pretok, t->raw_bytes, s->goes_on, &text, &s->pretok, s->matcher, e) <
	    0)
		return -1;
	s->goes_on = true;
	fc_alignpair_spend(&s->pretok.pair, text.n);
	for (size_t i = 0; i < s->pretok.pieces.n; i++) {
		struct fc_span piece = s->pretok.pieces.v[i];
		const struct fc_symbol *symbol;
		size_t n = fc_tokmodel_encode(t->model, s->model, text.p + piece.start,
		    piece.end - piece.start, t->raw_bytes, &symbol);
		FC_GROW(out->v, out->cap, out->n + n);
		for (size_t k = 0; k < n; k++)
			push_token(out, symbol[k].id,
			    fc_aligned_span(
				&text, piece.start + symbol[k].start, piece.start + symbol[k].end));
	}
	return 0;
}

/* Text without added tokens that match as they are. */
static int encode_raw(const struct fc_tokenizer *t, struct scratch *s, struct fc_aligned text,
    const struct fc_guard *guard, struct fc_tokens *out, struct fc_err *e)
{
	size_t from = 0;
	if (!text.n)
		return 0;
	if (fc_normalizer_run(
		t->normalizer, s->goes_on, &text, &s->normalized, &s->matches, s->matcher, e) < 0)
		return -1;
	fc_alignpair_spend(&s->normalized, text.n);
	fc_added_find(&t->added, true, &text, guard, &s->plain);
	for (size_t i = 0; i < s->plain.n; i++) {
		struct fc_added_match m = s->plain.v[i];
		if (encode_plain(t, s, fc_aligned_slice(&text, from, m.start), out, e) < 0)
			return -1;
		push_added(s, out, &m, &text);
		from = m.end;
	}
	return encode_plain(t, s, fc_aligned_slice(&text, from, text.n), out, e);
}

/* Text between two cuts. */
static int encode_part(const struct fc_tokenizer *t, struct scratch *s, struct fc_aligned text,
    const struct fc_guard *guard, struct fc_tokens *out, struct fc_err *e)
{
	size_t from = 0;
	fc_added_find(&t->added, false, &text, guard, &s->raw);
	for (size_t i = 0; i < s->raw.n; i++) {
		struct fc_added_match m = s->raw.v[i];
		if (encode_raw(t, s, fc_aligned_slice(&text, from, m.start), guard, out, e) < 0)
			return -1;
		push_added(s, out, &m, &text);
		from = m.end;
	}
	return encode_raw(t, s, fc_aligned_slice(&text, from, text.n), guard, out, e);
}

int fc_tokenizer_encode(const struct fc_tokenizer *t, const char *p, size_t n,
    const struct fc_span *guard, size_t n_guard, struct fc_tokens *out, struct fc_err *e)
{
	return fc_tokenizer_encode_cut(t, p, n, guard, n_guard, NULL, 0, out, e);
}

int fc_tokenizer_encode_cut(const struct fc_tokenizer *t, const char *p, size_t n,
    const struct fc_span *guard, size_t n_guard, const uint32_t *cut, size_t n_cut,
    struct fc_tokens *out, struct fc_err *e)
{
	struct fc_aligned text = {p ? p : "", n, NULL, 0};
	struct fc_guard g = {guard, guard ? n_guard : 0};
	size_t before = out->n, from = 0, bad = fc_utf8_check(text.p, n);
	if (n > UINT32_MAX / 4) /* normalizers may make it longer */
		return fc_fail(
		    e, "a text of %zu bytes; at most %" PRIu32 " are encoded", n, UINT32_MAX / 4);
	if (bad < n)
		return fc_fail(e, "text is not UTF-8 at byte %zu", bad);
	struct scratch *s = scratch_take(t);
	int rc = 0;
	fc_alignpair_begin(&s->normalized, fc_growth_max(n));
	fc_alignpair_begin(&s->pretok.pair, fc_growth_max(n));
	s->goes_on = false;
	for (size_t i = 0; i <= n_cut && rc == 0; i++) {
		const size_t to = i < n_cut ? cut[i] : n;
		rc = encode_part(t, s, fc_aligned_slice(&text, from, to), &g, out, e);
		from = to;
	}
	scratch_give(t->pool, s);
	if (rc < 0) {
		struct fc_err why = *e;
		out->n = before;
		fc_fail(e, "%s: %s", t->file, why.msg);
	}
	return rc;
}

static void decode_ids(const struct fc_tokenizer *t, const uint32_t *id, size_t n,
    bool skip_special, bool goes_on, struct fc_buf *out)
{
	struct fc_decoder_list l = {0};
	for (size_t i = 0; i < n; i++) {
		size_t len;
		const struct fc_added_token *added = fc_added_by_id(&t->added, id[i]);
		const char *piece = added ? added->form : fc_pieces_get(&t->pieces, id[i], &len);
		if (!piece || (skip_special && added && added->special))
			continue;
		fc_decoder_list_add(&l, piece, added ? strlen(piece) : len);
	}
	fc_decoder_run(t->decoder, &l, goes_on, out);
	fc_decoder_list_release(&l);
}

void fc_tokenizer_decode(const struct fc_tokenizer *t, const uint32_t *id, size_t n,
    bool skip_special, struct fc_buf *out)
{
	decode_ids(t, id, n, skip_special, false, out);
}

void fc_tokenizer_decode_on(const struct fc_tokenizer *t, const uint32_t *id, size_t n,
    bool skip_special, struct fc_buf *out)
{
	decode_ids(t, id, n, skip_special, true, out);
}

bool fc_tokenizer_spaces_behind(const struct fc_tokenizer *t, uint32_t id)
{
	const struct fc_added_token *added = fc_added_by_id(&t->added, id);
	struct fc_tokens tokens = {0};
	struct fc_buf text = FC_BUF_INIT;
	struct fc_err ignored; /* a token that is no text has no text behind it either */
	bool spaces = false;
	if (!added)
		return false;
	fc_buf_addf(&text, "%s.", added->content);
	if (fc_tokenizer_encode(t, text.p, text.n, NULL, 0, &tokens, &ignored) == 0 &&
	    tokens.n > 1 && tokens.v[0].id == id) {
		size_t n;
		const char *p = fc_tokenizer_bytes(t, tokens.v[1].id, &n);
		spaces = n && *p == ' ';
	}
	fc_tokens_release(&tokens);
	fc_buf_release(&text);
	return spaces;
}

const char *fc_tokenizer_bytes(const struct fc_tokenizer *t, uint32_t id, size_t *n)
{
	*n = 0;
	if (id >= t->n_vocab || !t->bytes.p)
		return "";
	size_t start = id ? t->bytes_end[id - 1] : 0;
	*n = t->bytes_end[id] - start;
	return t->bytes.p + start;
}

const char *fc_tokenizer_piece(const struct fc_tokenizer *t, uint32_t id)
{
	size_t n;
	const struct fc_added_token *added = fc_added_by_id(&t->added, id);
	return added ? added->content : fc_pieces_get(&t->pieces, id, &n);
}

uint32_t fc_tokenizer_find(const struct fc_tokenizer *t, const char *piece)
{
	uint32_t id = fc_pieces_find(&t->pieces, piece, strlen(piece));
	const struct fc_added_token *a =
	    id == FC_NO_TOKEN ? fc_added_by_content(&t->added, piece) : NULL;
	return a ? a->id : id;
}

size_t fc_tokenizer_n_vocab(const struct fc_tokenizer *t)
{
	return t->n_vocab;
}

bool fc_tokenizer_is_special(const struct fc_tokenizer *t, uint32_t id)
{
	const struct fc_added_token *added = fc_added_by_id(&t->added, id);
	return added && added->special;
}

uint32_t fc_tokenizer_bos(const struct fc_tokenizer *t)
{
	return t->bos;
}

uint32_t fc_tokenizer_eos(const struct fc_tokenizer *t)
{
	return t->eos;
}

uint32_t fc_tokenizer_unk(const struct fc_tokenizer *t)
{
	return t->unk;
}

uint32_t fc_tokenizer_pad(const struct fc_tokenizer *t)
{
	return t->pad;
}

bool fc_tokenizer_adds_bos(const struct fc_tokenizer *t)
{
	return t->adds_bos;
}

uint64_t fc_tokenizer_fingerprint(const struct fc_tokenizer *t)
{
	return t->fingerprint;
}
