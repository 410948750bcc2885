/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/loader.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/prog.h"
#include "nn/cpu/backend.h"

/* Devices with a module, and where one comes from that is not there. */
static const struct {
	const char *name, *remedy;
} modules[] = {
    {"cuda", "it is built by make where the CUDA toolkit is (Debian: nvidia-cuda-toolkit)"},
    {"emu", "it is built by make where a C++ compiler is"},
    {"far", "it is built by make"},
};

int fc_device_parse(struct fc_device_name *d, const char *text, struct fc_err *e)
{
	const size_t n = strcspn(text, ":");
	const char *number = text[n] ? text + n + 1 : NULL;
	bool known = !number && (!strcmp(text, "cpu") || !strcmp(text, "auto"));
	for (size_t i = 0; i < FC_LEN(modules); i++)
		known =
		    known || (n == strlen(modules[i].name) && !strncmp(text, modules[i].name, n));
	if (!known)
		return fc_fail(
		    e, "no compute device is named %s (there are: auto, cpu, cuda, cuda:N)", text);
	if (number &&
	    (strspn(number, "0123456789") != strlen(number) || !*number || strlen(number) > 3))
		return fc_fail(
		    e, "%s: what follows %.*s: is the number of a device", text, (int)n, text);
	snprintf(d->name, sizeof d->name, "%.*s", (int)n, text);
	d->index = number ? atoi(number) : 0;
	return 0;
}

static const char *remedy_for(const char *name)
{
	size_t i = 0;
	while (strcmp(modules[i].name, name))
		i++;
	return modules[i].remedy;
}

/* The folder of this program; of a test in a folder below where programs are built, that one. */
static bool find_folder(char *path, size_t size)
{
	const ssize_t n = readlink("/proc/self/exe", path, size - 1);
	if (n <= 0 || (size_t)n == size - 1)
		return false;
	path[n] = 0;
	for (int up = 0; up < 3; up++) {
		char *slash = strrchr(path, '/');
		if (!slash)
			return false;
		*slash = 0;
		const char *last = fc_path_name(path);
		if (strcmp(last, "unit") && strcmp(last, "bench") && strncmp(last, "fc-", 3))
			break;
	}
	return true;
}

/* Beside the program, or ../lib/fc from there.  The caller's to free(); NULL: in neither. */
static char *find_module(const char *name, struct fc_err *e)
{
	static const char *const places[] = {"", "../lib/fc/"};
	char folder[PATH_MAX], path[PATH_MAX + 64];
	if (!find_folder(folder, sizeof folder)) {
		fc_fail(e, "device %s: the program does not find its own folder", name);
		return NULL;
	}
	for (size_t i = 0; i < FC_LEN(places); i++) {
		snprintf(path, sizeof path, "%s/%slibfc-%s.so", folder, places[i], name);
		if (fc_file_exists(path))
			return fc_strdup(path);
	}
	fc_fail(e, "device %s: no libfc-%s.so in %s or ../lib/fc from there; %s", name, name,
	    folder, remedy_for(name));
	return NULL;
}

static const struct fc_device_module *check_module(void *handle, const char *path, struct fc_err *e)
{
	const struct fc_device_module *m = dlsym(handle, FC_DEVICE_SYMBOL);
	if (!m)
		fc_fail(e, "%s: is no module for a device", path);
	else if (m->abi != FC_DEVICE_ABI || m->ops_bytes != sizeof(struct fc_nn_ops) ||
	    strcmp(m->version, fc_version))
		fc_fail(e,
		    "%s: is of version %s, this program of %s (interfaces %u and %d); both must be "
		    "of one build",
		    path, m->abi == FC_DEVICE_ABI ? m->version : "another time", fc_version, m->abi,
		    FC_DEVICE_ABI);
	else
		return m;
	return NULL;
}

static int open_index(struct fc_nn **nn, const struct fc_device_module *m, void *handle, int index,
    enum fc_compute compute, struct fc_err *e)
{
	struct fc_nn *cpu = NULL;
	const int n = m->count(e);
	if (n < 0)
		return -1;
	if (n == 0)
		return fc_fail(e, "device %s: this machine has none", m->name);
	if (index >= n)
		return fc_fail(e, "device %s:%d: the last one that this machine has is %s:%d",
		    m->name, index, m->name, n - 1);
	if (fc_cpu_open(&cpu, compute, e) < 0)
		return -1;
	if (m->open(nn, index, compute, cpu, e) < 0) {
		fc_nn_close(cpu);
		return -1;
	}
	(*nn)->module = handle;
	(*nn)->cpu = cpu;
	return 0;
}

int fc_device_open(
    struct fc_nn **nn, const struct fc_device_name *d, enum fc_compute compute, struct fc_err *e)
{
	char *path = find_module(d->name, e);
	if (!path)
		return -1;
	int ret = -1;
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		fc_fail(e, "device %s: %s", d->name, dlerror());
	const struct fc_device_module *m = handle ? check_module(handle, path, e) : NULL;
	if (m)
		ret = open_index(nn, m, handle, d->index, compute, e);
	if (ret < 0 && handle)
		dlclose(handle);
	free(path);
	return ret;
}

const char *fc_nn_device(const struct fc_nn *nn)
{
	if (!nn->module)
		return "cpu";
	const struct fc_device_module *m = dlsym(nn->module, FC_DEVICE_SYMBOL);
	return m->name;
}
