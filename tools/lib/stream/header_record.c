/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/record.h"

static void pack_sources(Fc__Header *m, Fc__Source *s, Fc__Source **at, const struct fc_header *h)
{
	for (size_t i = 0; i < h->n_source; i++) {
		fc__source__init(&s[i]);
		s[i].name = h->source[i].name;
		s[i].model = h->source[i].model;
		s[i].tokenizer = h->source[i].tokenizer;
		at[i] = &s[i];
	}
	m->n_source = h->n_source;
	m->source = at;
}

static void pack_history(Fc__Header *m, Fc__Program *p, Fc__Program **at, const struct fc_header *h)
{
	for (size_t i = 0; i < h->n_history; i++) {
		fc__program__init(&p[i]);
		p[i].name = h->history[i].name;
		p[i].version = h->history[i].version;
		p[i].args = h->history[i].args;
		at[i] = &p[i];
	}
	m->n_history = h->n_history;
	m->history = at;
}

int fc_pack_header(struct fc_buf *out, const struct fc_header *h, struct fc_err *e)
{
	Fc__Header m = FC__HEADER__INIT;
	m.magic = FC_STREAM_MAGIC;
	m.major = FC_STREAM_MAJOR;
	m.minor = FC_STREAM_MINOR;
	m.kind = (Fc__Kind)h->kind;
	m.tokenizer = h->tokenizer;
	m.model = h->model;
	m.template_hash = h->template_hash;
	m.n_vocab = h->n_vocab;
	m.n_output = h->n_output == h->n_vocab ? 0 : h->n_output;
	m.top_k = h->top_k;
	m.n_sample = h->n_sample;
	m.sample_temperature = h->sample_temperature;
	m.part = (uint32_t)h->part.i;
	m.parts = (uint32_t)h->part.n;
	m.source_tokenizer = h->source_tokenizer;
	m.source_n_vocab = h->source_n_vocab;
	m.cut = (Fc__Cut)h->cut;
	if (fc_check_header(h, e) < 0)
		return -1;
	Fc__Source *source = FC_ARRAY(Fc__Source, h->n_source);
	Fc__Source **source_at = FC_ARRAY(Fc__Source *, h->n_source);
	Fc__Program *program = FC_ARRAY(Fc__Program, h->n_history);
	Fc__Program **program_at = FC_ARRAY(Fc__Program *, h->n_history);
	pack_sources(&m, source, source_at, h);
	pack_history(&m, program, program_at, h);
	size_t before = out->n;
	fc_pack_record(NULL, out, FC__RECORD__KIND_HEADER, &m.base, NULL);
	free(source);
	free(source_at);
	free(program);
	free(program_at);
	if (out->n - before > FC_HEADER_MAX_BYTES)
		return fc_fail(e, "a header of %zu bytes is beyond the limit", out->n - before);
	return 0;
}

int fc_unpack_header(struct fc_header *h, const Fc__Header *m, struct fc_err *e)
{
	fc_header_init(h, (enum fc_kind)m->kind);
	if (strcmp(m->magic, FC_STREAM_MAGIC))
		return fc_fail(e, "not a stream of the fc tools");
	if (m->major > FC_STREAM_MAJOR)
		return fc_fail(e, "version %u.%u of the format is newer than this program's %d.%d",
		    m->major, m->minor, FC_STREAM_MAJOR, FC_STREAM_MINOR);
	if (m->major != FC_STREAM_MAJOR)
		return fc_fail(e, "there is no version %u.%u of the format", m->major, m->minor);
	if (m->kind < FC__KIND__TOKENS || m->kind > FC__KIND__UPDATE)
		return fc_fail(e, "unknown kind of stream %d", (int)m->kind);
	h->tokenizer = m->tokenizer;
	h->model = m->model;
	h->template_hash = m->template_hash;
	h->n_vocab = m->n_vocab;
	h->top_k = m->top_k;
	h->source_tokenizer = m->source_tokenizer;
	h->source_n_vocab = m->source_n_vocab;
	h->n_output = m->n_output;
	if (m->cut != FC__CUT__WHOLE && m->cut != FC__CUT__PROMPT)
		return fc_fail(e, "unknown way %d of cutting text into tokens", (int)m->cut);
	h->cut = (enum fc_text_cut)m->cut;
	h->n_sample = m->n_sample;
	h->sample_temperature = m->sample_temperature;
	h->part = (struct fc_shard){m->part, m->parts};
	struct fc_header sizes = *h;
	sizes.n_source = m->n_source;
	sizes.n_history = m->n_history;
	if (fc_check_header_sizes(&sizes, e) < 0)
		return -1;
	for (size_t i = 0; i < m->n_source; i++)
		fc_header_add_source(
		    h, m->source[i]->name, m->source[i]->model, m->source[i]->tokenizer);
	for (size_t i = 0; i < m->n_history; i++)
		fc_header_add_program(
		    h, m->history[i]->name, m->history[i]->version, m->history[i]->args);
	return fc_check_header(h, e);
}
