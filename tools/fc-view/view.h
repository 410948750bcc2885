/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VIEW_VIEW_H
#define FC_VIEW_VIEW_H

#include "base/file.h"
#include "base/opt.h"
#include "base/shard.h"
#include "stream/reader.h"
#include "stream/writer.h"
#include "token/tokenizer.h"

/*
 * fc-view: main parses options, walk goes through the inputs and hands records to a mode: summary
 * (the header), as_jsonl, as_tsv, stats, verify (spelling: do tokens spell their text?), or
 * cutjoin, which writes a stream again; pairing knows what is not to be parted.  from_jsonl makes a
 * stream of lines (line_header, line_example, line_other: what a line says; member: what it may
 * hold).  plain shows text, as_fingerprint is of models.
 */

/* Of records that follow each other, the answers to one prompt that are a pair, which are worth
 * something together only.  {0} before the first. */
struct view_pairing {
	char *id; /* of the pair that the record before is of, or NULL */
};

struct view {
	/* options */
	bool header, stats, verify, jsonl, tsv, stream, fingerprint, from_jsonl, in_turn, whole;
	struct fc_strs id;
	const char *name;       /* of --stream's only source, or NULL */
	const char *shard_text; /* I/N, or NULL */
	struct fc_shard shard;
	uint64_t limit, skip; /* limit 0: none */
	const char *output, *tokenizer_dir;
	char **path; /* [n_path], at least one: streams, or the model of --fingerprint */
	int n_path;
	struct fc_reader **reader; /* [n_path] NULL, or opened already */

	uint64_t n_unit;          /* records that --id lets through, a pair as one */
	uint64_t n_seen, n_taken; /* of them, in the shard; of these, after --skip */
	uint64_t n_bytes;         /* of the inputs, as far as they were read */
	struct fc_out *out;
	struct view_pairing pairing;    /* of the records that --id lets through */
	struct fc_tokenizer *tokenizer; /* NULL without -t */
	struct fc_buf text;             /* to be written to out */
};

/*
 * What a mode does with the records of all inputs, one after the other.  header, which may be NULL,
 * comes before each input's records; the others get the records that were selected, and example
 * may change its own.  data is the mode's own.
 */
struct visitor {
	void *data;
	void (*header)(struct view *v, void *data, struct fc_reader *r);
	void (*example)(
	    struct view *v, void *data, const struct fc_reader *r, struct fc_example *x);
	void (*tensor)(struct view *v, void *data, const struct fc_tensor_part *part);
	void (*map)(struct view *v, void *data, const struct fc_map_entry *entry, size_t n);
};
void view_walk(struct view *v, const struct visitor *visitor);
/* Are some of the records asked for, otherwise than by --shard? */
bool view_selects(const struct view *v);

/* Text for the output, written in large pieces. */
void view_flush(struct view *v);
void view_flush_some(struct view *v); /* only when there is a large piece */
/* Appends n bytes as fc_buf_add_escaped() does, backslashes as \\. */
void view_add_plain(struct fc_buf *b, const char *p, size_t n);
/* How the vocabulary spells the token; "" where it does not. */
const char *view_piece(const struct view *v, uint32_t id);
/* By enum fc_role and enum fc_part; NULL behind them. */
extern const char *const view_role_words[], *const view_part_words[];
const char *view_role_name(uint8_t flags);
const char *view_part_name(uint8_t flags);

/* Memory between calls.  {0} is empty. */
struct view_spelling {
	struct fc_tokens tokens;
	struct fc_buf words, own;
};
/* Do the tokens spell the text?  If not, says which does not. */
int view_spelling_check(struct view_spelling *s, const struct fc_tokenizer *t,
    const struct fc_example *x, struct fc_err *e);
void view_spelling_release(struct view_spelling *s);
/* Refuses a tokenizer that is not the stream's. */
int view_tokenizer_check(const struct view *v, const struct fc_reader *r, struct fc_err *e);

/* Is x of the pair that the record before is of?  To be asked of every record. */
bool view_pairing_goes_on(struct view_pairing *p, const struct fc_example *x);
void view_pairing_release(struct view_pairing *p);

/* The next record of any kind; what is in it is x if it is an example. */
enum fc_read view_read_record(struct fc_reader *r, struct fc_example *x, struct fc_err *e);

void view_header(struct view *v);
void view_stats(struct view *v);
void view_verify(struct view *v);
void view_jsonl(struct view *v);
void view_tsv(struct view *v);
void view_stream(struct view *v);
void view_from_jsonl(struct view *v);
void view_fingerprint(struct view *v);

#endif
