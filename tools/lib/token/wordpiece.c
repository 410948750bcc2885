/* SPDX-License-Identifier: Apache-2.0 */
#include "token/wordpiece.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "text/utf8.h"
#include "token/component.h"
#include "token/tokenizer.h"
#include "token/trie.h"

struct wordpiece {
	struct fc_tokmodel base;
	struct fc_trie first, next; /* pieces that begin a word; those that go on, without prefix */
	int64_t max_chars;          /* of a word; a longer one is unknown */
};

static void *work_new(void)
{
	return NULL;
}

static void work_free(void *own)
{
	(void)own; /* there is none */
}

static bool too_long(const struct wordpiece *w, const char *p, size_t n)
{
	int64_t chars = 0;
	for (size_t i = 0; i < n && chars <= w->max_chars; i++)
		chars += ((unsigned char)p[i] & 0xc0) != 0x80;
	return chars > w->max_chars;
}

static void encode_word(const struct fc_tokmodel *m, struct fc_tokwork *out, const char *p,
    size_t n, uint32_t base, bool raw_bytes)
{
	const struct wordpiece *w = (const struct wordpiece *)m;
	size_t before = out->n, i = 0, len = 0;
	(void)raw_bytes; /* never: takes_bytes is false */
	while (i < n && (i || !too_long(w, p, n))) {
		uint32_t id = fc_trie_longest(i ? &w->next : &w->first, p + i, n - i, &len);
		if (id == FC_NO_TOKEN || m->forbidden[id])
			break;
		fc_tokwork_add(out, base, id, i, i + len);
		i += len;
	}
	if (i == n)
		return;
	out->n = before;
	fc_tokwork_add(out, base, m->unk, 0, n);
}

static void wordpiece_free(struct fc_tokmodel *m)
{
	struct wordpiece *w = (struct wordpiece *)m;
	fc_trie_release(&w->first);
	fc_trie_release(&w->next);
	free(w);
}

static const struct fc_tokmodel_class class = {
    wordpiece_free, work_new, work_free, encode_word, NULL};

static int options_json(
    struct wordpiece *w, const json_t *o, const char **prefix, const char *where, struct fc_err *e)
{
	const char *unk;
	if (fc_component_keys(o,
		"vocab unk_token continuing_subword_prefix max_input_chars_per_word", where,
		e) < 0 ||
	    fc_json_str(o, "unk_token", "[UNK]", &unk, where, e) < 0 ||
	    fc_json_str(o, "continuing_subword_prefix", "##", prefix, where, e) < 0 ||
	    fc_json_int(o, "max_input_chars_per_word", 100, &w->max_chars, where, e) < 0)
		return -1;
	if (!*unk)
		return fc_fail(e, "%s: unk_token is empty", where);
	return fc_tokmodel_unk(w->base.pieces, unk, &w->base.unk, where, e);
}

int fc_wordpiece_read(struct fc_tokmodel **out, struct fc_pieces *pieces, const json_t *o,
    const struct fc_modeltext *text, const char *where, struct fc_err *e)
{
	const char *prefix;
	*out = NULL;
	if (fc_modeltext_vocab(text, pieces, where, e) < 0)
		return -1;
	struct wordpiece *w = FC_NEW(struct wordpiece);
	fc_tokmodel_init(&w->base, &class, pieces);
	if (options_json(w, o, &prefix, where, e) < 0) {
		fc_tokmodel_free(&w->base);
		return -1;
	}
	size_t n, n_prefix = strlen(prefix);
	for (uint32_t id = 0; id < pieces->n_id; id++) {
		const char *piece = fc_pieces_get(pieces, id, &n);
		if (!piece)
			continue;
		fc_trie_add(&w->first, piece, n, id);
		if (n > n_prefix && !memcmp(piece, prefix, n_prefix))
			fc_trie_add(&w->next, piece + n_prefix, n - n_prefix, id);
	}
	uint64_t part[] = {w->base.unk, (uint64_t)w->max_chars, fc_hash(prefix, n_prefix, 0)};
	w->base.hash = fc_hash(part, sizeof part, 3);
	*out = &w->base;
	return 0;
}
