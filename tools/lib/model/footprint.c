/* SPDX-License-Identifier: Apache-2.0 */
#include "model/footprint.h"

#include <string.h>

#include "base/buf.h"
#include "base/die.h"
#include "base/mem.h"
#include "nn/dry.h"

static const char *const use_name[FC_USE_N] = {[FC_USE_WEIGHTS] = "weights",
    [FC_USE_MASTER] = "master weights",
    [FC_USE_GRADIENTS] = "gradients",
    [FC_USE_MOMENTS] = "moments",
    [FC_USE_CACHE] = "keys and values",
    [FC_USE_INPUTS] = "inputs of layers",
    [FC_USE_LAYER] = "activations of layers",
    [FC_USE_STATES] = "hidden states",
    [FC_USE_SCRATCH] = "scratch",
    [FC_USE_OTHER] = "the rest",
    [FC_USE_GAPS] = "gaps"};

struct fc_footprint fc_footprint_of(struct fc_nn *dry)
{
	struct fc_footprint f = {{0}, {0}};
	memcpy(f.device, fc_dry_most(dry), sizeof f.device);
	if (fc_nn_home(dry) != dry)
		memcpy(f.host, fc_dry_most(fc_nn_home(dry)), sizeof f.host);
	return f;
}

size_t fc_footprint_bytes(const size_t use[FC_USE_N])
{
	size_t n = 0;
	for (int i = 0; i < FC_USE_N; i++)
		n += use[i];
	return n;
}

/* The unit in which a sum is told, with all its parts. */
struct unit {
	const char *name;
	double bytes;
};

static struct unit unit_of(size_t n_bytes)
{
	static const struct unit units[] = {
	    {"GiB", 1024.0 * 1024 * 1024}, {"MiB", 1024.0 * 1024}, {"KiB", 1024.0}};
	size_t i = 0;
	while (i + 1 < FC_LEN(units) && (double)n_bytes < units[i].bytes)
		i++;
	return units[i];
}

/* Three digits at least. */
static void add_size(struct fc_buf *b, size_t n_bytes, struct unit u)
{
	const double x = (double)n_bytes / u.bytes;
	fc_buf_addf(b, "%.*f", x < 10 ? 2 : 1, x);
}

static void add_uses(struct fc_buf *b, const size_t use[FC_USE_N], struct unit u)
{
	const char *before = ": ";
	for (int i = 0; i < FC_USE_N; i++) {
		if (!use[i])
			continue;
		fc_buf_addf(b, "%s%s ", before, use_name[i]);
		add_size(b, use[i], u);
		before = ", ";
	}
}

/* "43.5 GiB of 79.0 GiB free: weights 13.5, gradients 27.0" */
static void add_need(
    struct fc_buf *b, const size_t use[FC_USE_N], const char *of, size_t n_there, const char *there)
{
	const size_t n = fc_footprint_bytes(use);
	add_size(b, n, unit_of(n));
	fc_buf_addf(b, " %s%s", unit_of(n).name, of);
	add_size(b, n_there, unit_of(n_there));
	fc_buf_addf(b, " %s%s", unit_of(n_there).name, there);
	add_uses(b, use, unit_of(n));
}

struct room {
	size_t n_free, n_total;
};

static struct room room_of(const struct fc_nn *nn)
{
	struct room r;
	fc_nn_memory(nn, &r.n_free, &r.n_total);
	return r;
}

bool fc_footprint_has_device(const struct fc_footprint *f, const struct fc_nn *nn)
{
	return fc_footprint_bytes(f->device) <= room_of(nn).n_free;
}

bool fc_footprint_fits(const struct fc_footprint *f, const struct fc_nn *nn)
{
	/* of the host's memory what is free says little: what it keeps of files can be had */
	return fc_footprint_has_device(f, nn) &&
	    fc_footprint_bytes(f->host) <= room_of(fc_nn_host(nn)).n_total;
}

int fc_footprint_fail(
    const struct fc_footprint *f, const struct fc_nn *nn, const char *advice, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	const size_t n_free = room_of(nn).n_free, n_host = room_of(fc_nn_host(nn)).n_total;
	const bool device = !fc_footprint_has_device(f, nn);
	if (device)
		add_need(&b, f->device, " where ", n_free, " are free");
	else
		add_need(&b, f->host, " where ", n_host, " are there");
	fc_fail(e, "too little memory of %s: the work needs %s; %s",
	    device ? fc_nn_device(nn) : "the host", b.p, advice);
	fc_buf_release(&b);
	return -1;
}

void fc_footprint_tell(const struct fc_footprint *f, const struct fc_nn *nn)
{
	struct fc_buf b = FC_BUF_INIT;
	const size_t n_host = room_of(fc_nn_host(nn)).n_total;
	if (fc_nn_host(nn) == nn)
		add_need(&b, f->device, " of ", n_host, "");
	else
		add_need(&b, f->device, " of ", room_of(nn).n_free, " free");
	fc_note("memory of %s: %s", fc_nn_device(nn), b.p);
	fc_buf_clear(&b);
	if (fc_footprint_bytes(f->host)) {
		add_need(&b, f->host, " of ", n_host, "");
		fc_note("memory of the host: %s", b.p);
	}
	fc_buf_release(&b);
}
