/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "t.h"

static char dir[] = "/tmp/fc-out-XXXXXX";

static int n_entries(const char *path)
{
	int n = 0;
	DIR *d = opendir(path);
	for (struct dirent *entry; d && (entry = readdir(d));)
		n += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	if (d)
		closedir(d);
	return n;
}

static bool holds(const char *path, const char *text)
{
	struct fc_err e;
	struct fc_buf b = FC_BUF_INIT;
	bool same = fc_file_read(path, 1 << 20, &b, &e) == 0 && b.n == strlen(text) &&
	    !memcmp(b.p, text, b.n);
	fc_buf_release(&b);
	return same;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static void test_file(void)
{
	struct fc_err e;
	struct fc_out *o;
	T_OK(fc_out_open(&o, "f", true, &e) == 0 && fc_out_write(o, "one", 3, &e) == 0,
	    "a file is opened and written");
	T_OK(!fc_file_exists("f") && n_entries(".") == 1,
	    "before the commit only a temporary exists");
	T_OK(fc_out_commit(o, &e) == 0 && holds("f", "one") && n_entries(".") == 1,
	    "the commit gives it its name");
	fc_out_open(&o, "f", true, &e);
	fc_out_write(o, "two", 3, &e);
	fc_out_abort(o);
	T_OK(holds("f", "one") && n_entries(".") == 1, "an aborted output leaves the old file");
	T_OK(fc_out_open(&o, "no/such/folder", true, &e) < 0 && strstr(e.msg, "no/such/folder"),
	    "a path that can't be is an error that names it");
	T_OK(fc_out_open(&o, "/dev/full", true, &e) == 0 && fc_out_write(o, "x", 1, &e) < 0 &&
		strstr(e.msg, "No space"),
	    "a full device is an error");
	fc_out_abort(o);
	unlink("f");
}

static void test_folder(void)
{
	struct fc_err e;
	struct fc_outdir *d;
	T_OK(fc_outdir_open(&d, "m/", false, &e) == 0, "a folder is opened");
	char *path = fc_path_join(fc_outdir_tmp(d), "weights");
	put(path, "1");
	free(path);
	T_OK(!fc_file_exists("m"), "it has no name before the commit");
	T_OK(fc_outdir_commit(d, &e) == 0 && holds("m/weights", "1"), "the commit names it");
	T_OK(fc_outdir_open(&d, "m", false, &e) < 0 && strstr(e.msg, "exists"),
	    "an existing folder is refused");
	T_OK(fc_outdir_open(&d, "m", true, &e) == 0, "unless it is to be replaced");
	path = fc_path_join(fc_outdir_tmp(d), "weights");
	put(path, "2");
	free(path);
	T_OK(holds("m/weights", "1"), "the old one stays until the commit");
	T_OK(fc_outdir_commit(d, &e) == 0 && holds("m/weights", "2") && n_entries(".") == 1,
	    "then the new one is there and nothing else");
	fc_outdir_open(&d, "m", true, &e);
	fc_outdir_abort(d);
	T_OK(
	    holds("m/weights", "2") && n_entries(".") == 1, "an aborted folder leaves the old one");
	T_OK(symlink("m", "l") == 0 && fc_outdir_open(&d, "l", true, &e) < 0 &&
		strstr(e.msg, "link") && holds("m/weights", "2"),
	    "what a link points to is not replaced");
	T_OK(fc_outdir_open(&d, "m/weights", true, &e) < 0 && strstr(e.msg, "no folder"),
	    "nor is a file");
	unlink("l");
	unlink("m/weights");
	rmdir("m");
}

/* In a child: opens outputs and ends in the way asked for; returns its status. */
static int child(bool killed)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct fc_err e;
		struct fc_out *o;
		struct fc_outdir *d;
		fc_out_open(&o, "f", true, &e);
		fc_out_write(o, "half", 4, &e);
		fc_outdir_open(&d, "m", false, &e);
		if (killed)
			raise(SIGKILL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(9);
		fc_die("on purpose");
	}
	int status = 0;
	waitpid(pid, &status, 0);
	return status;
}

static void test_early_end(void)
{
	int status = child(false);
	T_OK(WIFEXITED(status) && WEXITSTATUS(status) == FC_EXIT_FAIL, "fc_die() exits with 1");
	T_EQ(n_entries("."), 0, "and removes what was unfinished");
	status = child(true);
	T_OK(WIFSIGNALED(status), "a killed process");
	T_OK(!fc_file_exists("f") && !fc_file_exists("m"), "leaves nothing under a final name");
}

int main(void)
{
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	fc_prog = "out";
	test_file();
	test_folder();
	test_early_end();
	return t_done();
}
