/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* posix_openpt, struct winsize */
#include <dirent.h>
#include <fcntl.h>
#include <omp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/tmpname.h"
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
	T_OK(fc_out_open(&o, "f", FC_OUT_TEXT, &e) == 0 && fc_out_write(o, "one", 3, &e) == 0,
	    "a file is opened and written");
	T_OK(!fc_file_exists("f") && n_entries(".") <= 1, /* none where files need no name */
	    "before the commit it has not its name");
	T_OK(fc_out_commit(o, &e) == 0 && holds("f", "one") && n_entries(".") == 1,
	    "the commit gives it its name");
	fc_out_open(&o, "f", FC_OUT_TEXT, &e);
	fc_out_write(o, "two", 3, &e);
	fc_out_abort(o);
	T_OK(holds("f", "one") && n_entries(".") == 1, "an aborted output leaves the old file");
	T_OK(fc_out_open(&o, "no/such/folder", FC_OUT_TEXT, &e) < 0 &&
		strstr(e.msg, "no/such/folder"),
	    "a path that can't be is an error that names it");
	T_OK(fc_out_open(&o, "/dev/full", FC_OUT_STREAM, &e) == 0 &&
		fc_out_write(o, "x", 1, &e) < 0 && strstr(e.msg, "No space"),
	    "a full device is an error");
	fc_out_abort(o);
	struct fc_buf b = FC_BUF_INIT;
	T_OK(fc_out_whole("f", FC_OUT_TEXT, &b, &e) == 0 && holds("f", ""), "nothing, whole");
	fc_buf_adds(&b, "all");
	T_OK(fc_out_whole("f", FC_OUT_TEXT, &b, &e) == 0 && holds("f", "all"), "a whole text");
	T_OK(fc_out_whole("/dev/full", FC_OUT_TEXT, &b, &e) < 0 && strstr(e.msg, "No space"),
	    "a whole text on a full device is an error");
	fc_buf_release(&b);
	unlink("f");
}

static void test_folder(void)
{
	struct fc_err e;
	struct fc_outdir *d;
	T_OK(fc_outdir_open(&d, "m/", NULL, &e) == 0, "a folder is opened");
	char *path = fc_path_join(fc_outdir_tmp(d), "config.json");
	put(path, "1");
	free(path);
	T_OK(!fc_file_exists("m"), "it has no name before the commit");
	T_OK(fc_outdir_commit(d, &e) == 0 && holds("m/config.json", "1"), "the commit names it");
	T_OK(fc_outdir_open(&d, "m", NULL, &e) < 0 && strstr(e.msg, "exists"),
	    "an existing folder is refused");
	T_OK(fc_outdir_open(&d, "m", &fc_folder_model, &e) == 0, "unless it is to be replaced");
	path = fc_path_join(fc_outdir_tmp(d), "config.json");
	put(path, "2");
	free(path);
	T_OK(holds("m/config.json", "1"), "the old one stays until the commit");
	T_OK(fc_outdir_commit(d, &e) == 0 && holds("m/config.json", "2") && n_entries(".") == 1,
	    "then the new one is there and nothing else");
	fc_outdir_open(&d, "m", &fc_folder_model, &e);
	fc_outdir_abort(d);
	T_OK(holds("m/config.json", "2") && n_entries(".") == 1,
	    "an aborted folder leaves the old one");
	T_OK(symlink("m", "l") == 0 && fc_outdir_open(&d, "l", &fc_folder_model, &e) < 0 &&
		strstr(e.msg, "link") && holds("m/config.json", "2"),
	    "what a link points to is not replaced");
	T_OK(fc_outdir_open(&d, "m/config.json", &fc_folder_model, &e) < 0 &&
		strstr(e.msg, "no folder"),
	    "nor is a file");
	unlink("l");
	unlink("m/config.json");
	rmdir("m");
}

/* The hidden name of this process is in the message, and the file there holds text. */
static bool is_kept(const char *path, const char *in, const char *text, const struct fc_err *e)
{
	char *tmp = fc_tmpname_process(path), *file = in ? fc_path_join(tmp, in) : fc_strdup(tmp);
	bool kept = strstr(e->msg, tmp) && holds(file, text);
	unlink(file);
	if (in)
		rmdir(tmp);
	free(tmp);
	free(file);
	return kept;
}

/* While the work was done another program has made something under the output's name. */
static void test_taken(void)
{
	struct fc_err e;
	struct fc_out *o;
	struct fc_outdir *d;
	fc_out_open(&o, "f", FC_OUT_STREAM, &e);
	fc_out_write(o, "hours", 5, &e);
	put("f", "thesis");
	T_OK(fc_out_commit(o, &e) < 0 && strstr(e.msg, "f: exists and is no stream") &&
		holds("f", "thesis"),
	    "what another program has put under the output's name stays");
	T_OK(is_kept("f", NULL, "hours", &e), "what was made is kept: %s", e.msg);
	unlink("f");
	fc_out_open(&o, "f", FC_OUT_TEXT, &e);
	fc_out_write(o, "hours", 5, &e);
	mkdir("f", 0777);
	T_OK(fc_out_commit(o, &e) < 0 && is_kept("f", NULL, "hours", &e),
	    "also where a folder has taken the name: %s", e.msg);
	rmdir("f");
	for (int replace = 0; replace < 2; replace++) {
		fc_outdir_open(&d, "m", replace ? &fc_folder_model : NULL, &e);
		char *path = fc_path_join(fc_outdir_tmp(d), "config.json");
		put(path, "hours");
		free(path);
		mkdir("m", 0777);
		put("m/thesis", "x");
		T_OK(fc_outdir_commit(d, &e) < 0 && holds("m/thesis", "x"),
		    "a folder with foreign files stays%s", replace ? ", with --force" : "");
		T_OK(is_kept("m", "config.json", "hours", &e), "and so does what was made: %s",
		    e.msg);
		unlink("m/thesis");
		rmdir("m");
	}
	T_OK(n_entries(".") == 0, "nothing else is there");
}

/* What fc_out_resume() returns in another process. */
static int opens_in_another(const char *path, size_t keep_bytes)
{
	int status = 0;
	struct fc_err e;
	struct fc_out *o;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		_exit(fc_out_resume(&o, path, FC_OUT_TEXT, keep_bytes, &e) == 0 ||
		    !strstr(e.msg, "another process is writing"));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? -1 : 0;
}

static void test_resume(void)
{
	struct fc_err e;
	struct fc_out *o, *other;
	T_OK(fc_out_resume(&o, "f", FC_OUT_TEXT, 0, &e) == 0 && fc_out_write(o, "ab", 2, &e) == 0,
	    "a file that may be interrupted is begun");
	fc_out_abort(o);
	T_OK(!fc_file_exists("f") && holds(".f.partial", "ab"), "and stays under a hidden name");
	T_OK(fc_out_resume(&o, "f", FC_OUT_TEXT, 3, &e) < 0 && strstr(e.msg, "another process") &&
		holds(".f.partial", "ab"),
	    "it is refused where less is there than was read of it");
	T_OK(fc_out_resume(&o, "f", FC_OUT_TEXT, 1, &e) == 0 && fc_out_write(o, "c", 1, &e) == 0 &&
		fc_out_commit(o, &e) == 0 && holds("f", "ac") && n_entries(".") == 1,
	    "what is kept of it and the rest get the name");
	T_OK(fc_out_resume(&other, "f", FC_OUT_TEXT, 1, &e) < 0 && strstr(e.msg, ".f.partial") &&
		holds("f", "ac") && n_entries(".") == 1,
	    "a run that read it before that begins no file with a hole");
	unlink("f");
	fc_out_resume(&o, "f", FC_OUT_TEXT, 0, &e);
	fc_out_write(o, "ab", 2, &e);
	bool seen = holds(".f.partial", "ab"); /* opens the file and closes it */
	T_OK(seen && opens_in_another("f", 2) < 0 && holds(".f.partial", "ab"),
	    "a second run is refused, also while the first reads what it wrote");
	T_OK(fc_out_commit(o, &e) == 0 && holds("f", "ab"), "and takes nothing from it");
	unlink("f");
}

/* A name that cannot be had at the end is no surprise of the end. */
static void test_long_names(void)
{
	char name[300] = "";
	struct fc_err e;
	struct fc_out *o;
	struct fc_outdir *d;
	memset(name, 'n', 250); /* a folder's entries have at most 255 bytes */
	T_OK(fc_out_open(&o, name, FC_OUT_TEXT, &e) < 0 && strstr(e.msg, "too long") &&
		n_entries(".") == 0,
	    "a name too long for the hidden one beside it is refused at the start: %s", e.msg);
	T_OK(fc_out_resume(&o, name, FC_OUT_TEXT, 0, &e) < 0 && strstr(e.msg, "too long"),
	    "that of a file that may be interrupted, too");
	T_OK(fc_outdir_open(&d, name, NULL, &e) < 0 && strstr(e.msg, "too long") &&
		n_entries(".") == 0,
	    "and that of a folder");
	name[200] = 0;
	T_OK(fc_out_open(&o, name, FC_OUT_TEXT, &e) == 0 && fc_out_write(o, "x", 1, &e) == 0 &&
		fc_out_commit(o, &e) == 0 && holds(name, "x"),
	    "control: a long name is fine");
	unlink(name);
}

/* What a terminal of so many columns (0: it does not say) has shown when a run that shows progress
 * was ended by a signal; false: there is no terminal. */
static bool show_progress(unsigned short columns, const char *note, char *text, size_t n_text)
{
	const char *slave;
	int status = 0, master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || !(slave = ptsname(master)))
		return false;
	fflush(stdout);
	int fd = open(slave, O_RDWR | O_NOCTTY);
	ioctl(fd, TIOCSWINSZ, &(struct winsize){.ws_row = 24, .ws_col = columns});
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fd, STDERR_FILENO);
		fc_progress_start("steps", 10);
		for (int i = 0; i < 3; i++) {
			nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL);
			fc_progress_set(1, note);
		}
		raise(SIGINT);
		_exit(8);
	}
	waitpid(pid, &status, 0);
	size_t n = 0; /* what was written arrives a little later, and in pieces */
	while (n < n_text - 1 && poll(&(struct pollfd){master, POLLIN, 0}, 1, 500) == 1) {
		ssize_t got = read(master, text + n, n_text - 1 - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	text[n] = 0;
	close(fd);
	close(master);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGINT;
}

/* The bytes of the longest line between two clearings. */
static size_t longest_line(const char *text)
{
	size_t most = 0;
	while (*text) {
		const char *end = strpbrk(text, "\r\033");
		size_t n = end ? (size_t)(end - text) : strlen(text);
		most = n > most ? n : most;
		text = end ? end + strspn(end, "\r\033[KJ") : text + n;
	}
	return most;
}

static void test_terminal(void)
{
	static const char clear[] = "\r\033[J", words[] = "loss 1.2345, a few more words of it";
	char text[4000];
	if (!show_progress(0, NULL, text, sizeof text)) {
		t_skip("there is no terminal to be had");
		return;
	}
	T_OK(strstr(text, "steps"), "progress is shown until the signal");
	T_OK(strlen(text) > 4 && !strcmp(text + strlen(text) - 4, clear), "which clears its line");
	for (unsigned short columns = 0; columns < 130; columns += columns ? 30 : 20) {
		size_t want = columns ? columns - 3u : 200; /* two for the ^C of the terminal */
		show_progress(columns, words, text, sizeof text);
		size_t got = longest_line(text);
		T_OK(got >= 10 && got <= want && strstr(text, "out: "),
		    "%d columns: a line of %zu that can be cleared", (int)columns, got);
		if (columns == 0 || columns >= 110)
			T_OK(strstr(text, words) && strstr(text, "] "), "with all of it");
		if (columns == 80)
			T_OK(strstr(text, " 10 %, 1 steps, ") && strstr(text, words),
			    "the bar and the rate give way to the words");
		if (columns == 50)
			T_OK(strstr(text, "left, loss 1.2345\033"), "no number is cut");
	}
}

/* Opens outputs and ends in the way asked for. */
static void end_early(int sig, bool in_thread)
{
	struct fc_err e;
	struct fc_out *o;
	struct fc_outdir *d;
	bool resumed;
	fc_out_open(&o, "f", FC_OUT_TEXT, &e);
	fc_out_write(o, "half", 4, &e);
	fc_outdir_open(&d, "m", NULL, &e);
	char *path = fc_path_join(fc_outdir_tmp(d), "config.json");
	put(path, "1");
	free(path);
	fc_outdir_open_part(&d, "r", NULL, true, &resumed, &e);
	if (!freopen("/dev/null", "w", stderr))
		_exit(9);
	if (!sig)
		fc_die("on purpose");
#pragma omp parallel num_threads(4)
	if (!in_thread || omp_get_thread_num() == 3)
		raise(sig);
	_exit(8);
}

static int child(int sig, bool in_thread)
{
	int status = 0;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		end_early(sig, in_thread);
	waitpid(pid, &status, 0);
	return status;
}

static const int ends[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXCPU, SIGXFSZ};

static void test_early_end(void)
{
	int status = child(0, false);
	T_OK(WIFEXITED(status) && WEXITSTATUS(status) == FC_EXIT_FAIL, "fc_die() exits with 1");
	T_OK(n_entries(".") == 1 && rmdir(".r.part") == 0,
	    "and removes what was unfinished, but for what can be resumed");
	for (size_t i = 0; i < 2 * FC_LEN(ends); i++) {
		status = child(ends[i / 2], i % 2);
		T_OK(WIFSIGNALED(status) && WTERMSIG(status) == ends[i / 2] &&
			n_entries(".") == 1 && rmdir(".r.part") == 0,
		    "so does signal %d%s, which ends the process", ends[i / 2],
		    i % 2 ? " in another thread" : "");
	}
	signal(SIGHUP, SIG_IGN);
	status = child(SIGHUP, false);
	T_OK(WIFEXITED(status) && WEXITSTATUS(status) == 8, "a signal that is ignored stays so");
	signal(SIGHUP, SIG_DFL);
	if (system("rm -rf .f.* .m.* .r.part") != 0) /* of _exit() */
		T_OK(false, "cannot clean up");
	status = child(SIGKILL, false);
	T_OK(WIFSIGNALED(status), "a killed process");
	T_OK(!fc_file_exists("f") && !fc_file_exists("m"), "leaves nothing under a final name");
	if (system("rm -rf .f.* .m.* .r.part") != 0)
		T_OK(false, "cannot clean up");
}

/* The folder ".m.part" as an earlier run may have left it. */
static void test_leftovers(void)
{
	struct fc_err e;
	struct fc_outdir *d;
	bool resumed;
	mkdir(".m.part", 0777);
	put(".m.part/.fc-varm.journal", "x");
	put(".m.part/LICENSE.old", "x");
	T_OK(fc_outdir_open_part(&d, "m", NULL, false, &resumed, &e) == 0 && !resumed &&
		n_entries(".m.part") == 0,
	    "an unfinished merge is begun anew in an empty folder");
	fc_outdir_abort(d);
	for (int resume = 0; resume < 2; resume++) {
		mkdir(".m.part", 0777);
		mkdir(".m.part/sub", 0777);
		put(".m.part/.fc-varm.journal", "x");
		T_OK(fc_outdir_open_part(&d, "m", NULL, resume, &resumed, &e) < 0 &&
			strstr(e.msg, "sub") && strstr(e.msg, ".m.part") &&
			n_entries(".m.part") == 2,
		    "a subfolder in it is an error%s", resume ? ", resumed or not" : "");
		rmdir(".m.part/sub");
		unlink(".m.part/.fc-varm.journal");
	}
	put(".m.part/thesis", "x");
	T_OK(fc_outdir_open_part(&d, "m", NULL, false, &resumed, &e) < 0 &&
		strstr(e.msg, "thesis") && holds(".m.part/thesis", "x"),
	    "what no merge has left is not touched");
	unlink(".m.part/thesis");
	rmdir(".m.part");
}

int main(void)
{
	/* of a background job some are ignored, and stay so in what it starts */
	for (size_t i = 0; i < FC_LEN(ends); i++)
		signal(ends[i], SIG_DFL);
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	fc_prog = "out";
	test_file();
	test_folder();
	test_taken();
	test_resume();
	test_long_names();
	test_terminal();
	test_early_end();
	test_leftovers();
	return t_done();
}
