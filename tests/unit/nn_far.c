/* SPDX-License-Identifier: Apache-2.0 */
/* What the far device is for: that a program which touches a device's memory by itself, or gives an
 * operation the host's, does not pass. */
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "nn/nn.h"
#include "t.h"

static struct fc_nn *far(void)
{
	struct fc_err e;
	struct fc_nn *nn;
	if (fc_nn_open(&nn, "far", FC_COMPUTE_F32, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	return nn;
}

enum { N = 100 };

static void touch(struct fc_nn *nn)
{
	float *p = fc_nn_alloc(nn, N, sizeof *p);
	*(volatile float *)p = 1;
}

static void write_after_release(struct fc_nn *nn)
{
	float *p = fc_nn_alloc(nn, N, sizeof *p);
	fc_nn_free(nn, p);
	fc_nn_zero(nn, p, N * sizeof *p);
}

static void run_over_the_end(struct fc_nn *nn)
{
	float *p = fc_nn_alloc(nn, N, sizeof *p);
	fc_nn_zero(nn, p, (N + 64) * sizeof *p);
}

static void give_the_host(struct fc_nn *nn)
{
	float *p = fc_nn_alloc(nn, 3, sizeof *p);
	uint32_t *row = fc_nn_alloc(nn, 1, sizeof *row);
	fc_gather_rows(nn, p, p, row, 1, 3); /* row: a host array */
}

static void nothing(struct fc_nn *nn)
{
	float *p = fc_nn_alloc(nn, N, sizeof *p);
	fc_nn_zero(nn, p, N * sizeof *p);
	fc_nn_free(nn, p);
}

/* Does a process that does that end before its end? */
static bool ends(void (*what)(struct fc_nn *nn))
{
	int status = 0;
	fflush(stdout);
	const pid_t pid = fork();
	if (pid == 0) {
		what(far());
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status != 0; /* a signal, or what a sanitizer makes of it */
}

static void test_ends(void)
{
	static const struct {
		void (*what)(struct fc_nn *nn);
		const char *name;
		bool ends;
	} cases[] = {
	    {nothing, "an allocation, used and released", false},
	    {touch, "a touch by the program", true},
	    {write_after_release, "a write to what is released", true},
	    {run_over_the_end, "a write over the end", true},
	    {give_the_host, "device memory where a host array is wanted", true},
	};
	for (size_t i = 0; i < FC_LEN(cases); i++)
		T_OK(ends(cases[i].what) == cases[i].ends, "%s %s", cases[i].name,
		    cases[i].ends ? "ends the program" : "is as it should be");
}

static void test_errors(void)
{
	struct fc_nn *nn = far();
	struct fc_err e = {""};
	float *p = fc_nn_alloc(nn, N, sizeof *p), host[N] = {0};
	T_OK(fc_nn_check(nn, &e) == 0, "no error to begin with");
	fc_add(nn, p, host, N);
	T_OK(fc_nn_check(nn, &e) < 0 && strstr(e.msg, "add") && strstr(e.msg, "not the device's"),
	    "the host's memory in an operation: %s", e.msg);
	host[0] = 7;
	fc_nn_get(nn, host, p, sizeof *host);
	T_OK(host[0] == 7, "nothing is done after an error");
	fc_nn_close(nn);
	nn = far();
	p = fc_nn_alloc(nn, N, sizeof *p);
	fc_nn_free(nn, p);
	fc_nn_free(nn, p);
	T_OK(fc_nn_check(nn, &e) < 0 && strstr(e.msg, "release"), "released twice: %s", e.msg);
	fc_nn_close(nn);
}

static void test_memory(void)
{
	struct fc_nn *nn = far();
	struct fc_err e;
	size_t before, n_free, n_total;
	float host[N];
	bool poison = true;
	fc_nn_memory(nn, &before, &n_total);
	float *p = fc_nn_alloc(nn, N, sizeof *p);
	fc_nn_memory(nn, &n_free, &n_total);
	T_OK(before - n_free == N * sizeof *p && n_total == before, "memory is counted");
	T_OK((uintptr_t)p % 64 == 0, "and aligned");
	fc_nn_get(nn, host, p, sizeof host);
	for (int i = 0; i < N; i++)
		poison = poison && isnan(host[i]);
	T_OK(poison, "fresh memory holds no number");
	const struct fc_nn_traffic t = fc_nn_traffic(nn);
	T_OK(t.n_put == 0 && t.n_get == 1 && t.n_bytes == sizeof host, "what moves is counted");
	const float *kept = fc_nn_keep(nn, host, sizeof host);
	T_OK(kept != host && fc_nn_traffic(nn).n_put == 1, "weights get a copy");
	fc_nn_free(nn, kept);
	fc_nn_free(nn, p);
	fc_nn_memory(nn, &n_free, &n_total);
	T_OK(n_free == before && fc_nn_check(nn, &e) == 0, "what is released is free");
	fc_nn_close(nn);
}

/* Out of memory: what is asked for, what is free, what helps. */
static void test_out_of_memory(void)
{
	char said[400] = "";
	int end[2], status = 0;
	fflush(stdout);
	if (pipe(end))
		return;
	const pid_t pid = fork();
	if (pid == 0) {
		dup2(end[1], 2);
		setenv("FC_FAR_MIB", "3", 1);
		struct fc_nn *nn = far();
		fc_nn_set_advice(nn, "--fewer");
		fc_nn_alloc(nn, 1, (size_t)1 << 20);
		fc_nn_alloc(nn, 5, (size_t)1 << 19);
		_exit(0);
	}
	close(end[1]);
	for (size_t n = 0, got;
	     (got = (size_t)read(end[0], said + n, sizeof said - 1 - n)) > 0 && got < sizeof said;)
		n += got;
	close(end[0]);
	waitpid(pid, &status, 0);
	T_OK(WIFEXITED(status) && WEXITSTATUS(status) == 1, "too little memory ends the program");
	T_OK(strstr(said, "2.5 MiB more") && strstr(said, "2 MiB of the device's 3") &&
		strstr(said, "--fewer"),
	    "with a message: %s", said);
}

static void test_names(void)
{
	static const struct {
		const char *device, *message;
	} cases[] = {
	    {"abacus", "abacus"},
	    {"", "no compute device"},
	    {"far:", "number of a device"},
	    {"far:-1", "number of a device"},
	    {"far:99999", "number of a device"},
	    {"far:1", "far:0"},
	    {"cpu:0", "cpu:0"},
	    {"fa", "fa"},
	};
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		struct fc_err e = {""};
		struct fc_nn *nn;
		T_OK(fc_nn_open(&nn, cases[i].device, FC_COMPUTE_F32, &e) < 0 && !nn &&
			strstr(e.msg, cases[i].message),
		    "device '%s': %s", cases[i].device, e.msg);
	}
}

int main(void)
{
	test_ends();
	test_errors();
	test_memory();
	test_out_of_memory();
	test_names();
	return t_done();
}
