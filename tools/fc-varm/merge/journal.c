/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/merge/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/die.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#define NAME ".fc-varm.journal"
#define MAX_BYTES ((size_t)256 << 20)

struct journal {
	int fd;
	char *path;
	char **line; /* [n] of the items found finished, NULL for the others */
	size_t n;
};

/* What the method takes of one scope. */
static void add_parameters(
    struct fc_buf *b, const struct method *m, enum parameter_scope scope, const void *from)
{
	for (const struct take *t = m ? m->takes : NULL; t && t->parameter; t++)
		if (t->parameter->scope == scope)
			fc_buf_addf(b, " %a", varm_parameter_get(t->parameter, from));
}

static void add_item(struct fc_buf *b, const struct plan_item *it)
{
	char shape[192];
	fc_buf_addf(b, "%s %s %s %s", it->out.name, fc_dtype_name(it->out.dtype),
	    fc_tensor_shape_text(&it->out, shape), it->method ? it->method->name : "-");
	fc_buf_addf(b, " %" PRIu64, it->set.seed);
	add_parameters(b, it->method, PARAMETER_SHARED, &it->set);
	for (int k = 0; k < it->n_target; k++) {
		fc_buf_addf(b, " %d", it->target[k].model);
		add_parameters(b, it->method, PARAMETER_OF_TARGET, &it->target_params[k]);
	}
	fc_buf_addc(b, '\n');
}

/* Everything the bytes of the result depend on. */
static uint64_t plan_hash(const struct plan *p)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s %" PRIx64 "\n", fc_version, p->base.fingerprint);
	for (int k = 0; k < p->n_model; k++)
		fc_buf_addf(&b, "%" PRIx64 "\n", p->model[k].fingerprint);
	if (p->rounding.stochastic)
		fc_buf_addf(&b, "stochastic %" PRIu64 "\n", p->rounding.seed);
	for (size_t i = 0; i < p->n; i++)
		add_item(&b, &p->item[i]);
	uint64_t hash = fc_hash(b.p, b.n, 0);
	fc_buf_release(&b);
	return hash;
}

static char *head_line(const struct plan *p)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "fc-varm 1 %016" PRIx64, plan_hash(p));
	return fc_buf_detach(&b);
}

/* "ITEM CHECKSUM MOVED BASE WEIGHT... ." */
static char *item_line(const struct plan *p, size_t i, uint64_t checksum, const struct measured *r)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%zu %016" PRIx64 " %d %a", i, checksum, r->moved, r->base_weight);
	for (int k = 0; k < p->item[i].n_target; k++)
		fc_buf_addf(&b, " %a", r->weight[k]);
	fc_buf_adds(&b, " .");
	return fc_buf_detach(&b);
}

bool varm_journal_find(
    const struct journal *j, const struct plan *p, size_t i, uint64_t *checksum, struct measured *r)
{
	if (!j->line[i])
		return false;
	char *at = strchr(j->line[i], ' ');
	*checksum = strtoull(at, &at, 16);
	r->moved = strtol(at, &at, 10) != 0;
	r->base_weight = strtod(at, &at);
	for (int k = 0; k < p->item[i].n_target; k++)
		r->weight[k] = strtod(at, &at);
	return true;
}

/* Keeps the lines of items; what does not read back as it was written is not used. */
static void take_line(struct journal *j, const struct plan *p, const char *line)
{
	char *end;
	uint64_t checksum;
	errno = 0;
	unsigned long long i = strtoull(line, &end, 10);
	if (errno || end == line || *end != ' ' || i >= j->n)
		return;
	struct measured r = {.weight = FC_ARRAY(double, (size_t)p->item[i].n_target + 1)};
	free(j->line[i]);
	j->line[i] = fc_strdup(line);
	varm_journal_find(j, p, i, &checksum, &r);
	char *same = item_line(p, i, checksum, &r);
	if (strcmp(same, line) != 0) {
		free(j->line[i]);
		j->line[i] = NULL;
	}
	free(same);
	free(r.weight);
}

static int read_lines(struct journal *j, const struct plan *p, bool *usable, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	char *head = head_line(p);
	*usable = false;
	int ret = fc_file_read(j->path, MAX_BYTES, &b, e);
	for (char *at = b.p, *end; ret == 0 && b.p && (end = strchr(at, '\n')); at = end + 1) {
		*end = '\0';
		if (*usable)
			take_line(j, p, at);
		else if (strcmp(at, head) != 0)
			break;
		else
			*usable = true;
	}
	free(head);
	fc_buf_release(&b);
	return ret;
}

static int write_line(struct journal *j, char *line, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s\n", line);
	int ret = fc_write_all(j->fd, b.p, b.n, j->path, e);
	fc_buf_release(&b);
	free(line);
	return ret;
}

int varm_journal_open(struct journal **out, const char *dir, const struct plan *p, bool resume,
    bool *usable, struct fc_err *e)
{
	struct journal *j = FC_NEW(struct journal);
	j->path = fc_path_join(dir, NAME);
	j->line = FC_ARRAY(char *, p->n + 1);
	j->n = p->n;
	*usable = false;
	int ret = 0;
	if (resume && fc_file_exists(j->path))
		ret = read_lines(j, p, usable, e);
	/* a line that was cut off ends here, and reads as nothing */
	j->fd =
	    open(j->path, O_WRONLY | O_CREAT | O_CLOEXEC | (*usable ? O_APPEND : O_TRUNC), 0666);
	if (ret == 0 && j->fd < 0)
		ret = fc_fail(e, "create %s:", j->path);
	if (ret == 0)
		ret = write_line(j, *usable ? fc_strdup("") : head_line(p), e);
	if (ret < 0) {
		varm_journal_close(j);
		j = NULL;
	}
	*out = j;
	return ret;
}

void varm_journal_close(struct journal *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->n; i++)
		free(j->line[i]);
	if (j->fd >= 0)
		close(j->fd);
	free(j->line);
	free(j->path);
	free(j);
}

int varm_journal_add(struct journal *j, const struct plan *p, size_t i, uint64_t checksum,
    const struct measured *r, struct fc_err *e)
{
	return write_line(j, item_line(p, i, checksum, r), e);
}

int varm_journal_remove(const char *dir, struct fc_err *e)
{
	char *path = fc_path_join(dir, NAME);
	int ret = unlink(path) == 0 || errno == ENOENT ? 0 : fc_fail(e, "remove %s:", path);
	free(path);
	return ret;
}
