/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "fc-view/from_jsonl.h"
#include "fc-view/view.h"
#include "text/base64.h"
#include "text/json.h"

/* Bytes of a tensor in a line of --whole: far less than a line may have. */
enum { TENSOR_BYTES = 12 << 20 };

static void add_numbers(struct fc_buf *b, const char *key, const uint32_t *p, size_t n)
{
	fc_buf_addf(b, ",\"%s\":[", key);
	for (size_t i = 0; i < n; i++)
		fc_buf_addf(b, "%s%" PRIu32, i ? "," : "", p[i]);
	fc_buf_addc(b, ']');
}

/* Five digits tell float16 values apart. */
static void add_reals(struct fc_buf *b, const char *key, const float *p, size_t n)
{
	fc_buf_addf(b, ",\"%s\":[", key);
	for (size_t i = 0; i < n; i++)
		fc_buf_addf(b, "%s%.5g", i ? "," : "", (double)p[i]);
	fc_buf_addc(b, ']');
}

static void add_pieces(const struct view *v, struct fc_buf *b, const uint32_t *id, size_t n)
{
	if (!v->tokenizer)
		return;
	fc_buf_adds(b, ",\"pieces\":[");
	for (size_t i = 0; i < n; i++) {
		const char *piece = view_piece(v, id[i]);
		fc_buf_adds(b, i ? "," : "");
		fc_json_quote(b, piece, strlen(piece));
	}
	fc_buf_addc(b, ']');
}

static void add_flags(struct fc_buf *b, uint8_t flags)
{
	fc_buf_addf(b, "\"role\":\"%s\",\"part\":\"%s\",\"trained\":%s", view_role_name(flags),
	    view_part_name(flags), flags & FC_TOK_TRAINED ? "true" : "false");
}

static void add_segments(struct fc_buf *b, const struct fc_example *x)
{
	fc_buf_adds(b, ",\"segments\":[");
	for (size_t i = 0; i < x->n_seg; i++) {
		fc_buf_addf(b, "%s{\"end\":%" PRIu32 ",", i ? "," : "", x->seg[i].end);
		add_flags(b, x->seg[i].flags);
		fc_buf_addc(b, '}');
	}
	fc_buf_addc(b, ']');
}

static void add_tokens(const struct view *v, struct fc_buf *b, const struct fc_example *x)
{
	add_numbers(b, "tokens", x->tok, x->n_tok);
	add_pieces(v, b, x->tok, x->n_tok);
	add_numbers(b, "ends", x->end, x->n_tok);
	fc_buf_adds(b, ",\"trained\":[");
	for (size_t t = 0; t < x->n_tok; t++)
		fc_buf_addf(b, "%s%d", t ? "," : "", fc_example_trained(x, t));
	fc_buf_adds(b, "],\"roles\":[");
	for (size_t t = 0; t < x->n_tok; t++)
		fc_buf_addf(b, "%s\"%s\"", t ? "," : "", view_role_name(x->flags[t]));
	fc_buf_adds(b, "],\"parts\":[");
	for (size_t t = 0; t < x->n_tok; t++)
		fc_buf_addf(b, "%s\"%s\"", t ? "," : "", view_part_name(x->flags[t]));
	fc_buf_addc(b, ']');
}

static void add_rows(const struct view *v, struct fc_buf *b, const struct fc_example *x)
{
	fc_buf_adds(b, ",\"rows\":[");
	for (size_t r = 0; r < x->n_row; r++) {
		size_t off = x->row_off[r], n = x->row_off[r + 1] - off;
		fc_buf_addf(b, "%s{\"token\":%" PRIu32 ",\"true_logprob\":%.5g", r ? "," : "",
		    x->row_tok[r], (double)x->true_logprob[r]);
		add_numbers(b, "ids", x->entry_id + off, n);
		add_pieces(v, b, x->entry_id + off, n);
		add_reals(b, "logprobs", x->entry_logprob + off, n);
		fc_buf_addc(b, '}');
	}
	fc_buf_addc(b, ']');
}

/* As the object it is; as a string should it be none, or, with --whole, written in another way than
 * the fc tools write it. */
static void add_meta(const struct view *view, struct fc_buf *b, const struct fc_buf *meta)
{
	struct fc_err e;
	json_t *v = meta->n ? fc_json_text(meta->p, meta->n, "meta", &e) : NULL;
	struct fc_buf text = FC_BUF_INIT;
	if (v)
		fc_json_dump(&text, v);
	const bool same = text.n == meta->n && !(text.n && memcmp(text.p, meta->p, text.n));
	if (!meta->n)
		fc_buf_adds(b, "null");
	else if (v && (same || !view->whole))
		fc_buf_add(b, text.p, text.n);
	else
		fc_json_quote(b, meta->p, meta->n);
	fc_buf_release(&text);
	json_decref(v);
}

/* What the header that was told last has. */
struct told {
	size_t n_source;
	uint64_t parts;
};

/* What is chosen from a part is none. */
static void tell_header(struct view *v, struct told *told, const struct fc_reader *r)
{
	struct fc_header h = *fc_reader_header(r);
	*told = (struct told){h.n_source, h.part.n};
	if (v->n_path > 1 || v->shard.n || view_selects(v))
		h.part = (struct fc_shard){0, 0};
	if (v->whole)
		view_header_line_add(&v->text, &h);
}

static void print_header(struct view *v, void *data /* struct told */, struct fc_reader *r)
{
	tell_header(v, data, r);
}

/* The header again, where a later part of the input has brought in sources, or is another part of a
 * whole. */
static void follow_header(struct view *v, struct told *told, const struct fc_reader *r)
{
	const struct fc_header *h = fc_reader_header(r);
	if (told->n_source != h->n_source || told->parts != h->part.n)
		tell_header(v, told, r);
}

static void print_example(
    struct view *v, void *data, const struct fc_reader *r, struct fc_example *x)
{
	const struct fc_header *h = fc_reader_header(r);
	struct fc_buf *b = &v->text;
	follow_header(v, data, r);
	fc_buf_adds(b, "{\"id\":");
	fc_json_quote(b, x->id.p, x->id.n);
	fc_buf_adds(b, ",\"meta\":");
	add_meta(v, b, &x->meta);
	fc_buf_adds(b, ",\"text\":");
	fc_json_quote(b, x->text.p, x->text.n);
	add_segments(b, x);
	add_tokens(v, b, x);
	if (h->kind == FC_KIND_DISTS) {
		add_rows(v, b, x);
		if (h->n_sample)
			fc_buf_addf(b, ",\"n_sample\":%" PRIu32 ",\"sample_temperature\":%.17g",
			    h->n_sample, h->sample_temperature);
		fc_buf_addf(b, ",\"nll\":%.17g,\"n_label\":%" PRIu32 ",\"label_bytes\":%" PRIu32,
		    x->nll, x->n_label, x->label_bytes);
	}
	if (h->n_source) {
		const char *name = h->source[x->source].name;
		fc_buf_adds(b, ",\"source\":");
		fc_json_quote(b, name, strlen(name));
	}
	if (v->whole && x->unknown.n) {
		fc_buf_adds(b, ",\"unknown\":\"");
		fc_base64_encode(b, x->unknown.p, x->unknown.n);
		fc_buf_addc(b, '"');
	}
	fc_buf_adds(b, "}\n");
	view_flush_some(v);
}

/* Bytes [at, at + n) of the part; of the whole tensor nothing but their number without --whole. */
static void print_tensor_bytes(struct view *v, const struct fc_tensor_part *t, size_t at, size_t n)
{
	struct fc_buf *b = &v->text;
	fc_buf_adds(b, "{\"name\":");
	fc_json_quote(b, t->whole.name, strlen(t->whole.name));
	fc_buf_addf(b, ",\"dtype\":\"%s\",\"shape\":[", fc_dtype_name(t->whole.dtype));
	for (int i = 0; i < t->whole.n_dim; i++)
		fc_buf_addf(b, "%s%" PRId64, i ? "," : "", t->whole.dim[i]);
	fc_buf_addf(b, "],\"bytes\":%zu", t->whole.n_bytes);
	if (v->whole) {
		fc_buf_addf(b, ",\"offset\":%zu,\"data\":\"", t->offset + at);
		fc_base64_encode(b, (const char *)t->data + at, n);
		fc_buf_addc(b, '"');
	}
	fc_buf_adds(b, "}\n");
	view_flush_some(v);
}

static void print_tensor(struct view *v, void *data, const struct fc_tensor_part *t)
{
	(void)data;
	size_t at = 0, n;
	if (!v->whole && t->offset)
		return;
	do {
		n = v->whole && t->n - at > TENSOR_BYTES ? TENSOR_BYTES : t->n - at;
		print_tensor_bytes(v, t, at, n);
		at += n;
	} while (at < t->n);
}

static void print_map(struct view *v, void *data, const struct fc_map_entry *entry, size_t n)
{
	(void)data;
	for (size_t i = 0; i < n; i++)
		fc_buf_addf(&v->text,
		    "{\"source\":%" PRIu32 ",\"pivot\":%" PRIu32 ",\"count\":%" PRIu64
		    ",\"rule\":\"%s\",\"chosen\":%s}\n",
		    entry[i].source, entry[i].pivot, entry[i].count,
		    fc_map_rule_name(entry[i].rule), entry[i].chosen ? "true" : "false");
	view_flush_some(v);
}

void view_jsonl(struct view *v)
{
	struct told told = {0};
	view_walk(
	    v, &(struct visitor){&told, print_header, print_example, print_tensor, print_map});
}
