/* SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "base/door.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/tmpname.h"

/* A file or folder.  named: its folder resolved, its last part as it is; real: all resolved. */
struct place {
	dev_t dev;
	ino_t ino;
	bool exists, folder;
	char *named, *real; /* real: NULL where it does not exist */
	char *shown;        /* for messages */
};

/* The input or output; behind place[0] the files of an input folder, once they are needed. */
struct item {
	const char *what; /* option, NULL: an operand */
	bool output, is_stdout, looked;
	struct place *place;
	size_t n, cap;
};

static struct item *items;
static size_t n_item, cap_item;

static char *resolve_path(const char *path)
{
	char *p = realpath(path, NULL), *own = p ? fc_strdup(p) : NULL;
	free(p);
	return own;
}

/* The resolved folder of path, and its last part; "" for a path that ends in dots. */
static char *resolve_name(const char *path)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	char *bare = fc_memdup0(path, n), *dir = fc_tmpname_folder(bare), *in = resolve_path(dir);
	if (!in && strcmp(dir, bare) != 0)
		in = resolve_name(dir); /* a folder that is not there yet */
	const char *slash = strrchr(bare, '/'), *last = slash && slash[1] ? slash + 1 : bare;
	struct fc_buf b = FC_BUF_INIT;
	if (!strcmp(last, ".") || !strcmp(last, "..") || !strcmp(bare, "/"))
		fc_buf_adds(&b, "");
	else
		fc_buf_addf(&b, "%s%s%s", in ? in : dir, in && !strcmp(in, "/") ? "" : "/", last);
	free(bare);
	free(dir);
	free(in);
	return fc_buf_detach(&b);
}

static struct place *add_place(struct item *x, const char *path)
{
	struct stat st;
	FC_GROW(x->place, x->cap, x->n + 1);
	struct place *p = &x->place[x->n++];
	*p = (struct place){.shown = fc_strdup(path), .named = resolve_name(path)};
	if (stat(path, &st) < 0)
		return p;
	p->exists = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
	p->folder = S_ISDIR(st.st_mode);
	p->dev = st.st_dev;
	p->ino = st.st_ino;
	p->real = resolve_path(path);
	if (!*p->named && p->real) {
		free(p->named);
		p->named = fc_strdup(p->real);
	}
	return p;
}

/* The files of an input folder, and of the folders in it. */
static void add_entries(struct item *x, const char *folder, int depth)
{
	DIR *d = opendir(folder);
	for (struct dirent *entry; d && (entry = readdir(d));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_addf(&b, "%s%s%s", folder,
		    *folder && folder[strlen(folder) - 1] == '/' ? "" : "/", entry->d_name);
		if (add_place(x, b.p)->folder && depth > 1)
			add_entries(x, b.p, depth - 1);
		fc_buf_release(&b);
	}
	if (d)
		closedir(d);
}

/* "-00001-of-00003.gguf" at the end of a name, or NULL: a file that goes on in others beside it. */
static const char *split_part(const char *name)
{
	const char *at = strstr(name, "-of-");
	return at && at - name >= 6 && at[-6] == '-' && strspn(at - 5, "0123456789") == 5 &&
		strspn(at + 4, "0123456789") == 5
	    ? at - 6
	    : NULL;
}

static void add_splits(struct item *x, const char *path)
{
	const char *name = fc_path_last(path), *part = split_part(name);
	if (!part)
		return;
	char *folder = fc_tmpname_folder(path);
	DIR *d = opendir(folder);
	for (struct dirent *entry; d && (entry = readdir(d));) {
		const char *other = entry->d_name, *at = split_part(other);
		if (!at || at - other != part - name ||
		    strncmp(other, name, (size_t)(part - name)) != 0 ||
		    strcmp(at + 6, part + 6) != 0)
			continue;
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_addf(&b, "%.*s%s", (int)(name - path), path, other);
		add_place(x, b.p);
		fc_buf_release(&b);
	}
	if (d)
		closedir(d);
	free(folder);
}

static void look_into(struct item *x)
{
	char *path = fc_strdup(x->place[0].shown);
	if (!x->looked && x->place[0].folder)
		add_entries(x, path, 2);
	else if (!x->looked)
		add_splits(x, path);
	free(path);
	x->looked = true;
}

static bool same_place(const struct place *a, const struct place *b)
{
	if (a->exists && b->exists)
		return a->dev == b->dev && a->ino == b->ino;
	return !a->exists && !b->exists && !strcmp(a->named, b->named);
}

/* Whether a folder above path is this one. */
static bool path_below(const char *path, const struct place *folder)
{
	struct stat st;
	char *p = fc_strdup(path), *slash;
	bool yes = false;
	while (!yes && (slash = strrchr(p, '/'))) {
		slash[slash == p] = 0;
		yes = folder->exists
		    ? stat(p, &st) == 0 && st.st_dev == folder->dev && st.st_ino == folder->ino
		    : !strcmp(p, folder->named);
		if (slash == p)
			break;
	}
	free(p);
	return yes;
}

static bool lies_below(const struct place *x, const struct place *folder)
{
	if (folder->exists && !folder->folder)
		return false;
	return path_below(x->named, folder) || (x->real && path_below(x->real, folder));
}

static _Noreturn void refuse_output(
    const struct item *out, const char *relation, const struct place *it, const struct item *other)
{
	const char *option = out->what ? out->what : "";
	fc_die_usage("%s%s%s%s: %s %s, which is %s%s%s%s; nothing is written there",
	    *option ? "--" : "", option, *option ? " " : "", out->place[0].shown, relation,
	    it->shown, other->output ? "written, too" : "read", other->what ? " (--" : "",
	    other->what ? other->what : "", other->what ? ")" : "");
}

static void compare_input(struct item *out, struct item *in)
{
	const struct place *o = &out->place[0], *i = &in->place[0];
	if (!i->exists)
		return;
	if (same_place(o, i))
		refuse_output(out, "is", i, in);
	if (out->is_stdout)
		return;
	if (lies_below(o, i))
		refuse_output(out, "lies in", i, in);
	if (lies_below(i, o))
		refuse_output(out, "holds", i, in);
	look_into(in);
	for (size_t k = 1; k < in->n; k++) {
		if (same_place(o, &in->place[k]))
			refuse_output(out, "is", &in->place[k], in);
		if (o->exists && o->folder && lies_below(&in->place[k], o))
			refuse_output(out, "holds", &in->place[k], in);
	}
}

static void compare_outputs(const struct item *a, const struct item *b)
{
	const struct place *x = &a->place[0], *y = &b->place[0];
	if (same_place(x, y))
		refuse_output(b, "is", x, a);
	if (a->is_stdout || b->is_stdout)
		return;
	if (lies_below(y, x))
		refuse_output(b, "lies in", x, a);
	if (lies_below(x, y))
		refuse_output(b, "holds", x, a);
}

/* The last item, with all before it. */
static void compare_last(void)
{
	struct item *x = &items[n_item - 1];
	for (size_t i = 0; i + 1 < n_item; i++) {
		if (x->output && items[i].output)
			compare_outputs(&items[i], x);
		else if (x->output)
			compare_input(x, &items[i]);
		else if (items[i].output)
			compare_input(&items[i], x);
	}
}

static struct item *add_item(const char *what, bool output)
{
	FC_GROW(items, cap_item, n_item + 1);
	items[n_item] = (struct item){.what = what, .output = output};
	return &items[n_item++];
}

void fc_door_input(const char *path, const char *what)
{
	if (!path || !strcmp(path, "-"))
		return;
	add_place(add_item(what, false), path);
	compare_last();
}

void fc_door_output(const char *path, const char *what, bool folder)
{
	struct stat st;
	if (!path || !strcmp(path, "-"))
		return;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return;
	add_place(add_item(what, true), path);
	compare_last();
	if (folder) {
		char *part = fc_tmpname_hidden(path, ".part");
		add_place(add_item(what, true), part);
		compare_last();
		free(part);
	}
}

void fc_door_standard_output(void)
{
	struct stat st;
	if (fstat(STDOUT_FILENO, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	struct item *x = add_item(NULL, true);
	x->is_stdout = true;
	FC_GROW(x->place, x->cap, 1);
	x->place[x->n++] = (struct place){.exists = true,
	    .dev = st.st_dev,
	    .ino = st.st_ino,
	    .named = fc_strdup(""),
	    .shown = fc_strdup("standard output")};
	compare_last();
}
