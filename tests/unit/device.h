/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_DEVICE_H
#define FC_TESTS_DEVICE_H

/*
 * The device under test, FC_TEST_DEVICE, and the way to it and back.  A test has its arrays on the
 * host and hands a function of nn.h IN(nn, x, n) or OUT(nn, y, n) in their place; device_back()
 * then brings all results of OUT back and frees what was there.  An array that is named again
 * before that, or a part of it, is the same memory of the device: in place stays in place.
 */

#include "base/mem.h"
#include "nn/nn.h"
#include "t.h"

#define IN(nn, x, n) device_place(nn, x, (n) * sizeof *(x), false)
#define OUT(nn, y, n) device_place(nn, y, (n) * sizeof *(y), true)

static struct device_pair {
	char *host, *device;
	size_t n_bytes;
	bool out, kept;
} device_pair[256];
static size_t device_n_pair;

__attribute__((unused)) static const char *device_name(void)
{
	const char *name = getenv("FC_TEST_DEVICE");
	return name && *name ? name : "cpu";
}

__attribute__((unused)) static struct fc_nn *open_nn(enum fc_compute compute)
{
	struct fc_err e;
	struct fc_nn *nn;
	if (fc_nn_open(&nn, device_name(), compute, &e)) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	return nn;
}

static struct device_pair *device_find(const void *host, size_t n_bytes)
{
	for (size_t i = 0; i < device_n_pair; i++) {
		struct device_pair *p = &device_pair[i];
		const char *x = host;
		if (!p->kept && x >= p->host && x + n_bytes <= p->host + p->n_bytes)
			return p;
	}
	return NULL;
}

static bool device_meets(const void *host, size_t n_bytes)
{
	const char *x = host;
	bool meets = false;
	for (size_t i = 0; i < device_n_pair; i++)
		meets = meets ||
		    (!device_pair[i].kept && x < device_pair[i].host + device_pair[i].n_bytes &&
			x + n_bytes > device_pair[i].host);
	return meets;
}

__attribute__((unused)) static void *device_place(
    struct fc_nn *nn, const void *host, size_t n_bytes, bool out)
{
	if (!host)
		return NULL;
	struct device_pair *p = device_find(host, n_bytes);
	if (!p) {
		if (device_n_pair == FC_LEN(device_pair) || device_meets(host, n_bytes)) {
			printf("Bail out! too many arrays on the device, or a part before the "
			       "whole\n");
			exit(1);
		}
		p = &device_pair[device_n_pair++];
		*p = (struct device_pair){
		    (char *)(uintptr_t)host, fc_nn_alloc(nn, n_bytes, 1), n_bytes, false, false};
		fc_nn_put(nn, p->device, host, n_bytes);
	}
	p->out = p->out || out;
	return p->device + ((const char *)host - p->host);
}

/* The weight as a model's file has it, wherever it lies there. */
__attribute__((unused)) static struct fc_weight device_weight(
    struct fc_nn *nn, const struct fc_weight *w)
{
	struct fc_weight on = *w;
	const size_t n_bytes = fc_dtype_bytes(w->dtype, w->n_out * w->n_in);
	on.p = fc_nn_keep(nn, w->p, n_bytes);
	if (on.p != w->p)
		device_pair[device_n_pair++] =
		    (struct device_pair){NULL, (char *)(uintptr_t)on.p, n_bytes, false, true};
	return on;
}

__attribute__((unused)) static struct fc_head device_head(struct fc_nn *nn, const struct fc_head *h)
{
	return (struct fc_head){device_weight(nn, &h->w), h->n_vocab, h->softcap};
}

__attribute__((unused)) static void device_back(struct fc_nn *nn)
{
	struct fc_err e;
	for (size_t i = 0; i < device_n_pair; i++) {
		struct device_pair *p = &device_pair[i];
		if (p->out)
			fc_nn_get(nn, p->host, p->device, p->n_bytes);
		fc_nn_free(nn, p->device);
	}
	device_n_pair = 0;
	if (fc_nn_check(nn, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
}

/* A copy of what is on the device, the caller's to free(). */
__attribute__((unused)) static void *device_read(struct fc_nn *nn, const void *p, size_t n_bytes)
{
	void *host = fc_malloc(n_bytes);
	fc_nn_get(nn, host, p, n_bytes);
	return host;
}

#endif
