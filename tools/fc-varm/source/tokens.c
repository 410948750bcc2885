/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/source/tokens.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "token/tokenizer.h"

#define ADVICE "--any-tokenizer merges them all the same"

static bool has_file(const char *dir, const char *name)
{
	char *path = fc_path_join(dir, name);
	bool has = fc_file_exists(path);
	free(path);
	return has;
}

static bool has_tokenizer(const char *dir)
{
	struct stat st;
	return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    (has_file(dir, "tokenizer.json") || has_file(dir, "tokenizer.model"));
}

/* The two folders have this file with the same bytes, or neither has it. */
static bool same_file(const char *a, const char *b, const char *name)
{
	char *path[2] = {fc_path_join(a, name), fc_path_join(b, name)};
	struct fc_mapped m[2] = {{NULL, 0}, {NULL, 0}};
	struct fc_err e;
	bool have[2] = {fc_file_exists(path[0]), fc_file_exists(path[1])};
	bool same = have[0] == have[1];
	for (int i = 0; i < 2 && have[i] && same; i++)
		same = fc_mapped_open(&m[i], path[i], &e) == 0;
	same = same && m[0].n_bytes == m[1].n_bytes &&
	    (!m[0].n_bytes || !memcmp(m[0].p, m[1].p, m[0].n_bytes));
	for (int i = 0; i < 2; i++) {
		fc_mapped_close(&m[i]);
		free(path[i]);
	}
	return same;
}

static const char *piece_of_id(const struct fc_tokenizer *t, size_t id)
{
	const char *p = id < fc_tokenizer_n_vocab(t) ? fc_tokenizer_piece(t, (uint32_t)id) : NULL;
	return p ? p : "";
}

static int compare_vocabularies(const struct fc_tokenizer *p, const struct fc_tokenizer *t,
    const char *base, const char *target, struct fc_err *e)
{
	size_t n = fc_tokenizer_n_vocab(p), m = fc_tokenizer_n_vocab(t);
	for (size_t id = 0; id < n || id < m; id++)
		if (strcmp(piece_of_id(p, id), piece_of_id(t, id)) != 0)
			return fc_fail(e,
			    "%s: token %zu is '%.40s', in %s it is '%.40s' (%zu tokens "
			    "and %zu); " ADVICE,
			    target, id, piece_of_id(t, id), base, piece_of_id(p, id), m, n);
	return 0;
}

int varm_tokens_check(const char *base, const char *target, struct fc_err *e)
{
	struct fc_tokenizer *p = NULL, *t = NULL;
	struct fc_err why;
	if (!has_tokenizer(base) || !has_tokenizer(target))
		return 0;
	if (same_file(base, target, "tokenizer.json") &&
	    same_file(base, target, "tokenizer.model") &&
	    same_file(base, target, "tokenizer_config.json") &&
	    same_file(base, target, "special_tokens_map.json") &&
	    same_file(base, target, "added_tokens.json"))
		return 0;
	int ret = 0;
	if (fc_tokenizer_open(&p, base, &why) < 0 || fc_tokenizer_open(&t, target, &why) < 0)
		ret = fc_fail(e, "%s and %s: comparing their vocabularies: %s; " ADVICE, base,
		    target, why.msg);
	else
		ret = compare_vocabularies(p, t, base, target, e);
	fc_tokenizer_free(p);
	fc_tokenizer_free(t);
	return ret;
}
