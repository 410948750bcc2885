/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/map/corpus.h"

#include <stdlib.h>

#include "base/mem.h"
#include "stream/reader.h"

static const char *const stdin_path[] = {"-"};

struct align_corpus {
	const struct align_cutter *cutter;
	enum fc_text_cut cut; /* asked for, or of the stream that is read */
	/* conversations */
	struct fc_conversations *lines;
	struct fc_chat *chat;
	struct fc_conversation conversation;
	struct fc_rendered rendered;
	/* streams */
	bool stream;
	const char *const *paths;
	int n_paths, next;
	struct fc_reader *reader; /* of paths[next - 1], NULL between files */
	struct fc_example example;
};

int align_corpus_open(struct align_corpus **out, const char *const *paths, int n_paths, bool stream,
    const char *pivot, const char *template_file, enum fc_text_cut cut,
    const struct align_cutter *cutter, struct fc_err *e)
{
	struct align_corpus *c = FC_NEW(struct align_corpus);
	*out = c;
	c->cutter = cutter;
	c->cut = c->rendered.cut = cut;
	c->stream = stream;
	c->paths = n_paths ? paths : stdin_path;
	c->n_paths = n_paths ? n_paths : 1;
	fc_example_init(&c->example);
	if (!stream &&
	    (fc_chat_open(&c->chat, pivot, template_file, e) < 0 ||
		fc_conversations_open(&c->lines, paths, n_paths, e) < 0)) {
		align_corpus_close(c);
		*out = NULL;
		return -1;
	}
	return 0;
}

void align_corpus_close(struct align_corpus *c)
{
	if (!c)
		return;
	if (c->lines)
		fc_conversations_close(c->lines);
	if (c->chat)
		fc_chat_free(c->chat);
	if (c->reader)
		fc_reader_close(c->reader);
	fc_conversation_release(&c->conversation);
	fc_rendered_release(&c->rendered);
	fc_example_release(&c->example);
	free(c);
}

static int next_line(struct align_corpus *c, struct fc_example *x, struct fc_err *e)
{
	struct fc_err why, named;
	int got;
	while ((got = fc_conversations_next(c->lines, &c->conversation, e)) > 0) {
		fc_example_clear(x);
		if (fc_chat_render(c->chat, &c->conversation, false, &c->rendered, &why) == 0 &&
		    fc_rendered_encode(
			&c->rendered, c->cutter->tokenizer, c->cutter->turn_end, x, &why) == 0)
			return 1;
		fc_fail(&named, "%s: %s", fc_conversations_where(c->lines), why.msg);
		if (fc_conversations_refuse(c->lines, &named, e) < 0)
			return -1;
	}
	return got;
}

/* A stream with text: of tokens or of distributions. */
static int open_stream(struct align_corpus *c, const char *path, struct fc_err *e)
{
	if (fc_reader_open(&c->reader, path, 0, e) < 0)
		return -1;
	enum fc_kind kind = fc_reader_header(c->reader)->kind;
	c->cut = fc_reader_header(c->reader)->cut;
	if (kind != FC_KIND_TOKENS && kind != FC_KIND_DISTS)
		return fc_fail(e, "%s is a %s; expected one of tokens or distributions",
		    fc_reader_name(c->reader), fc_kind_name(kind));
	return 0;
}

static int next_record(struct align_corpus *c, struct fc_example *x, struct fc_err *e)
{
	for (;;) {
		if (!c->reader && c->next == c->n_paths)
			return 0;
		if (!c->reader && open_stream(c, c->paths[c->next++], e) < 0)
			return -1;
		enum fc_read got = fc_reader_example(c->reader, &c->example, e);
		if (got == FC_READ_ERROR)
			return -1;
		if (got == FC_READ_RECORD)
			return align_cutter_recut(c->cutter, c->cut, &c->example, x, e) < 0 ? -1
											    : 1;
		fc_reader_close(c->reader);
		c->reader = NULL;
	}
}

enum fc_text_cut align_corpus_cut(const struct align_corpus *c)
{
	return c->cut;
}

int align_corpus_next(struct align_corpus *c, struct fc_example *x, struct fc_err *e)
{
	return c->stream ? next_record(c, x, e) : next_line(c, x, e);
}
