/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/micro_wire.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

struct sizes {
	uint64_t n_seq, n_tok, n_target, n_entry, first, n_example;
};

void train_micro_write(struct fc_buf *b, const struct train_micro *m)
{
	const size_t n_seq = m->batch.n_seq, n = m->targets.n;
	const struct sizes z = {n_seq, m->off[n_seq], n, m->n_entry, m->first, m->n_example};
	fc_buf_add(b, &z, sizeof z);
	fc_buf_add(b, m->off, (n_seq + 1) * sizeof *m->off);
	fc_buf_add(b, m->row_pos, n * sizeof *m->row_pos);
	fc_buf_add(b, m->tok, z.n_tok * sizeof *m->tok);
	fc_buf_add(b, m->target, n * sizeof *m->target);
	fc_buf_add(b, m->label_weight, n * sizeof *m->label_weight);
	fc_buf_add(b, m->row_weight, n * sizeof *m->row_weight);
	fc_buf_add(b, m->row_off, (n + 1) * sizeof *m->row_off);
	fc_buf_add(b, m->entry_id, m->n_entry * sizeof *m->entry_id);
	fc_buf_add(b, m->entry_logprob, m->n_entry * sizeof *m->entry_logprob);
}

static const char *take(void *to, size_t n, size_t size, const char *p)
{
	if (n)
		memcpy(to, p, n * size);
	return p + n * size;
}

void train_micro_read(struct train_micro *m, const char *p, size_t n_bytes)
{
	const char *const end = p + n_bytes;
	struct sizes z;
	p = take(&z, 1, sizeof z, p);
	train_micro_room(m, z.n_seq, z.n_tok, z.n_target, z.n_entry);
	m->batch.n_seq = z.n_seq;
	m->targets.n = z.n_target;
	m->n_entry = z.n_entry;
	m->first = z.first;
	m->n_example = z.n_example;
	p = take(m->off, z.n_seq + 1, sizeof *m->off, p);
	p = take(m->row_pos, z.n_target, sizeof *m->row_pos, p);
	p = take(m->tok, z.n_tok, sizeof *m->tok, p);
	p = take(m->target, z.n_target, sizeof *m->target, p);
	p = take(m->label_weight, z.n_target, sizeof *m->label_weight, p);
	p = take(m->row_weight, z.n_target, sizeof *m->row_weight, p);
	p = take(m->row_off, z.n_target + 1, sizeof *m->row_off, p);
	p = take(m->entry_id, z.n_entry, sizeof *m->entry_id, p);
	p = take(m->entry_logprob, z.n_entry, sizeof *m->entry_logprob, p);
	assert(p == end);
	(void)end;
	train_micro_point(m);
}
