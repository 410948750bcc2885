/* SPDX-License-Identifier: Apache-2.0 */
#include "token/modeltext.h"

#include <string.h>

#include "text/utf8.h"

static bool key_is(const char *key, size_t n, const char *name)
{
	return n == strlen(name) && !memcmp(key, name, n);
}

/* Notes the lists of the object at the scanner. */
static bool find_lists(struct fc_jsonscan *s, struct fc_buf *b, struct fc_modeltext *m)
{
	const char *key;
	size_t n;
	if (!fc_jsonscan_char(s, '{'))
		return false;
	do {
		if (!fc_jsonscan_string(s, b, &key, &n) || !fc_jsonscan_char(s, ':'))
			return false;
		bool vocab = key_is(key, n, "vocab"), merges = key_is(key, n, "merges");
		size_t from = s->i;
		if (!fc_jsonscan_skip(s))
			return false;
		if (vocab) {
			m->vocab = s->p + from;
			m->n_vocab = s->i - from;
		} else if (merges) {
			m->merges = s->p + from;
			m->n_merges = s->i - from;
		}
	} while (fc_jsonscan_char(s, ','));
	return fc_jsonscan_char(s, '}');
}

/* Finds "model" in the outermost object. */
static bool find_model(struct fc_jsonscan *s, struct fc_buf *b, struct fc_modeltext *m)
{
	const char *key;
	size_t n;
	if (!fc_jsonscan_char(s, '{'))
		return false;
	do {
		if (!fc_jsonscan_string(s, b, &key, &n) || !fc_jsonscan_char(s, ':'))
			return false;
		if (key_is(key, n, "model"))
			return find_lists(s, b, m);
		if (!fc_jsonscan_skip(s))
			return false;
	} while (fc_jsonscan_char(s, ','));
	return false;
}

/* Appends p up to list, and null instead of the list.  Returns what follows. */
static const char *leave_out(struct fc_buf *to, const char *p, const char *list, size_t n)
{
	fc_buf_add(to, p, (size_t)(list - p));
	fc_buf_adds(to, " null");
	return list + n;
}

json_t *fc_modeltext_parse(
    struct fc_modeltext *m, const char *p, size_t n, const char *name, struct fc_err *e)
{
	struct fc_jsonscan s = {p, n, 0};
	struct fc_buf b = FC_BUF_INIT;
	size_t bad = fc_utf8_check(p, n);
	*m = (struct fc_modeltext){0};
	if (bad < n) {
		fc_fail(e, "%s: not UTF-8 at byte %zu", name, bad);
		return NULL;
	}
	bool found = find_model(&s, &b, m);
	fc_buf_clear(&b);
	if (!found) /* not what is expected: let the parser say why */
		*m = (struct fc_modeltext){0};
	const char *from = p, *vocab = m->vocab, *merges = m->merges;
	if (merges && (!vocab || merges < vocab)) {
		from = leave_out(&b, from, merges, m->n_merges);
		merges = NULL;
	}
	if (vocab)
		from = leave_out(&b, from, vocab, m->n_vocab);
	if (merges)
		from = leave_out(&b, from, merges, m->n_merges);
	fc_buf_add(&b, from, n - (size_t)(from - p));
	json_t *o = fc_json_text(b.p, b.n, name, e);
	fc_buf_release(&b);
	return o;
}

static int vocab_item(struct fc_pieces *pieces, struct fc_jsonscan *s, struct fc_buf *b,
    const char *where, struct fc_err *e)
{
	const char *piece;
	size_t n;
	int64_t id;
	if (!fc_jsonscan_string(s, b, &piece, &n) || !fc_jsonscan_char(s, ':'))
		return fc_fail(e, "%s: vocab: byte %zu: expected \"PIECE\": ID", where, s->i);
	if (!fc_jsonscan_integer(s, &id))
		return fc_fail(e, "%s: vocab: \"%.*s\": expected an integer", where,
		    n < 64 ? (int)n : 64, piece);
	return fc_pieces_add(pieces, piece, n, id, where, e);
}

/* {"piece": id, ...} */
static int vocab_items(struct fc_pieces *pieces, struct fc_jsonscan *s, struct fc_buf *b,
    const char *where, struct fc_err *e)
{
	if (!fc_jsonscan_char(s, '{'))
		return fc_fail(e, "%s: vocab: expected an object", where);
	if (fc_jsonscan_char(s, '}'))
		return 0;
	do
		if (vocab_item(pieces, s, b, where, e) < 0)
			return -1;
	while (fc_jsonscan_char(s, ','));
	if (!fc_jsonscan_char(s, '}'))
		return fc_fail(e, "%s: vocab: byte %zu: expected , or }", where, s->i);
	return 0;
}

int fc_modeltext_vocab(
    const struct fc_modeltext *text, struct fc_pieces *pieces, const char *where, struct fc_err *e)
{
	struct fc_jsonscan s = {text->vocab, text->n_vocab, 0};
	struct fc_buf b = FC_BUF_INIT;
	if (!text->n_vocab)
		return fc_fail(e, "%s: vocab is missing", where);
	int rc = vocab_items(pieces, &s, &b, where, e);
	fc_buf_release(&b);
	return rc;
}
