/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/child.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int spawn(
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

static void shut(int *fd)
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
	errno = spawn(c, argv, in, out, out_fd);
	int ret = errno ? fc_fail(e, "run %s:", argv[0]) : 0;
	close(in[0]);
	shut(&out[1]);
	c->to = in[1];
	c->from = out[0];
	if (ret < 0) {
		shut(&c->to);
		shut(&c->from);
	}
	return ret;
}

static int end(struct eval_child *c)
{
	int status = 0;
	shut(&c->to);
	shut(&c->from);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int eval_child_wait(struct eval_child *c, const char *name, struct fc_err *e)
{
	int status = end(c);
	if (WIFSIGNALED(status))
		return fc_fail(e, "%s was ended by signal %d", name, WTERMSIG(status));
	if (WEXITSTATUS(status))
		return fc_fail(e, "%s ended with status %d", name, WEXITSTATUS(status));
	return 0;
}

void eval_child_kill(struct eval_child *c)
{
	kill(c->pid, SIGTERM);
	end(c);
}
