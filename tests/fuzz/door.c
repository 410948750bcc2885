/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules for paths (base/door.h): the bytes make a folder with files, folders, links and hard
 * links, and a set of inputs and outputs in it.  Whether the set is accepted must be what an oracle
 * says that knows nothing but realpath(), stat() and the beginnings of resolved names.
 */
#include "input.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/die.h"

/* A refusal comes back here instead of ending the program. */
static jmp_buf refused;
static _Noreturn void refuse_usage(const char *fmt, ...)
{
	(void)fmt;
	longjmp(refused, 1);
}
#define fc_die_usage refuse_usage
#include "../../tools/lib/base/door.c"

/* A refusal leaves strings behind. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

enum { MOST = 6, LEVELS = 8 };

/* ---- what the bytes say; zeros behind their end ---- */
struct bytes {
	const uint8_t *p, *end;
};

static unsigned take(struct bytes *b, unsigned below)
{
	return b->p < b->end ? *b->p++ % below : 0;
}

/* One to three parts; with dots only where nothing is made of it. */
static void take_path(struct bytes *b, const char *root, bool dots, char *path, size_t size)
{
	static const char *const parts[] = {"a", "b", "c", ".a.part", ".", ".."};
	const unsigned n = 1 + take(b, 3);
	size_t at = 0;
	if (take(b, 8) == 7)
		at += (size_t)snprintf(path, size, "%s/", root);
	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(path + at, size - at, "%s%s",
		    i ? take(b, 8) == 7 ? "//" : "/" : "", parts[take(b, dots ? 6 : 4)]);
	if (dots && take(b, 8) == 7)
		snprintf(path + at, size - at, "/");
}

static void make_entry(struct bytes *b, const char *root)
{
	char path[PATH_MAX], to[PATH_MAX];
	const unsigned kind = take(b, 4);
	take_path(b, root, false, path, sizeof path);
	if (kind == 0 && mkdir(path, 0777) < 0)
		return;
	if (kind == 1) {
		const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
		if (fd >= 0)
			close(fd);
	}
	if (kind < 2)
		return;
	take_path(b, root, kind == 2, to, sizeof to);
	if ((kind == 2 ? symlink(to, path) : link(to, path)) < 0)
		return;
}

/* ---- the oracle ---- */
struct told {
	bool output, folder_output;
	char path[PATH_MAX];
	/* found out */
	bool exists, folder, unknown;
	struct stat st;
	char named[PATH_MAX], real[PATH_MAX]; /* of what does not exist, real is named */
};

/* Where the name stands: its folder resolved, as far as there is one.  false: it ends in dots. */
static bool where_named(const char *path, char *out)
{
	char bare[PATH_MAX], dir[PATH_MAX], in[PATH_MAX];
	snprintf(bare, sizeof bare, "%s", path);
	for (size_t n = strlen(bare); n > 1 && bare[n - 1] == '/'; n--)
		bare[n - 1] = 0;
	char *slash = strrchr(bare, '/');
	const char *last = slash ? slash + 1 : bare;
	if (!strcmp(last, ".") || !strcmp(last, ".."))
		return false;
	snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - bare) : 1, slash ? bare : ".");
	if (!*dir)
		snprintf(dir, sizeof dir, "/");
	if (!realpath(dir, in) && !where_named(dir, in))
		return false;
	return snprintf(out, PATH_MAX, "%s/%s", in, last) < PATH_MAX;
}

static void find_out(struct told *t)
{
	t->exists = stat(t->path, &t->st) == 0;
	t->folder = t->exists && S_ISDIR(t->st.st_mode);
	const bool named = where_named(t->path, t->named);
	if (!t->exists)
		snprintf(t->real, sizeof t->real, "%s", t->named);
	else if (!realpath(t->path, t->real))
		abort();
	else if (!named)
		snprintf(t->named, sizeof t->named, "%s", t->real);
	t->unknown = !t->exists && !named;
}

static bool is_in(const char *path, const char *folder)
{
	const size_t n = strlen(folder);
	return !strncmp(path, folder, n) && (path[n] == '/' || (n == 1 && path[1]));
}

static bool in(const struct told *x, const struct told *folder)
{
	if (folder->exists && !folder->folder)
		return false;
	return is_in(x->named, folder->real) || is_in(x->real, folder->real);
}

static bool same_file(const struct told *a, const struct told *b)
{
	if (a->exists && b->exists)
		return a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino;
	return !a->exists && !b->exists && !strcmp(a->named, b->named);
}

/* What is in the input folder, and in the folders in it. */
static bool meets_entry(const struct told *out, const char *folder, int depth)
{
	bool yes = false;
	DIR *d = opendir(folder);
	for (struct dirent *x; !yes && d && (x = readdir(d));) {
		struct told t = {0};
		if (!strcmp(x->d_name, ".") || !strcmp(x->d_name, ".."))
			continue;
		if (snprintf(t.path, sizeof t.path, "%s/%s", folder, x->d_name) >= PATH_MAX)
			continue;
		find_out(&t);
		yes = same_file(out, &t) || (out->folder && in(&t, out)) ||
		    (depth > 1 && t.folder && meets_entry(out, t.path, depth - 1));
	}
	if (d)
		closedir(d);
	return yes;
}

static bool collide(const struct told *out, const struct told *other)
{
	if (!other->output && !other->exists)
		return false;
	return same_file(out, other) || in(out, other) || in(other, out) ||
	    (!other->output && other->folder && meets_entry(out, other->path, 2));
}

static bool has_collision(const struct told *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			if (i != k && t[i].output && collide(&t[i], &t[k]))
				return true;
	return false;
}

/* ---- the two together ---- */
static void forget(void)
{
	for (size_t i = 0; i < n_item; i++) {
		for (size_t k = 0; k < items[i].n; k++) {
			free(items[i].place[k].named);
			free(items[i].place[k].real);
			free(items[i].place[k].shown);
		}
		free(items[i].place);
	}
	n_item = 0;
}

static bool accepted(const struct told *t, size_t n)
{
	bool yes = false;
	if (setjmp(refused) == 0) {
		for (size_t i = 0; i < n; i++)
			if (t[i].output)
				fc_door_output(t[i].path, "output", t[i].folder_output);
			else
				fc_door_input(t[i].path, "input");
		yes = true;
	}
	forget();
	return yes;
}

/* The unfinished form of a folder, beside it, counts as another output. */
static bool part_of(struct told *part, const struct told *t)
{
	char *name = fc_tmpname_hidden(t->path, ".part");
	*part = (struct told){.output = true};
	snprintf(part->path, sizeof part->path, "%s", name);
	free(name);
	find_out(part);
	return !part->unknown;
}

static bool check(struct bytes *b, const char *root)
{
	static struct told t[MOST], all[2 * MOST];
	const size_t n = 2 + take(b, MOST - 1);
	size_t n_told = 0, n_all = 0;
	for (size_t i = 0; i < n; i++) {
		t[i] = (struct told){.output = i == 0 || take(b, 2)};
		t[i].folder_output = t[i].output && take(b, 2);
		take_path(b, root, true, t[i].path, sizeof t[i].path);
		find_out(&t[i]);
		struct told part = {0};
		if (t[i].unknown || (t[i].folder_output && !part_of(&part, &t[i])))
			continue;
		all[n_all++] = t[i];
		t[n_told++] = t[i];
		if (part.output)
			all[n_all++] = part;
	}
	const bool yes = accepted(t, n_told);
	if (yes != has_collision(all, n_all))
		return true;
	fprintf(stderr, "%s:\n", yes ? "accepted" : "refused without a reason");
	for (size_t i = 0; i < n_all; i++)
		fprintf(stderr, "%s %s (%s, %s)\n", all[i].output ? "output" : "input", all[i].path,
		    all[i].named, all[i].real);
	return false;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	return f->level ? remove(path) : 0;
}

static char in_memory[] = "/dev/shm/fuzz-door-XXXXXX", on_disk[] = "/tmp/fuzz-door-XXXXXX";
static const char *base;

static void remove_base(void)
{
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(base);
}

/* Links with ".." and paths of three parts cannot leave the folder LEVELS above the root. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static int home = -1;
	struct bytes b = {p, p + n};
	char root[PATH_MAX];
	if (home < 0) {
		home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		base = mkdtemp(in_memory) ? in_memory : mkdtemp(on_disk);
		if (home < 0 || !base)
			abort();
		atexit(remove_base);
	}
	snprintf(root, sizeof root, "%s", base);
	for (int i = 0; i < LEVELS; i++) {
		snprintf(root + strlen(root), sizeof root - strlen(root), "/%d", i);
		if (mkdir(root, 0777) < 0)
			abort();
	}
	if (chdir(root) < 0)
		abort();
	for (unsigned i = take(&b, 12); i > 0; i--)
		make_entry(&b, root);
	const bool agreed = check(&b, root);
	if (fchdir(home) < 0 || nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0 || !agreed)
		abort();
	return 0;
}
