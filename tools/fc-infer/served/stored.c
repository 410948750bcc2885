/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "fc-infer/served/line.h"
#include "fc-infer/served/made_tokenizer.h"
#include "fc-infer/served/served.h"
#include "text/infile.h"
#include "text/jsonl.h"
#include "text/records.h"

struct stored {
	struct served served;
	const struct fc_shard *shard;
	struct reply reply;
	struct fc_writer *writer;
	uint64_t n_seen;          /* lines */
	uint64_t n_before, n_all; /* bytes of the files before this one, and of all; 0: not known */
};

/* What a line says as an example in served.x.  1: done, 0: an error of the server, -1: wrong. */
static int read_line(struct stored *s, json_t *o, const char *where, struct fc_err *e)
{
	struct line line;
	struct fc_conversation c = {0};
	struct fc_err why;
	int ret = -1;
	if (infer_line_find(&line, o, where, e) < 0)
		return -1;
	if (line.error) {
		if (!s->served.n_error++)
			s->served.first_error = fc_strdup(line.error);
		return 0;
	}
	if (infer_reply_read(&s->reply, line.request, line.response, where, e) < 0)
		return -1;
	json_t *members = json_copy(o);
	if (infer_line_text(members, &s->reply, s->served.tokenizer, where, e) == 0 &&
	    infer_line_conversation(&c, members, &line, &s->reply, s->served.opt->train_opening,
		s->n_seen, where, e) == 0) {
		ret = 1;
		if (infer_served_encode(&s->served, &c, &why) < 0 ||
		    infer_served_example(&s->served, &s->reply, &why) < 0)
			ret = fc_fail(e, "%s: conversation %s: %s", where, c.id, why.msg);
	}
	fc_conversation_release(&c);
	json_decref(members);
	return ret;
}

static int take_line(struct stored *s, json_t *o, const char *where, struct fc_err *e)
{
	int ret = 0;
	if (fc_shard_has(s->shard, s->n_seen++)) {
		s->served.n_line++;
		ret = read_line(s, o, where, e);
		if (ret == 1)
			ret = fc_writer_example(s->writer, &s->served.x, e);
		fc_progress_set(s->served.n_line, NULL);
	}
	json_decref(o);
	return ret < 0 ? -1 : 0;
}

/* As fc_jsonl_each(), with the share of the bytes that are read. */
static int read_file(struct stored *s, const char *path, struct fc_err *e)
{
	struct fc_records *records;
	char *p;
	size_t n;
	int got;
	if (fc_records_open(&records, path, e) < 0)
		return -1;
	while ((got = fc_records_next(records, &p, &n, e)) > 0) {
		fc_progress_share(s->n_before + fc_records_bytes(records), s->n_all);
		json_t *o = fc_json_text(p, n, fc_records_where(records), e);
		got = o ? take_line(s, o, fc_records_where(records), e) : -1;
		if (got < 0)
			break;
	}
	s->n_before += fc_records_bytes(records);
	fc_records_close(records);
	return got;
}

struct making {
	struct made_tokenizer made;
	struct reply reply;
};

static int learn_line(void *ctx /* struct making */, json_t *o, const char *where, struct fc_err *e)
{
	struct making *m = ctx;
	struct line line;
	int ret = infer_line_find(&line, o, where, e);
	if (ret == 0 && !line.error) {
		ret = infer_reply_read(&m->reply, line.request, line.response, where, e);
		if (ret == 0)
			ret = infer_made_add(&m->made, &m->reply, where, e);
	}
	json_decref(o);
	return ret;
}

/* Reads all lines for their tokens' bytes, before they are read for their rows. */
static int make_tokenizer(const char *path, char **paths, int n_paths, struct fc_err *e)
{
	struct making m = {.reply.by_bytes = true};
	int ret = 0;
	for (int i = 0; ret == 0 && i < n_paths; i++)
		ret = strcmp(paths[i], "-")
		    ? fc_jsonl_each(paths[i], learn_line, &m, e)
		    : fc_fail(e, "standard input can't be read twice, as --make-tokenizer has to");
	if (ret == 0)
		ret = infer_made_write(&m.made, path, e);
	infer_made_release(&m.made);
	infer_reply_release(&m.reply);
	return ret;
}

int infer_stored(const struct infer_options *o, const struct fc_shard *shard, char **paths,
    int n_paths, struct fc_err *e)
{
	static const char *const standard_input[] = {"-"};
	const char *const *from = n_paths ? (const char *const *)(uintptr_t)paths : standard_input;
	const int n_from = n_paths ? n_paths : 1;
	struct stored s = {.shard = shard, .reply.by_bytes = o->model == NULL};
	struct fc_header h;
	const char *tokenizer = o->model ? o->model : o->make_tokenizer;
	int ret = o->model ? 0 : make_tokenizer(tokenizer, paths, n_paths, e);
	if (ret == 0)
		ret = infer_served_open(&s.served, o, tokenizer, e);
	if (ret == 0 && !o->dry_run) {
		infer_served_header(&s.served, &h);
		ret = fc_writer_open(&s.writer, o->output, &h, e);
		fc_header_release(&h);
		s.n_all = fc_infile_sizes(from, n_from);
		fc_progress_start("conversations", 0);
		for (int i = 0; ret == 0 && i < n_from; i++)
			ret = read_file(&s, from[i], e);
		fc_progress_end();
	}
	if (ret == 0 && s.writer) {
		infer_served_tell(&s.served);
		ret = fc_writer_finish(s.writer, e);
		s.writer = NULL;
	}
	fc_writer_abort(s.writer);
	infer_reply_release(&s.reply);
	infer_served_close(&s.served);
	return ret;
}
