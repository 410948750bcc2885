/* SPDX-License-Identifier: Apache-2.0 */
/* adapter_config.json, with an adapter for two tensors that may or may not be as it says. */
#include "../input.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "fc-varm/source/adapter.h"

static char model[] = "/tmp/fc-fuzz-m-XXXXXX", lora[] = "/tmp/fc-fuzz-a-XXXXXX";
static struct fc_store *base;

static void write_tensors(const char *dir, const struct fc_tensor *t, size_t n)
{
	static const float ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	struct fc_store_writer *w;
	struct fc_err e;
	int ret = fc_store_writer_open(&w, dir, t, n, 0, &e);
	for (size_t i = 0; i < n && ret == 0; i++) {
		size_t count;
		fc_tensor_count(&t[i], &count);
		ret = fc_store_writer_put(w, i, 0, ones, count * sizeof *ones, &e);
	}
	if (ret < 0 || fc_store_writer_close(w, &e) < 0)
		abort();
}

static void clean_up(void)
{
	static const char *const names[] = {
	    "model.safetensors", "adapter_model.safetensors", "adapter_config.json"};
	fc_store_close(base);
	for (int i = 0; i < 6; i++) {
		char *path = fc_path_join(i / 3 ? lora : model, names[i % 3]);
		unlink(path);
		free(path);
	}
	rmdir(model);
	rmdir(lora);
}

static void set_up(void)
{
	static const struct fc_tensor of_model[] = {{"x.weight", FC_F32, 2, {2, 5}, .data = NULL},
	    {"model.embed_tokens.weight", FC_F32, 2, {4, 2}, .data = NULL}};
	static const struct fc_tensor of_lora[] = {
	    {"base_model.model.x.lora_A.weight", FC_F32, 2, {2, 5}, .data = NULL},
	    {"base_model.model.x.lora_B.weight", FC_F32, 2, {2, 2}, .data = NULL}};
	struct fc_err e;
	if (!mkdtemp(model) || !mkdtemp(lora))
		abort();
	write_tensors(model, of_model, 2);
	write_tensors(lora, of_lora, 2);
	char *from = fc_path_join(lora, "model.safetensors");
	char *to = fc_path_join(lora, "adapter_model.safetensors");
	if (rename(from, to) < 0 || fc_store_open(&base, model, &e) < 0)
		abort();
	free(from);
	free(to);
	atexit(clean_up);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct adapter *a = NULL;
	struct fc_err e;
	if (!base)
		set_up();
	char *path = fc_path_join(lora, "adapter_config.json");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	close(fd);
	free(path);
	if (varm_adapter_open(&a, lora, base, VARM_LAYOUT_UNKNOWN, &e) == 0) {
		double x[10];
		struct values f = varm_adapter_values(
		    a, "x.weight", varm_values_mapped(fc_store_find(base, "x.weight"), 0));
		varm_values_read(&f, 0, 10, x);
	} else if (!*e.msg) {
		abort();
	}
	varm_adapter_close(a);
	return 0;
}
