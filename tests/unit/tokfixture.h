/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_TOKFIXTURE_H
#define FC_TESTS_TOKFIXTURE_H

/* Tokenizers made of JSON in a temporary folder. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "token/tokenizer.h"

static char fixture_dir[] = "/tmp/fc-tokenizer-XXXXXX";

__attribute__((unused)) static void fixture_begin(void)
{
	if (!mkdtemp(fixture_dir)) {
		perror("mkdtemp");
		exit(1);
	}
}

static void fixture_path(char *path, size_t n, const char *name)
{
	snprintf(path, n, "%s/%s", fixture_dir, name);
}

__attribute__((unused)) static void fixture_write(const char *name, const void *p, size_t n)
{
	char path[256];
	fixture_path(path, sizeof path, name);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

__attribute__((unused)) static void fixture_remove(const char *name)
{
	char path[256];
	fixture_path(path, sizeof path, name);
	unlink(path);
}

__attribute__((unused)) static void fixture_end(void)
{
	fixture_remove("tokenizer.json");
	fixture_remove("tokenizer_config.json");
	rmdir(fixture_dir);
}

/* Opens the folder with this tokenizer.json; config may be NULL. */
__attribute__((unused)) static struct fc_tokenizer *fixture_open(
    const char *json, size_t n, const char *config, struct fc_err *e)
{
	struct fc_tokenizer *t;
	fixture_write("tokenizer.json", json, n);
	if (config)
		fixture_write("tokenizer_config.json", config, strlen(config));
	else
		fixture_remove("tokenizer_config.json");
	fc_tokenizer_open(&t, fixture_dir, e);
	return t;
}

/* A tokenizer.json of these parts; "null" where there is none. */
__attribute__((unused)) static struct fc_tokenizer *fixture_parts(const char *normalizer,
    const char *pretok, const char *model, const char *added, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b,
	    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":%s,"
	    "\"normalizer\":%s,\"pre_tokenizer\":%s,\"post_processor\":null,\"decoder\":null,"
	    "\"model\":%s}",
	    added, normalizer, pretok, model);
	struct fc_tokenizer *t = fixture_open(b.p, b.n, NULL, e);
	fc_buf_release(&b);
	return t;
}

#endif
