/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int spawn_child(
    struct eval_child *c, const char *const *argv, const int in[2], const int out[2], int out_fd)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t pipe_signal;
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE); /* ignored here, not there */
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &pipe_signal);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out_fd >= 0 ? out_fd : out[1], STDOUT_FILENO);
	for (int i = 0; i < 2; i++) {
		posix_spawn_file_actions_addclose(&actions, in[i]);
		if (out_fd < 0)
			posix_spawn_file_actions_addclose(&actions, out[i]);
	}
	int ret = posix_spawnp(&c->pid, argv[0], &actions, &attr, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return ret;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int eval_child_start(struct eval_child *c, const char *const *argv, int out_fd, struct fc_err *e)
{
	int in[2], out[2] = {-1, -1};
	*c = (struct eval_child){.to = -1, .from = -1};
	if (pipe(in) < 0)
		return fc_fail(e, "pipe:");
	if (out_fd < 0 && pipe(out) < 0) {
		fc_fail(e, "pipe:");
		close(in[0]);
		close(in[1]);
		return -1;
	}
	errno = spawn_child(c, argv, in, out, out_fd);
	int ret = errno ? fc_fail(e, "run %s:", argv[0]) : 0;
	close(in[0]);
	close_end(&out[1]);
	c->to = in[1];
	c->from = out[0];
	if (ret < 0) {
		close_end(&c->to);
		close_end(&c->from);
	}
	return ret;
}

static int wait_for_end(struct eval_child *c)
{
	int status = 0;
	close_end(&c->to);
	close_end(&c->from);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int eval_child_wait(struct eval_child *c, const char *name, struct fc_err *e)
{
	int status = wait_for_end(c);
	if (WIFSIGNALED(status))
		return fc_fail(e, "%s was ended by signal %d", name, WTERMSIG(status));
	if (WEXITSTATUS(status))
		return fc_fail(e, "%s ended with status %d", name, WEXITSTATUS(status));
	return 0;
}

static void kill_child(struct eval_child *c)
{
	kill(c->pid, SIGTERM);
	wait_for_end(c);
}

/* Writes what of out's bytes from *n_written on the pipe takes; closes it behind the last. */
static void write_some(struct eval_child *c, const struct fc_buf *out, size_t *n_written)
{
	const ssize_t n = write(c->to, out->p + *n_written, out->n - *n_written);
	if (n > 0)
		*n_written += (size_t)n;
	const bool stopped =
	    n < 0 && errno != EAGAIN && errno != EINTR; /* the child reads no more */
	if (stopped || *n_written == out->n)
		close_end(&c->to);
}

static int exchange_bytes(struct eval_child *c, const char *name, const struct fc_buf *out,
    int (*take)(void *ctx, const char *p, size_t n, struct fc_err *e), void *ctx /* take's */,
    struct fc_err *e)
{
	char block[65536];
	size_t n_written = 0;
	fcntl(c->to, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct pollfd fd[2] = {{c->from, POLLIN, 0}, {c->to, POLLOUT, 0}};
		if (poll(fd, c->to < 0 ? 1 : 2, -1) < 0 && errno != EINTR)
			return fc_fail(e, "poll:");
		if (c->to >= 0 && fd[1].revents)
			write_some(c, out, &n_written);
		const ssize_t n = fd[0].revents ? read(c->from, block, sizeof block) : -1;
		if (n < 0 && fd[0].revents && errno != EINTR)
			return fc_fail(e, "read from %s:", name);
		if (n >= 0 && take(ctx, block, (size_t)n, e) < 0)
			return -1;
		if (n == 0)
			return 0;
	}
}

int eval_child_exchange(const char *const *argv, const char *name, const struct fc_buf *out,
    int (*take)(void *ctx, const char *p, size_t n, struct fc_err *e), void *ctx /* take's */,
    struct fc_err *e)
{
	struct eval_child c;
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	int ret = eval_child_start(&c, argv, -1, e);
	if (ret == 0) {
		ret = exchange_bytes(&c, name, out, take, ctx, e);
		if (ret < 0)
			kill_child(&c);
		else
			ret = eval_child_wait(&c, name, e);
	}
	signal(SIGPIPE, old);
	return ret;
}
