/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_MODEL_FILES_H
#define FC_TESTS_MODEL_FILES_H

/* A model folder with random weights, of any family. */

#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/slot.h"

/* Large enough that every part of a block shows in the result. */
__attribute__((unused)) static void random_weights(
    float *w, size_t n, const struct fc_slot *s, const struct fc_config *c, struct fc_rng *rng)
{
	const double one = s->norm && !c->norm_plus_one ? 1 : 0;
	for (size_t i = 0; i < n; i++)
		w[i] = (float)((s->n_dim == 1 ? one : 0) +
		    (s->norm ? 0.05 : 0.16) * fc_rng_normal(rng));
}

__attribute__((unused)) static void remove_model_files(const char *dir)
{
	static const char *const names[] = {"config.json", "model.safetensors"};
	for (size_t i = 0; i < FC_LEN(names); i++) {
		char *path = fc_path_join(dir, names[i]);
		remove(path);
		free(path);
	}
}

/* config: the text of config.json; base: what names begin with, or NULL; extra: [n_extra] tensors
 * beside those of the architecture, or in the place of the one that has the name, with "_blocks"
 * behind it or not.  Weights depend on seed and order, not on names.  0, or -1 with a message. */
__attribute__((unused)) static int write_model_as(const char *dir, const char *config,
    const char *base, const struct fc_tensor *extra, size_t n_extra, uint64_t seed,
    struct fc_err *e)
{
	char *path = fc_path_join(dir, "config.json");
	struct fc_store_writer *w = NULL;
	struct fc_slot *slot = NULL;
	struct fc_tensor *plan = NULL;
	struct fc_config c;
	struct fc_rng rng;
	size_t n = 0, n_all = 0, *place = FC_ARRAY(size_t, n_extra + 1);
	remove_model_files(dir);
	FILE *f = fopen(path, "w");
	fputs(config, f);
	fclose(f);
	fc_rng_seed(&rng, seed);
	int ret = fc_config_load(&c, path, e);
	if (ret == 0) {
		n = fc_slots_new(&slot, &c, base);
		plan = FC_ARRAY(struct fc_tensor, n + n_extra);
		for (size_t i = 0; i < n; i++)
			plan[i] = fc_slot_tensor(&slot[i], FC_F32);
		n_all = n;
		for (size_t i = 0; i < n_extra; i++) {
			for (place[i] = 0; place[i] < n; place[i]++) {
				const size_t k = strlen(plan[place[i]].name);
				if (!strncmp(plan[place[i]].name, extra[i].name, k) &&
				    (!extra[i].name[k] || !strcmp(extra[i].name + k, "_blocks")))
					break;
			}
			place[i] = place[i] < n ? place[i] : n_all++;
			plan[place[i]] = extra[i];
		}
		ret = fc_store_writer_open(&w, dir, plan, n_all, (size_t)1 << 30, e);
	}
	for (size_t i = 0; ret == 0 && i < n_extra; i++) {
		void *zeros = fc_calloc(1, extra[i].n_bytes);
		ret = fc_store_writer_put(
		    w, place[i], 0, extra[i].data ? extra[i].data : zeros, extra[i].n_bytes, e);
		free(zeros);
	}
	for (size_t i = 0; ret == 0 && i < n; i++) {
		const size_t bytes = fc_slot_tensor(&slot[i], FC_F32).n_bytes;
		float *v = FC_ARRAY(float, bytes / sizeof(float));
		bool own = true;
		random_weights(v, bytes / sizeof(float), &slot[i], &c, &rng);
		for (size_t j = 0; j < n_extra; j++)
			own = own && place[j] != i;
		if (own)
			ret = fc_store_writer_put(w, i, 0, v, bytes, e);
		free(v);
	}
	if (w && fc_store_writer_close(w, e) < 0)
		ret = -1;
	fc_slots_free(slot, n);
	free(plan);
	free(place);
	free(path);
	fc_config_release(&c);
	return ret;
}

__attribute__((unused)) static int write_random_model(
    const char *dir, const char *config, uint64_t seed, struct fc_err *e)
{
	return write_model_as(dir, config, NULL, NULL, 0, seed, e);
}

#endif
