/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/served/made_tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "text/utf8.h"
#include "token/charclass.h"

struct made_token {
	const char *base; /* once no more are added */
	size_t at, n;
};

static int by_bytes(const void *a, const void *b)
{
	const struct made_token *p = a, *q = b;
	const size_t n = p->n < q->n ? p->n : q->n;
	const int order = n ? memcmp(p->base + p->at, q->base + q->at, n) : 0;
	return order ? order : p->n < q->n ? -1 : p->n > q->n;
}

/* Sorts them and leaves each once. */
static void sort_tokens(struct made_tokenizer *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++)
		m->token[i].base = m->bytes.p;
	if (m->n)
		qsort(m->token, m->n, sizeof *m->token, by_bytes);
	for (size_t i = 0; i < m->n; i++)
		if (!n || by_bytes(&m->token[n - 1], &m->token[i]) != 0)
			m->token[n++] = m->token[i];
	m->n = m->n_sorted = n;
}

static void add_word(struct made_tokenizer *m, const struct reply *r, const struct reply_word *w)
{
	if (!w->is_bytes || w->n < 2) /* single bytes are there anyway */
		return;
	if (m->n >= 2 * m->n_sorted + 65536)
		sort_tokens(m);
	FC_GROW(m->token, m->cap, m->n + 1);
	m->token[m->n++] = (struct made_token){.at = m->bytes.n, .n = w->n};
	fc_buf_add(&m->bytes, r->text.p + w->at, w->n);
}

int infer_made_add(
    struct made_tokenizer *m, const struct reply *r, const char *where, struct fc_err *e)
{
	for (size_t i = 0; i < r->n_token; i++) {
		const struct reply_word *w = &r->token[i].word;
		if (!w->is_bytes)
			return fc_fail(e,
			    "%s: response: token %zu has %s and no bytes; -m, a folder with the "
			    "model's tokenizer, tells what it is",
			    where, i, w->id != FC_NO_TOKEN ? "an id" : "a string");
		add_word(m, r, w);
	}
	for (size_t i = 0; i < r->n_entry; i++)
		add_word(m, r, &r->entry[i].word);
	return 0;
}

/* In the byte-level alphabet. */
static void add_piece(struct fc_buf *b, const char *p, size_t n, uint32_t id)
{
	struct fc_buf piece = FC_BUF_INIT;
	for (size_t i = 0; i < n; i++) {
		char c[4];
		fc_buf_add(&piece, c, fc_utf8_put(c, fc_byte_char((unsigned char)p[i])));
	}
	fc_buf_adds(b, id ? "," : "");
	fc_json_quote(b, piece.p, piece.n);
	fc_buf_addf(b, ":%u", id);
	fc_buf_release(&piece);
}

int infer_made_write(struct made_tokenizer *m, const char *path, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_out *out;
	uint32_t id = 0;
	sort_tokens(m);
	fc_buf_adds(&b,
	    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[],"
	    "\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":"
	    "false,\"trim_offsets\":true,\"use_regex\":false},\"post_processor\":null,\"decoder\":"
	    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_"
	    "regex\":"
	    "false},\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,"
	    "\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":false,"
	    "\"byte_fallback\":false,\"ignore_merges\":false,\"vocab\":{");
	for (; id < 256; id++)
		add_piece(&b, &(char){(char)id}, 1, id);
	for (size_t i = 0; i < m->n; i++)
		add_piece(&b, m->bytes.p + m->token[i].at, m->token[i].n, id++);
	fc_buf_adds(&b, "},\"merges\":[]}}\n");
	int ret = fc_out_open(&out, path, FC_OUT_TEXT, e);
	if (ret == 0 && (ret = fc_out_write(out, b.p, b.n, e)) < 0)
		fc_out_abort(out);
	else if (ret == 0)
		ret = fc_out_commit(out, e);
	fc_buf_release(&b);
	return ret;
}

void infer_made_release(struct made_tokenizer *m)
{
	fc_buf_release(&m->bytes);
	free(m->token);
	*m = (struct made_tokenizer){0};
}
