/* SPDX-License-Identifier: Apache-2.0 */
/* Experts to which no token goes stay on the disk: what of the file a pass brings into memory. */
#include "model/block.h"
#include "t.h"

#include "device.h"
#include "model_files.h"

static char dir[] = "/tmp/fc-experts-XXXXXX";
static struct fc_err err;

/* KiB of the mapped weights that are in memory: Rss of their mapping, after its first line. */
static long resident_kib(void)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[1024];
	bool ours = false;
	long total = 0, kib;
	while (f && fgets(line, sizeof line, f)) {
		if (strchr(line, '-') && strchr(line, '-') < strchr(line, ' '))
			ours = strstr(line, dir) != NULL;
		else if (ours && sscanf(line, "Rss: %ld", &kib) == 1)
			total += kib;
	}
	if (!f)
		return -1;
	fclose(f);
	return total;
}

int main(void)
{
	enum { C = 128, F = 1024, E = 16 };
	static const char config[] =
	    "{\"model_type\": \"mixtral\", \"vocab_size\": 11, \"hidden_size\": 128, "
	    "\"intermediate_size\": 1024, \"num_hidden_layers\": 1, \"num_attention_heads\": 2, "
	    "\"num_local_experts\": 16, \"num_experts_per_tok\": 2}";
	const long expert = 3L * C * F * (long)sizeof(float) / 1024;
	struct fc_nn *nn = NULL;
	struct fc_model *m = NULL;
	if (strcmp(device_name(), "cpu")) {
		t_skip("other devices have all weights in their memory");
		return t_done();
	}
	nn = open_nn(FC_COMPUTE_F32);
	if (!T_OK(mkdtemp(dir) && write_random_model(dir, config, 2, &err) == 0 &&
		    fc_model_open(&m, dir, nn, &err) == 0,
		"opened %s", err.msg))
		return t_done();
	const long before = resident_kib();
	if (before < 0) {
		t_skip("resident memory: no /proc/self/smaps");
		return t_done();
	}
	float x[C];
	const uint32_t tok = 7;
	const size_t off[] = {0, 1};
	fc_model_hidden(nn, m, &(struct fc_batch){&tok, off, 1}, OUT(nn, x, C), &err);
	device_back(nn);
	const long one = resident_kib();
	T_OK(before < expert, "opening reads headers (%ld KiB of %ld)", before, E * expert);
	/* two experts; the kernel maps up to 64 KiB around each page that is touched */
	T_OK(one > 2 * expert && one < 5 * expert,
	    "one token brings two experts of %ld KiB into memory (%ld KiB)", expert, one);
	fc_model_close(m);
	fc_nn_close(nn);
	remove_model_files(dir);
	rmdir(dir);
	return t_done();
}
