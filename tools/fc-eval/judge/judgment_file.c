/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* flock */
#include "fc-eval/judge/judgment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "text/jsonl.h"

/* What a file holds: a judgment (game is 0), or the reply to a game (1 or 2) of an item that has no
 * judgment yet. */
struct entry {
	char *key;
	int game;
	uint64_t prompt, system; /* hashes of what was asked, 0: the file does not tell */
	json_t *o;               /* of games: the line */
};

struct eval_judgment_file {
	char *path, *games_path;
	int fd, games_fd; /* games_fd: -1 until there is one */
	enum eval_judgment_sync sync;
	struct entry *entry; /* [n] */
	size_t n, cap;
};

static int open_locked(const char *path, struct fc_err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return fc_fail(e, "open %s:", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		bool held = errno == EWOULDBLOCK;
		fc_fail(e, held ? "%s: another run is writing to it" : "lock %s:", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* Reads the last line if it has no newline.  1: there is one; 0: none. */
static int read_tail(
    int fd, off_t size, off_t *start, struct fc_buf *tail, const char *path, struct fc_err *e)
{
	off_t at = size;
	while (at > 0) {
		char block[4096];
		size_t n = at < (off_t)sizeof block ? (size_t)at : sizeof block;
		if (pread(fd, block, n, at - (off_t)n) != (ssize_t)n)
			return fc_fail(e, "read %s:", path);
		size_t k = n;
		while (k && block[k - 1] != '\n')
			k--;
		at -= (off_t)(n - k);
		if (k)
			break;
	}
	*start = at;
	if (at == size)
		return 0;
	if (size - at > (off_t)FC_LINE_MAX)
		return fc_fail(e, "%s: a last line of more than %zu bytes", path, FC_LINE_MAX);
	size_t n = (size_t)(size - at);
	if (pread(fd, fc_buf_reserve(tail, n), n, at) != (ssize_t)n)
		return fc_fail(e, "read %s:", path);
	tail->n = n;
	return 1;
}

/* Gives a last line without newline one where it is whole, and removes it where it was cut off. */
static int mend_last_line(int fd, const char *path, struct fc_err *e)
{
	struct stat st;
	struct fc_buf tail = FC_BUF_INIT;
	struct fc_err ignored;
	off_t start = 0;
	if (fstat(fd, &st) < 0)
		return fc_fail(e, "stat %s:", path);
	int ret = read_tail(fd, st.st_size, &start, &tail, path, e);
	if (ret == 1) {
		json_t *o = fc_json_text(tail.p, tail.n, path, &ignored);
		if (o) {
			ret = fc_write_all(fd, "\n", 1, path, e);
		} else {
			fc_warn("%s: its last line was cut off; dropping %zu bytes", path, tail.n);
			ret = ftruncate(fd, start) < 0 ? fc_fail(e, "truncate %s:", path) : 0;
		}
		json_decref(o);
	}
	fc_buf_release(&tail);
	return ret;
}

static struct entry *add_entry(struct eval_judgment_file *f)
{
	FC_GROW(f->entry, f->cap, f->n + 1);
	f->entry[f->n] = (struct entry){0};
	return &f->entry[f->n++];
}

static uint64_t hash_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_string(v) ? fc_hash(json_string_value(v), json_string_length(v), 0) : 0;
}

static int load_judgment(
    void *ctx /* struct eval_judgment_file */, json_t *o, const char *where, struct fc_err *e)
{
	struct eval_judgment_file *f = ctx;
	struct eval_judgment x = {0};
	struct fc_buf key = FC_BUF_INIT;
	int ret = eval_judgment_parse(&x, o, where, e);
	if (ret == 0) {
		struct entry *n = add_entry(f);
		eval_judgment_key(
		    &key, x.question, x.model[0], x.model[1], x.judge, x.prompt, x.turn);
		n->key = fc_buf_detach(&key);
		n->prompt = x.kind == EVAL_JUDGMENT_SINGLE ? hash_of(o, "user_prompt")
		    : x.kind == EVAL_JUDGMENT_PAIR
		    ? hash_of(o, "g1_user_prompt")
		    : hash_of(json_array_get(json_object_get(o, "games"), 0), "user_prompt");
		n->system = hash_of(o, "system_prompt");
	}
	eval_judgment_release(&x);
	json_decref(o);
	return ret;
}

static int load_game(
    void *ctx /* struct eval_judgment_file */, json_t *o, const char *where, struct fc_err *e)
{
	struct eval_judgment_file *f = ctx;
	const char *key;
	int64_t game;
	int ret = -1;
	if (fc_json_str(o, "key", NULL, &key, where, e) < 0 ||
	    fc_json_int(o, "game", 0, &game, where, e) < 0)
		goto out;
	if (!key || game < 1 || game > 2 || !json_is_string(json_object_get(o, "judgment"))) {
		fc_fail(e, "%s: expected an answered game: key, game, judgment", where);
		goto out;
	}
	struct entry *n = add_entry(f);
	n->key = fc_strdup(key);
	n->game = (int)game;
	n->prompt = hash_of(o, "user_prompt");
	n->system = hash_of(o, "system_prompt");
	n->o = json_incref(o);
	ret = 0;
out:
	json_decref(o);
	return ret;
}

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strcmp(x->key, y->key);
	return c ? c : x->game < y->game ? -1 : x->game > y->game;
}

static int open_games(struct eval_judgment_file *f, struct fc_err *e)
{
	if (f->games_fd >= 0)
		return 0;
	f->games_fd = open_locked(f->games_path, e);
	return f->games_fd < 0 ? -1 : mend_last_line(f->games_fd, f->games_path, e);
}

int eval_judgment_file_open(struct eval_judgment_file **out, const char *path,
    enum eval_judgment_sync sync, struct fc_err *e)
{
	struct fc_buf games = FC_BUF_INIT;
	struct eval_judgment_file *f = FC_NEW(struct eval_judgment_file);
	*out = f;
	f->path = fc_strdup(path);
	fc_buf_addf(&games, "%s.games", path);
	f->games_path = fc_buf_detach(&games);
	f->games_fd = -1;
	f->sync = sync;
	f->fd = open_locked(path, e);
	if (f->fd < 0 || mend_last_line(f->fd, path, e) < 0 ||
	    fc_jsonl_each(path, load_judgment, f, e) < 0)
		return -1;
	if (fc_file_exists(f->games_path) &&
	    (open_games(f, e) < 0 || fc_jsonl_each(f->games_path, load_game, f, e) < 0))
		return -1;
	if (f->n)
		qsort(f->entry, f->n, sizeof *f->entry, by_key);
	return 0;
}

int eval_judgment_file_close(struct eval_judgment_file *f, bool all_judged, struct fc_err *e)
{
	int ret = 0;
	if (f->fd >= 0 && fdatasync(f->fd) < 0 && errno != EINVAL)
		ret = fc_fail(e, "sync %s:", f->path);
	if (f->fd >= 0)
		close(f->fd);
	if (ret == 0 && all_judged && f->games_fd >= 0 && unlink(f->games_path) < 0)
		ret = fc_fail(e, "remove %s:", f->games_path);
	if (f->games_fd >= 0)
		close(f->games_fd);
	for (size_t i = 0; i < f->n; i++) {
		free(f->entry[i].key);
		json_decref(f->entry[i].o);
	}
	free(f->entry);
	free(f->path);
	free(f->games_path);
	free(f);
	return ret;
}

static const struct entry *find_entry(const struct eval_judgment_file *f, const char *key, int game)
{
	struct entry wanted = {.key = (char *)key, .game = game}; /* only compared */
	return f->n ? bsearch(&wanted, f->entry, f->n, sizeof *f->entry, by_key) : NULL;
}

static bool prompt_differs(const struct entry *x, const struct eval_plan_item *item, int g)
{
	const struct fc_buf *prompt = &item->game[g].prompt;
	return x->prompt && x->prompt != fc_hash(prompt->p, prompt->n, 0);
}

static bool system_differs(const struct entry *x, const struct eval_plan_item *item)
{
	const struct eval_span *system = &item->prompt->system;
	return x->system && x->system != fc_hash(system->p, system->n, 0);
}

/* Is the judgment of another prompt?  A pair whose models were given in the other order has its
 * games in the other order, too. */
static bool is_stale(const struct entry *x, const struct eval_plan_item *item)
{
	return system_differs(x, item) ||
	    (prompt_differs(x, item, 0) && (item->n_game < 2 || prompt_differs(x, item, 1)));
}

static void recall_games(struct eval_judgment_file *f, struct eval_plan_item *item)
{
	for (int g = 0; g < item->n_game; g++) {
		const struct entry *x = find_entry(f, item->key, g + 1);
		if (!x || system_differs(x, item) || prompt_differs(x, item, g))
			continue;
		const json_t *text = json_object_get(x->o, "judgment");
		item->game[g].replied = true;
		fc_buf_add(&item->game[g].reply, json_string_value(text), json_string_length(text));
		item->game[g].about = json_incref(json_object_get(x->o, "about"));
	}
}

int eval_judgment_file_resume(struct eval_judgment_file *f, struct eval_plan *p, size_t *n_done,
    size_t *n_stale, struct fc_err *e)
{
	size_t n = 0;
	*n_done = *n_stale = 0;
	for (size_t i = 0; i < p->n; i++) {
		struct eval_plan_item *item = &p->v[i];
		const struct entry *x = find_entry(f, item->key, 0);
		for (int g = 0; g < item->n_game; g++)
			if (eval_plan_item_fill(item, g, e) < 0)
				return -1;
		if (x) {
			++*n_done;
			*n_stale += is_stale(x, item);
			eval_plan_item_release(item);
			continue;
		}
		recall_games(f, item);
		if (n != i)
			p->v[n] = *item;
		n++;
	}
	p->n = n;
	return 0;
}

static int append_line(struct eval_judgment_file *f, int fd, const char *path, const char *line,
    size_t n, struct fc_err *e)
{
	if (fc_write_all(fd, line, n, path, e) < 0)
		return -1;
	if (f->sync == EVAL_JUDGMENT_SYNC_LINE && fdatasync(fd) < 0 && errno != EINVAL)
		return fc_fail(e, "sync %s:", path);
	return 0;
}

int eval_judgment_file_add(
    struct eval_judgment_file *f, const char *line, size_t n, struct fc_err *e)
{
	return append_line(f, f->fd, f->path, line, n, e);
}

int eval_judgment_file_add_game(
    struct eval_judgment_file *f, const struct eval_plan_item *item, int g, struct fc_err *e)
{
	const struct eval_game *game = &item->game[g];
	const struct eval_span *system = &item->prompt->system;
	struct fc_buf b = FC_BUF_INIT;
	if (open_games(f, e) < 0)
		return -1;
	fc_buf_adds(&b, "{\"key\": ");
	fc_json_quote(&b, item->key, strlen(item->key));
	fc_buf_addf(&b, ", \"game\": %d, \"system_prompt\": ", g + 1);
	fc_json_quote(&b, system->p, system->n);
	fc_buf_adds(&b, ", \"user_prompt\": ");
	fc_json_quote(&b, game->prompt.p, game->prompt.n);
	fc_buf_adds(&b, ", \"judgment\": ");
	fc_json_quote(&b, game->reply.p ? game->reply.p : "", game->reply.n);
	if (game->about) {
		fc_buf_adds(&b, ", \"about\": ");
		fc_json_dump(&b, game->about);
	}
	fc_buf_adds(&b, "}\n");
	int ret = append_line(f, f->games_fd, f->games_path, b.p, b.n, e);
	fc_buf_release(&b);
	return ret;
}
