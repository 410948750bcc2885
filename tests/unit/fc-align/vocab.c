/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/vocab.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "t.h"

/* A pivot of SentencePiece's kind: a space goes before the text, "bc" is merged before "ab". */
static const char pivot_json[] =
    "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 0, \"content\": \"<s>\", \"special\": true,"
    "\"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false}],"
    "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": ["
    "{\"type\": \"Prepend\", \"prepend\": \"\u2581\"}, {\"type\": \"Replace\","
    "\"pattern\": {\"String\": \" \"}, \"content\": \"\u2581\"}]},"
    "\"pre_tokenizer\": null, \"post_processor\": null,"
    "\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\","
    "\"pattern\": {\"String\": \"\u2581\"}, \"content\": \" \"}, {\"type\": \"ByteFallback\"},"
    "{\"type\": \"Fuse\"}, {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}]},"
    "\"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, \"byte_fallback\": "
    "true,"
    "\"continuing_subword_prefix\": null, \"end_of_word_suffix\": null, \"fuse_unk\": false,"
    "\"vocab\": {\"<s>\": 0, \"<0x0A>\": 1, \"\u2581\": 2, \"a\": 3, \"b\": 4, \"c\": 5, \"bc\": 6,"
    "\"ab\": 7, \"\u2581a\": 8},"
    "\"merges\": [\"b c\", \"a b\", \"\u2581 a\"]}}";

static struct fc_tokenizer *open_pivot(char *dir)
{
	struct fc_tokenizer *t = NULL;
	struct fc_err e;
	char path[300];
	T_OK(mkdtemp(dir), "vocab: a folder");
	snprintf(path, sizeof path, "%s/tokenizer.json", dir);
	FILE *f = fopen(path, "w");
	fputs(pivot_json, f);
	fclose(f);
	int rc = fc_tokenizer_open(&t, path, &e);
	T_OK(rc == 0, "vocab: a tokenizer %s", rc ? e.msg : "");
	remove(path);
	rmdir(dir);
	return t;
}

int main(void)
{
	char dir[] = "/tmp/fc-vocab-XXXXXX";
	struct fc_tokenizer *t = open_pivot(dir);
	if (!t)
		return t_done();
	struct align_vocab v;
	align_vocab_init(&v, t, 5);
	T_EQ(v.n, 9, "vocab: size");
	T_OK(v.word[0].special && v.word[0].n == 0, "vocab: special tokens have no bytes");
	T_OK(v.word[8].n == 2 && !memcmp(v.word[8].bytes, " a", 2), "vocab: bytes in a text");
	T_STR(v.word[8].piece,
	    "\xe2\x96\x81"
	    "a",
	    "vocab: spelling");
	T_EQ(v.role[ALIGN_SPECIAL_TURN_END], 5, "vocab: end of turn");
	T_OK(v.role[ALIGN_SPECIAL_EOS] == ALIGN_UNMAPPED, "vocab: no such role");
	align_vocab_release(&v);

	struct align_word words[] = {
	    {"abc", 3, "abc", false}, /* a | bc, although "ab" begins it too; no space before it */
	    {" abc", 4, " abc", false},
	    {"abc", 3, "abc", true},
	    {"\xff", 1, "?", false},
	    {"", 0, NULL, false},
	    {"\nab", 3, "?", false},
	};
	struct align_vocab source = {.word = words, .n = FC_LEN(words)};
	uint32_t first[FC_LEN(words)];
	static const uint32_t expect[] = {3, 8, ALIGN_UNMAPPED, ALIGN_UNMAPPED, ALIGN_UNMAPPED, 1};
	align_vocab_first(&source, t, first);
	for (size_t i = 0; i < FC_LEN(words); i++)
		T_EQ(first[i], expect[i], "vocab: first token");
	fc_tokenizer_free(t);
	return t_done();
}
