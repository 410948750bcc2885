/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/firsttoken.h"

#include <stdlib.h>
#include <unistd.h>

#include "t.h"

/* Byte-level in kind, without pre-tokens: "bc" is merged before "ab". */
static const char json[] =
    "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 0, \"content\": \"<s>\", \"special\": true,"
    "\"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false}],"
    "\"normalizer\": null, \"pre_tokenizer\": null, \"post_processor\": null,"
    "\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"ByteFallback\"},"
    "{\"type\": \"Fuse\"}]}, \"model\": {\"type\": \"BPE\", \"dropout\": null,"
    "\"unk_token\": null, \"byte_fallback\": true, \"continuing_subword_prefix\": null,"
    "\"end_of_word_suffix\": null, \"fuse_unk\": false, \"vocab\": {\"<s>\": 0, \"<0x0A>\": 1,"
    "\"<0xC3>\": 2, \"a\": 3, \"b\": 4, \"c\": 5, \"bc\": 6, \"ab\": 7, \"abb\": 8, \" \": 9},"
    "\"merges\": [\"b c\", \"a b\", \"ab b\"]}}";

static struct fc_tokenizer *open_tokenizer(void)
{
	char dir[] = "/tmp/fc-firsttoken-XXXXXX", path[300];
	struct fc_tokenizer *t = NULL;
	struct fc_err e;
	T_OK(mkdtemp(dir), "a folder");
	snprintf(path, sizeof path, "%s/tokenizer.json", dir);
	FILE *f = fopen(path, "w");
	fputs(json, f);
	fclose(f);
	int rc = fc_tokenizer_open(&t, path, &e);
	T_OK(rc == 0, "a tokenizer %s", rc ? e.msg : "");
	remove(path);
	rmdir(dir);
	return t;
}

static uint32_t get(struct align_firsttoken *f, uint32_t before, const char *a, const char *b)
{
	return align_firsttoken_get(f, before, a, strlen(a), b, strlen(b));
}

int main(void)
{
	struct fc_tokenizer *t = open_tokenizer();
	struct align_vocab v;
	if (!t)
		return t_done();
	align_vocab_init(&v, t, FC_NO_TOKEN);
	struct align_firsttoken *f = align_firsttoken_new(t, &v);
	T_EQ(get(f, FC_NO_TOKEN, "", "abc"), 3, "first: a, as \"bc\" is merged first");
	T_EQ(get(f, FC_NO_TOKEN, "ab", "c"), 3, "first: of both parts");
	T_EQ(get(f, FC_NO_TOKEN, "", "ab"), 7, "first: ab");
	T_EQ(get(f, 3, "", "bc"), 6, "first: after a: bc");
	T_EQ(get(f, 4, "", "c"), ALIGN_NO_BORDER, "first: b and c are one token");
	T_EQ(get(f, 7, "", "b"), ALIGN_NO_BORDER, "first: ab and b are one token");
	T_EQ(get(f, 7, "", "a"), 3, "first: ab and a are two");
	T_EQ(get(f, 0, "", "c"), 5, "first: a special token before joins nothing");
	T_EQ(get(f, FC_NO_TOKEN, "", "\xc3"), 2,
	    "first: no UTF-8: the longest token that begins it");
	T_EQ(get(f, FC_NO_TOKEN, "", "\xff"), ALIGN_UNMAPPED, "first: none begins it");
	T_EQ(get(f, 4, "", "c"), ALIGN_NO_BORDER, "first: the same when asked again");

	const struct align_byteset *after = align_firsttoken_after(f, "ab", 2);
	T_OK(align_byteset_has(after, 'b') && !align_byteset_has(after, 'c'),
	    "after: abb goes on with b");
	after = align_firsttoken_after(f, "abb", 3);
	T_OK(align_byteset_empty(after), "after: nothing goes on");
	after = align_firsttoken_after(f, "x", 1);
	T_OK(align_byteset_empty(after), "after: nothing begins so");
	align_firsttoken_free(f);
	align_vocab_release(&v);
	fc_tokenizer_free(t);
	return t_done();
}
