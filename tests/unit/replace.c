/* SPDX-License-Identifier: Apache-2.0 */
/* What an output may take the place of, and what a file must be to be read. */
#include <fcntl.h>
#include <omp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "t.h"

static char dir[] = "/tmp/fc-replace-XXXXXX";

static void put(const char *path, const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		exit(1);
	close(fd);
}

/* The first bytes are those of the formats' own specifications. */
static void test_files(void)
{
	static const struct {
		const char *name, *bytes;
		size_t n;
		bool text, stream, gguf, png, jsonl; /* what may replace it */
	} t[] = {
	    {"absent", NULL, 0, true, true, true, true, true},
	    {"empty", "", 0, true, true, true, true, true},
	    {"words", "my thesis\n", 10, true, false, false, false, false},
	    {"lines", "{\"id\": 1}\n", 10, true, false, false, false, true},
	    {"stream", "\x50\x2a\x4d\x18\x04\0\0\0fcs1", 12, false, true, false, false, false},
	    {"zstd", "\x28\xb5\x2f\xfd\0\0", 6, false, true, false, false, false},
	    {"gguf", "GGUF\x03\0\0\0", 8, false, false, true, false, false},
	    {"png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16, false, false, false, true, false},
	    {"safetensors", "\x40\0\0\0\0\0\0\0{\"a\":", 13, false, false, false, false, false},
	};
	struct fc_err e;
	for (size_t i = 0; i < FC_LEN(t); i++) {
		if (t[i].bytes)
			put(t[i].name, t[i].bytes, t[i].n);
		const bool want[] = {[FC_OUT_TEXT] = t[i].text,
		    [FC_OUT_STREAM] = t[i].stream,
		    [FC_OUT_GGUF] = t[i].gguf,
		    [FC_OUT_PNG] = t[i].png,
		    [FC_OUT_JSONL] = t[i].jsonl};
		for (enum fc_out_kind k = FC_OUT_TEXT; k <= FC_OUT_JSONL; k++)
			T_OK((fc_replace_file(t[i].name, k, &e) == 0) == want[k] &&
				(want[k] || strstr(e.msg, t[i].name)),
			    "%s: %s by kind %d", t[i].name, want[k] ? "replaced" : "kept", (int)k);
	}
	put("secret", "my thesis\n", 10);
	chmod("secret", 0);
	chmod(dir, 0777);
	const uid_t me = geteuid();
	if (me == 0 && seteuid(65534) < 0)
		exit(1);
	T_OK(fc_replace_file("secret", FC_OUT_STREAM, &e) < 0 &&
		strstr(e.msg, "secret: is not replaced unseen: Permission"),
	    "what may not be looked at is not replaced");
	if (me == 0 && seteuid(me) < 0)
		exit(1);
	unlink("secret");
	T_OK(fc_replace_file(".", FC_OUT_TEXT, &e) < 0, "a folder is replaced by no file");
	T_OK(fc_replace_file("no/file", FC_OUT_TEXT, &e) < 0 && strstr(e.msg, "no/file"),
	    "nor is a file made where there is no folder");
	T_OK(fc_replace_file("/dev/null", FC_OUT_GGUF, &e) == 0, "a device takes everything");
	for (size_t i = 0; i < FC_LEN(t); i++)
		unlink(t[i].name);
}

static bool replaced(const struct fc_folder_kind *k, const char *names[], const char *because)
{
	struct fc_err e = {""};
	char path[300];
	mkdir("d", 0777);
	for (int i = 0; names[i]; i++) {
		snprintf(path, sizeof path, "d/%s", names[i]);
		if (path[strlen(path) - 1] == '/')
			mkdir(path, 0777);
		else
			put(path, "{\"version\": 1}", 14);
	}
	int ret = fc_replace_folder("d", k, &e);
	if (system("rm -rf d") != 0)
		return false;
	return because ? ret < 0 && strstr(e.msg, because) && strstr(e.msg, "d:") : ret == 0;
}
#define NAMES(...)                                                                                 \
	(const char *[])                                                                           \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static void test_folders(void)
{
	const struct fc_folder_kind *m = &fc_folder_model, *c = &fc_folder_checkpoint;
	struct fc_err e;
	T_OK(fc_replace_folder("absent", m, &e) == 0, "what is absent");
	T_OK(replaced(m, NAMES(NULL), NULL), "an empty folder");
	T_OK(replaced(m,
		 NAMES("config.json", "generation_config.json", "model.safetensors",
		     "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "README.md",
		     "fc-varm.json", "mergekit_config.yml"),
		 NULL),
	    "a model");
	T_OK(replaced(m,
		 NAMES("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
		     "model.safetensors.index.json", "vocab.json", "merges.txt"),
		 NULL),
	    "a model in shards, without a configuration");
	T_OK(replaced(m, NAMES("config.json", "notes.txt"), "notes.txt"), "not with foreign files");
	T_OK(replaced(m, NAMES("config.json", "sub/"), "sub"), "nor with a subfolder");
	T_OK(replaced(m, NAMES("config.json", ".bashrc"), ".bashrc"), "nor with a hidden file");
	T_OK(replaced(m, NAMES("README.md"), "not a model"), "nor what only could be in one");
	T_OK(replaced(m, NAMES("state.json", "model.safetensors"), "state.json"),
	    "nor a checkpoint");
	T_OK(replaced(m, NAMES("config.json", ".fc-varm.journal"), ".fc-varm.journal"),
	    "nor a merge at work");
	T_OK(replaced(c, NAMES("state.json", "model.safetensors"), NULL), "a checkpoint");
	T_OK(replaced(c, NAMES("model.safetensors"), "not a checkpoint"), "not without its state");
	T_OK(replaced(c, NAMES("state.json", "config.json"), "config.json"), "nor a model");
	mkdir("d", 0777);
	put("d/state.json", "{\"global_step\": 5}", 18);
	T_OK(fc_replace_folder("d", c, &e) < 0, "nor with another program's state");
	unlink("d/state.json");
	if (symlink("/etc/passwd", "d/config.json") < 0)
		exit(1);
	T_OK(fc_replace_folder("d", m, &e) < 0 && strstr(e.msg, "config.json"), "nor with a link");
	unlink("d/config.json");
	if (symlink("d", "l") < 0)
		exit(1);
	T_OK(fc_replace_folder("l", m, &e) < 0 && strstr(e.msg, "l: is a link"), "nor is a link");
	unlink("l");
	rmdir("d");
}

/* Each would hold up an open() or a read() for good; alarm() ends the test if it does. */
static void test_unreadable(void)
{
	struct fc_err e;
	struct fc_mapped m;
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	mkfifo("fifo", 0666);
	if (bind(s, (struct sockaddr *)&a, sizeof a) < 0)
		exit(1);
	static const char *const path[] = {"fifo", "/dev/zero", ".", "socket"};
	static const char *const says[] = {"a pipe", "a device", "a folder", "open socket"};
	alarm(20);
	for (size_t i = 0; i < FC_LEN(path); i++) {
		struct fc_buf b = FC_BUF_INIT;
		T_OK(fc_mapped_open(&m, path[i], &e) < 0 && strstr(e.msg, says[i]), "map: %s",
		    says[i]);
		T_OK(fc_file_read(path[i], 1 << 20, &b, &e) < 0 && strstr(e.msg, says[i]),
		    "read: %s", says[i]);
		fc_buf_release(&b);
	}
	struct fc_buf b = FC_BUF_INIT;
	T_OK(fc_file_read_any("/dev/zero", 1 << 20, &b, &e) < 0 && strstr(e.msg, "larger than"),
	    "what never ends is bounded");
	put("sparse", "", 0);
	if (truncate("sparse", (off_t)1 << 40) < 0)
		exit(1);
	fc_buf_release(&b);
	T_OK(fc_file_read("sparse", 1 << 20, &b, &e) < 0 && strstr(e.msg, "larger than") && !b.p,
	    "what is too large is not read");
	alarm(0);
	fc_buf_release(&b);
	close(s);
	unlink("sparse");
	unlink("socket");
	unlink("fifo");
}

/* A child that reads a mapped file which has lost its end; its status, and what it says in text. */
static int cut_off(bool in_thread, bool by_write, char *text, size_t n)
{
	int status = 0, to[2];
	if (pipe(to) < 0)
		exit(1);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct fc_err e;
		struct fc_mapped m;
		struct fc_out *o;
		volatile unsigned sum = 0;
		dup2(to[1], STDERR_FILENO);
		fc_out_open(&o, "out", FC_OUT_TEXT, &e);
		fc_mapped_open(&m, "mapped", &e);
		if (truncate("mapped", 0) < 0)
			_exit(9);
		if (by_write)
			fc_die("%s", fc_out_write(o, m.p, m.n_bytes, &e) < 0 ? e.msg : "no error");
#pragma omp parallel num_threads(3)
		if (!in_thread || omp_get_thread_num() == 2)
			for (size_t i = 0; i < m.n_bytes; i += 4096)
				sum += ((const unsigned char *)m.p)[i];
		_exit(8);
	}
	close(to[1]);
	ssize_t got, at = 0;
	while ((got = read(to[0], text + at, n - 1 - (size_t)at)) > 0)
		at += got;
	text[at] = 0;
	close(to[0]);
	waitpid(pid, &status, 0);
	return status;
}

/* ThreadSanitizer's own write() reads what it is given before the system does. */
#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define N_CUT_OFF 2
#endif
#endif
#ifndef N_CUT_OFF
#define N_CUT_OFF 3
#endif

static void test_cut_off(void)
{
	char text[1000];
	for (int i = 0; i < N_CUT_OFF; i++) {
		put("mapped", "x", 1);
		if (truncate("mapped", 1 << 20) < 0)
			exit(1);
		int status = cut_off(i == 1, i == 2, text, sizeof text);
		T_OK(WIFEXITED(status) && WEXITSTATUS(status) == FC_EXIT_FAIL &&
			!strcmp(text, "replace: mapped: was cut off while it was read\n"),
		    "a mapped file that is cut off is named%s",
		    i == 1       ? ", also by another thread"
			: i == 2 ? ", also by write()"
				 : "");
		unlink("mapped");
		T_OK(rmdir(dir) == 0 && mkdir(dir, 0777) == 0 && chdir(dir) == 0,
		    "and nothing half-written is left");
	}
}

int main(void)
{
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	fc_prog = "replace";
	test_files();
	test_folders();
	test_unreadable();
	test_cut_off();
	T_OK(rmdir(dir) == 0, "no file is left");
	return t_done();
}
