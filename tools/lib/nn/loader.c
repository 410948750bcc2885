/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/loader.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/launcher.h"
#include "base/mem.h"
#include "base/module.h"
#include "base/prog.h"
#include "nn/cpu/backend.h"

/* Devices with a module, and where one comes from that is not there. */
static const struct {
	const char *name, *remedy;
} modules[] = {
    {"cuda", "it is built by make cuda, where the CUDA Toolkit is"},
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
	d->index = number ? (int)strtol(number, NULL, 10) : FC_DEVICE_OWN;
	return 0;
}

static const char *remedy_for(const char *name)
{
	size_t i = 0;
	while (strcmp(modules[i].name, name))
		i++;
	return modules[i].remedy;
}

static int check_module(const struct fc_module *found, struct fc_err *e)
{
	const struct fc_device_module *m = found->symbol;
	if (m->abi == FC_DEVICE_ABI && m->ops_bytes == sizeof(struct fc_nn_ops) &&
	    !strcmp(m->version, fc_version))
		return 0;
	return fc_fail(e,
	    "%s: is of version %s, this program of %s (interfaces %u and %d); both must be of one "
	    "build",
	    found->path, m->abi == FC_DEVICE_ABI ? m->version : "another time", fc_version, m->abi,
	    FC_DEVICE_ABI);
}

static int open_index(struct fc_nn **nn, const struct fc_device_module *m, void *handle, int index,
    enum fc_compute compute, struct fc_err *e)
{
	const int n = m->count(e);
	if (n < 0)
		return -1;
	if (n == 0)
		return fc_fail(e, "device %s: this machine has none", m->name);
	if (index == FC_DEVICE_OWN)
		index = (int)(fc_launcher_place() % (size_t)n);
	if (index >= n)
		return fc_fail(e, "device %s:%d: the last one that this machine has is %s:%d",
		    m->name, index, m->name, n - 1);
	struct fc_nn *cpu = fc_cpu_open(compute);
	if (m->open(nn, index, compute, cpu, e) < 0) {
		cpu->ops->close(cpu);
		return -1;
	}
	(*nn)->module = handle;
	(*nn)->cpu = cpu;
	return 0;
}

int fc_device_open(
    struct fc_nn **nn, const struct fc_device_name *d, enum fc_compute compute, struct fc_err *e)
{
	struct fc_module m;
	char what[32];
	snprintf(what, sizeof what, "device %s", d->name);
	if (fc_module_open(&m, what, d->name, FC_DEVICE_SYMBOL, remedy_for(d->name), e) < 0)
		return -1;
	if (check_module(&m, e) < 0) {
		fc_module_close(&m);
		return -1;
	}
	free(m.path);
	/* Loaded from here on, whatever becomes of it: a driver that was asked has threads. */
	return open_index(nn, m.symbol, m.handle, d->index, compute, e);
}

const char *fc_nn_device(const struct fc_nn *nn)
{
	if (!nn->module)
		return "cpu";
	const struct fc_device_module *m = dlsym(nn->module, FC_DEVICE_SYMBOL);
	return m->name;
}
