/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/served/asklog.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "text/lines.h"

struct asklog_slot {
	uint64_t key;
	struct asklog_place place; /* n 0: free */
};

static struct asklog_slot *slot_of(const struct asklog *a, uint64_t key)
{
	size_t i = key & (a->n_slot - 1);
	while (a->slot[i].place.n && a->slot[i].key != key)
		i = (i + 1) & (a->n_slot - 1);
	return &a->slot[i];
}

static void enlarge(struct asklog *a)
{
	struct asklog_slot *old = a->slot;
	const size_t n_old = a->n_slot;
	a->n_slot = n_old ? 2 * n_old : 1024;
	a->slot = FC_ARRAY(struct asklog_slot, a->n_slot);
	for (size_t i = 0; i < n_old; i++)
		if (old[i].place.n)
			*slot_of(a, old[i].key) = old[i];
	free(old);
}

static void remember(struct asklog *a, uint64_t key, const struct asklog_place *p)
{
	if (2 * (a->n + 1) > a->n_slot)
		enlarge(a);
	struct asklog_slot *slot = slot_of(a, key);
	a->n += !slot->place.n;
	*slot = (struct asklog_slot){key, *p};
}

uint64_t infer_asklog_key(const json_t *line)
{
	struct fc_buf b = FC_BUF_INIT;
	json_t *question = json_copy((json_t *)(uintptr_t)line);
	json_object_del(question, "response");
	fc_json_dump(&b, question);
	const uint64_t key = fc_hash(b.p, b.n, 0);
	fc_buf_release(&b);
	json_decref(question);
	return key;
}

/* One line as it was written by an earlier run. */
static int take_old(struct asklog *a, const char *p, size_t n, const char *where, struct fc_err *e)
{
	json_t *o = fc_json_text(p, n, where, e);
	const json_t *request = json_object_get(o, "request");
	const char *id = json_string_value(json_object_get(o, "id"));
	int ret = 0;
	if (!o)
		return -1;
	if (!id || !request || !json_object_get(o, "response"))
		ret = fc_fail(e,
		    "%s: a line with id, request and response is expected; the file is another's",
		    where);
	else
		remember(a, infer_asklog_key(o), &(struct asklog_place){a->end, n});
	json_decref(o);
	return ret;
}

static int read_old(struct asklog *a, struct fc_err *e)
{
	struct fc_lines *lines;
	char *p;
	size_t n;
	int got;
	if (fc_lines_open(&lines, a->path, e) < 0)
		return -1;
	while ((got = fc_lines_next(lines, &p, &n, e)) > 0) {
		const uint64_t n_bytes = fc_lines_bytes(lines) - a->end;
		if (n_bytes == n)
			break; /* without its newline: the last */
		if (n_bytes != n + 1) {
			got = fc_fail(e, "%s: the line ends in CR LF; the file is another's",
			    fc_lines_where(lines));
			break;
		}
		if (!fc_line_is_blank(p, n) && take_old(a, p, n, fc_lines_where(lines), e) < 0) {
			got = -1;
			break;
		}
		a->end += n + 1;
	}
	fc_lines_close(lines);
	return got < 0 ? -1 : 0;
}

int infer_asklog_open(struct asklog *a, const char *path, struct fc_err *e)
{
	*a = (struct asklog){.path = path};
	enlarge(a);
	a->f = path ? fopen(path, "a+b") : tmpfile();
	if (!a->f)
		return fc_fail(e, "open %s:", path ? path : "a temporary file");
	if (path && read_old(a, e) < 0)
		return -1;
	if (ftruncate(fileno(a->f), (off_t)a->end) < 0)
		return fc_fail(e, "truncate %s:", path ? path : "a temporary file");
	return 0;
}

bool infer_asklog_find(const struct asklog *a, uint64_t key, struct asklog_place *p)
{
	*p = slot_of(a, key)->place;
	return p->n > 0;
}

int infer_asklog_add(struct asklog *a, uint64_t key, const char *line, size_t n,
    struct asklog_place *p, struct fc_err *e)
{
	*p = (struct asklog_place){a->end, n};
	if (fseeko(a->f, 0, SEEK_END) < 0 || fwrite(line, 1, n, a->f) != n ||
	    putc('\n', a->f) == EOF || fflush(a->f) != 0)
		return fc_fail(e, "write %s:", a->path ? a->path : "a temporary file");
	a->end += n + 1;
	remember(a, key, p);
	return 0;
}

json_t *infer_asklog_read(struct asklog *a, const struct asklog_place *p, struct fc_err *e)
{
	const char *name = a->path ? a->path : "a temporary file";
	fc_buf_clear(&a->line);
	char *to = fc_buf_reserve(&a->line, p->n);
	if (fseeko(a->f, (off_t)p->at, SEEK_SET) < 0 || fread(to, 1, p->n, a->f) != p->n) {
		fc_fail(e, "read %s:", name);
		return NULL;
	}
	a->line.n = p->n;
	return fc_json_text(a->line.p, a->line.n, name, e);
}

int infer_asklog_close(struct asklog *a, struct fc_err *e)
{
	const int failed = a->f ? fclose(a->f) : 0;
	free(a->slot);
	fc_buf_release(&a->line);
	const char *path = a->path;
	*a = (struct asklog){0};
	return failed ? fc_fail(e, "close %s:", path ? path : "a temporary file") : 0;
}
