/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints in the wild: other beginnings of names, buffers of old files, the text part of a
 * model for images. */
#include "model/block.h"
#include "model/family.h"
#include "device.h"
#include "t.h"

#include "model_files.h"

#define GPT2                                                                                       \
	"\"model_type\": \"gpt2\", \"vocab_size\": 19, \"n_embd\": 12, \"n_head\": 3, "            \
	"\"n_layer\": 2"
#define GEMMA3                                                                                     \
	"\"vocab_size\": 19, \"hidden_size\": 12, \"intermediate_size\": 10, "                     \
	"\"num_hidden_layers\": 2, \"num_attention_heads\": 3, \"num_key_value_heads\": 1, "       \
	"\"head_dim\": 8"

static char dir[] = "/tmp/fc-names-XXXXXX";
static struct fc_err err;
static struct fc_nn *nn;

/* Final hidden states of a short sequence, or zeros where the model does not open. */
static bool hidden(float x[5 * 12])
{
	static const uint32_t tok[] = {3, 1, 4, 1, 18};
	static const size_t off[] = {0, 5};
	struct fc_model *m;
	memset(x, 0, 5 * 12 * sizeof *x);
	if (fc_model_open(&m, dir, nn, &err) < 0)
		return false;
	const int ret =
	    fc_model_hidden(nn, m, &(struct fc_batch){tok, off, 1}, OUT(nn, x, 5 * 12), &err);
	device_back(nn);
	fc_model_close(m);
	return ret == 0;
}

static void test_prefixes(const char *config, const char *const *prefixes, const char *what)
{
	float first[5 * 12], x[5 * 12];
	T_OK(write_model_as(dir, config, prefixes[0], NULL, 0, 5, &err) == 0 && hidden(first),
	    "%s: %s", what, prefixes[0]);
	for (size_t i = 1; prefixes[i]; i++)
		T_OK(write_model_as(dir, config, prefixes[i], NULL, 0, 5, &err) == 0 && hidden(x) &&
			!memcmp(first, x, sizeof x),
		    "%s: names beginning \"%s\" are the same model", what, prefixes[i]);
	T_OK(write_model_as(dir, config, "other.", NULL, 0, 5, &err) == 0 && !hidden(x) &&
		strstr(err.msg, prefixes[0]) && strstr(err.msg, "is missing"),
	    "%s: another beginning is refused (%s)", what, err.msg + strlen(dir));
}

/* A model that has no head: the message says what it is, by "architectures". */
static void test_headless(void)
{
	static const struct {
		const char *architecture, *message;
	} all[] = {{"LlamaForSequenceClassification",
		       "is missing; by config.json's architectures the model is a "
		       "LlamaForSequenceClassification"},
	    {"LlamaModel", "the model is a LlamaModel"},
	    {"LlamaForCausalLM", "embed_tokens.weight [19, 12] is missing"}};
	for (size_t i = 0; i < FC_LEN(all); i++) {
		struct fc_buf b = FC_BUF_INIT;
		float x[5 * 12];
		fc_buf_addf(&b,
		    "{\"model_type\": \"llama\", \"architectures\": [\"%s\"], " GEMMA3 "}",
		    all[i].architecture);
		T_OK(write_model_as(dir, b.p, "other.", NULL, 0, 5, &err) == 0 && !hidden(x) &&
			strstr(err.msg, all[i].message) && !strstr(err.msg, "LlamaForCausalLM"),
		    "%s: %s", all[i].architecture, err.msg + strlen(dir));
		fc_buf_release(&b);
	}
}

/* Tensors that are skipped or refused. */
static void test_extra(const char *config, const char *name, bool fits)
{
	const struct fc_tensor extra = {
	    .name = name, .dtype = FC_F32, .n_dim = 2, .dim = {2, 3}, .n_bytes = 24};
	float x[5 * 12];
	const bool opened = write_model_as(dir, config, NULL, &extra, 1, 5, &err) == 0 && hidden(x);
	T_OK(opened == fits && (fits || (strstr(err.msg, name) && strstr(err.msg, "no place"))),
	    "%s: %s", name, fits ? "skipped" : "refused");
}

/* The head of a text part does not begin as most names do, but is under the part's name where the
 * makers of files of transformers 4 have all of it so. */
static void test_part_head(void)
{
	static const char config[] =
	    "{\"model_type\": \"mistral3\", \"text_config\": {\"model_type\": \"mistral\", "
	    "\"tie_word_embeddings\": false, " GEMMA3 "}}";
	static const char *const names[][2] = {
	    {"language_model.model.", "language_model.lm_head.weight"},
	    {"model.language_model.", "lm_head.weight"}};
	for (size_t i = 0; i < FC_LEN(names); i++) {
		struct fc_model *m = NULL;
		T_OK(write_model_as(dir, config, names[i][0], NULL, 0, 5, &err) == 0 &&
			fc_model_open(&m, dir, NULL, &err) == 0 &&
			fc_store_find(m->store, names[i][1]),
		    "%s: the head is %s %s", names[i][0], names[i][1], err.msg);
		fc_model_close(m);
	}
}

/* The part for images stays as it is when the rest is trained. */
static void test_images(void)
{
	static const char config[] = "{\"model_type\": \"gemma3\", \"torch_dtype\": \"float32\", "
				     "\"text_config\": {\"model_type\": \"gemma3_text\", "
				     "\"dtype\": \"float32\", " GEMMA3 "}}";
	static const float pixels[6] = {1, 2, 3, 4, 5, 6};
	const struct fc_tensor extra = {.name = "vision_tower.patch.weight",
	    .dtype = FC_F32,
	    .n_dim = 2,
	    .dim = {2, 3},
	    .data = pixels,
	    .n_bytes = sizeof pixels};
	struct fc_params *p = NULL;
	struct fc_model *m = NULL;
	char out[] = "/tmp/fc-images-XXXXXX";
	err.msg[0] = 0;
	if (!T_OK(mkdtemp(out) &&
		    write_model_as(dir, config, "language_model.model.", &extra, 1, 5, &err) == 0 &&
		    fc_params_open(&p, dir, nn, &err) == 0 &&
		    fc_params_save(
			p, out, FC_BF16, &(struct fc_rounding){0}, (size_t)1 << 30, &err) == 0 &&
		    fc_model_open(&m, out, NULL, &err) == 0,
		"images: opened, saved, opened %s", err.msg))
		return;
	const struct fc_tensor *t = fc_store_find(m->store, extra.name);
	T_OK(t && t->dtype == FC_F32 && !memcmp(t->data, pixels, sizeof pixels),
	    "images: what sees images is there, unchanged");
	T_OK(m->cfg.text_part && m->cfg.dtype == FC_BF16 && m->embed.dtype == FC_BF16 &&
		fc_store_find(m->store, "language_model.model.norm.weight"),
	    "images: names and config of the pivot, in the new type");
	fc_model_close(m);
	fc_params_free(p);
	remove_model_files(out);
	struct fc_rng rng;
	char *path = fc_path_join(dir, "config.json");
	fc_rng_seed(&rng, 1);
	T_OK(fc_params_init(&p, path, nn, &rng, &err) < 0 && strstr(err.msg, "only its text part"),
	    "images: not from scratch");
	free(path);
	rmdir(out);
}

int main(void)
{
	static const char *const gpt2[] = {"transformer.", "", NULL};
	static const char *const gemma3[] = {
	    "model.", "language_model.model.", "model.language_model.", "", NULL};
	static const char *const bare[] = {"model.", "", NULL};
	nn = open_nn(FC_COMPUTE_F32);
	if (!T_OK(mkdtemp(dir), "set up"))
		return t_done();
	test_prefixes("{" GPT2 "}", gpt2, "gpt2");
	test_prefixes("{\"model_type\": \"gemma3_text\", " GEMMA3 "}", gemma3, "gemma3");
	/* as LlamaModel and Qwen2Model are saved, without a head of their own */
	test_prefixes("{\"model_type\": \"llama\", \"tie_word_embeddings\": true, " GEMMA3 "}",
	    bare, "llama");
	test_prefixes("{\"model_type\": \"qwen2\", \"tie_word_embeddings\": true, " GEMMA3 "}",
	    bare, "qwen2");
	test_headless();
	test_extra("{" GPT2 "}", "transformer.h.0.attn.bias", true);
	test_extra("{" GPT2 "}", "h.1.attn.masked_bias", true);
	test_extra("{" GPT2 "}", "transformer.h.0.attn.bias2", false);
	test_extra(
	    "{\"model_type\": \"gemma3_text\", " GEMMA3 "}", "model.layers.0.attn.bias", false);
	test_extra("{\"model_type\": \"gemma3_text\", " GEMMA3 "}", "vision_tower.x", false);
	test_images();
	test_part_head();
	fc_nn_close(nn);
	remove_model_files(dir);
	rmdir(dir);
	return t_done();
}
