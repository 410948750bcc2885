/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_GOLDEN_FILES_H
#define FC_TESTS_GOLDEN_FILES_H

/* Model folders from tests/data/model/NAME.json, made by golden.py there. */

#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/model.h"

#include "slowmodel.h"

/*
 * What two computations of a golden model's logits may be apart by, of the largest: roundings after
 * each other are, in each of at most four layers, four sums of C = 48, one of F = 56 and one of at
 * most 16 keys, and 40 of norms, rotations and activations; then the output's sum of C, whose
 * terms' sizes add up to at most four times the largest result.
 */
#define GOLDEN_ORDERS (2 * (4 * (4 * 48 + 56 + 16 + 40) + 4 * 48) * T_U)
/* bfloat16: half a step each of weight and activation, in four products of each of four layers. */
#define GOLDEN_BF16 (4 * 4 * 0x1p-8)

#define DATA "tests/data/model/"

static struct fc_err err;

/* Writes config and weights into dir as transformers would. */
__attribute__((unused)) static int write_model(
    const char *dir, const json_t *golden, enum fc_dtype dtype)
{
	json_t *config = json_object_get(golden, "config"), *shape;
	json_t *tensors = json_object_get(golden, "tensors");
	char *path = fc_path_join(dir, "config.json");
	const char *name;
	struct fc_config c;
	size_t n = 0;
	struct fc_tensor *plan = FC_ARRAY(struct fc_tensor, json_object_size(tensors));
	struct fc_store_writer *w = NULL;
	int ret = json_dump_file(config, path, 0) | fc_config_load(&c, path, &err);
	json_object_foreach(tensors, name, shape)
	{
		struct fc_tensor *t = &plan[n++];
		size_t count;
		*t = (struct fc_tensor){
		    .name = name, .dtype = dtype, .n_dim = (int)json_array_size(shape)};
		for (int i = 0; i < t->n_dim; i++)
			t->dim[i] = json_integer_value(json_array_get(shape, (size_t)i));
		fc_tensor_count(t, &count);
		t->n_bytes = count * fc_dtype_size(dtype);
	}
	ret |= fc_store_writer_open(&w, dir, plan, n, (size_t)1 << 30, &err);
	for (size_t i = 0; ret == 0 && i < n; i++) {
		const size_t count = plan[i].n_bytes / fc_dtype_size(dtype);
		float *f = FC_ARRAY(float, count);
		void *bytes = fc_malloc(plan[i].n_bytes);
		for (size_t j = 0; j < count; j++)
			f[j] = (float)slow_weight(&c, plan[i].name, j);
		fc_from_f32(bytes, dtype, f, count);
		ret |= fc_store_writer_put(w, i, 0, bytes, plan[i].n_bytes, &err);
		free(f);
		free(bytes);
	}
	ret |= fc_store_writer_close(w, &err);
	fc_config_release(&c);
	free(plan);
	free(path);
	return ret;
}

__attribute__((unused)) static void remove_model(const char *dir)
{
	static const char *const names[] = {"config.json", "model.safetensors"};
	for (size_t i = 0; i < FC_LEN(names); i++) {
		char *path = fc_path_join(dir, names[i]);
		remove(path);
		free(path);
	}
	rmdir(dir);
}

#endif
