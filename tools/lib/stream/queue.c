/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/queue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/nameset.h"

struct fc_queue {
	struct fc_reader *reader;
	struct fc_example *
	    *v; /* [n_made], the first n are in the queue, the others for later use */
	size_t n, n_made, cap;
	bool ended;
	uint64_t n_read;
	struct fc_nameset ids; /* of all that were read */
};

int fc_queue_open(struct fc_queue **out, const char *path, struct fc_err *e)
{
	struct fc_queue *q = FC_NEW(struct fc_queue);
	*out = q;
	if (fc_reader_open(&q->reader, path, FC_KIND_DISTS, e) == 0)
		return 0;
	free(q);
	*out = NULL;
	return -1;
}

void fc_queue_close(struct fc_queue *q)
{
	if (!q)
		return;
	fc_reader_close(q->reader);
	for (size_t i = 0; i < q->n_made; i++) {
		fc_example_release(q->v[i]);
		free(q->v[i]);
	}
	fc_nameset_release(&q->ids);
	free(q->v);
	free(q);
}

const struct fc_reader *fc_queue_reader(const struct fc_queue *q)
{
	return q->reader;
}

static int note_id(struct fc_queue *q, const struct fc_buf *id, struct fc_err *e)
{
	const char *p = id->p ? id->p : "";
	q->n_read++;
	if (fc_nameset_add(&q->ids, p, id->n))
		return 0;
	return fc_fail(e,
	    "%s: conversation %" PRIu64
	    " has the id '%.*s', which one before it has; give each its "
	    "own",
	    fc_reader_name(q->reader), q->n_read, (int)id->n, p);
}

int fc_queue_fill(struct fc_queue *q, size_t n, struct fc_err *e)
{
	while (q->n < n && !q->ended) {
		if (q->n == q->n_made) {
			FC_GROW(q->v, q->cap, q->n_made + 1);
			q->v[q->n_made] = FC_NEW(struct fc_example);
			fc_example_init(q->v[q->n_made++]);
		}
		enum fc_read got = fc_reader_example(q->reader, q->v[q->n], e);
		if (got == FC_READ_ERROR)
			return -1;
		q->ended = got == FC_READ_END;
		if (q->ended)
			break;
		if (note_id(q, &q->v[q->n]->id, e) < 0)
			return -1;
		q->n++;
	}
	return q->n >= n;
}

size_t fc_queue_n(const struct fc_queue *q)
{
	return q->n;
}

struct fc_example *fc_queue_at(const struct fc_queue *q, size_t i)
{
	return q->v[i];
}

void fc_queue_drop(struct fc_queue *q)
{
	struct fc_example *first = q->v[0];
	memmove(q->v, q->v + 1, (q->n_made - 1) * sizeof *q->v);
	q->v[q->n_made - 1] = first;
	q->n--;
}

bool fc_queue_find(const struct fc_queue *q, const struct fc_buf *id, size_t *at)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct fc_buf *other = &q->v[i]->id;
		*at = i;
		if (other->n == id->n && (id->n == 0 || !memcmp(other->p, id->p, id->n)))
			return true;
	}
	return false;
}
