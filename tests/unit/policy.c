/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "store/lineage.h"
#include "stream/policy.h"
#include "t.h"

static int parse(const char *json, struct fc_policy *p)
{
	struct fc_err e;
	return fc_policy_parse(json, strlen(json), p, &e);
}

static void reads_who_answered(void)
{
	struct fc_policy p;
	T_OK(parse("{\"answered_by\":{\"model\":\"0123456789abcdef\",\"round\":7}}", &p) == 1 &&
		p.model == 0x0123456789abcdefu && p.round == 7 && !p.several,
	    "fingerprint and round");
	T_OK(parse("{\"answered_by\":{\"model\":\"several\",\"round\":1}}", &p) == 1 && p.several,
	    "answers of several");
	T_OK(parse("", &p) == 0 && parse("{\"answered\":1}", &p) == 0 &&
		parse("{\"x\":\"answered_by\"}", &p) == 0 &&
		parse("{\"x\":{\"answered_by\":3}}", &p) == 0,
	    "lines that do not say it");
	static const char *const bad[] = {"{\"answered_by\":\"me\"}", "{\"answered_by\":{}}",
	    "{\"answered_by\":{\"model\":\"gpt-4\",\"round\":0}}",
	    "{\"answered_by\":{\"model\":\"0123456789ABCDEF\",\"round\":0}}",
	    "{\"answered_by\":{\"model\":\"0123456789abcdef\"}}",
	    "{\"answered_by\":{\"model\":\"0123456789abcdef\",\"round\":-1}}",
	    "{\"answered_by\":{\"model\":\"0123456789abcdef\",\"round\":4294967296}}",
	    "{\"answered_by\":null}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		T_OK(parse(bad[i], &p) == -1, "refused: %s", bad[i]);
}

static void adds_who_answered(void)
{
	const struct fc_policy a = {.model = 10, .round = 1}, b = {.model = 11, .round = 2};
	struct fc_policy p;
	struct fc_err e;
	json_t *o = json_object();
	T_OK(fc_policy_add(o, &a, &e) == 0 && fc_policy_read(o, &p, &e) == 1 &&
		fc_policy_equal(&p, &a),
	    "the first that answers");
	T_OK(fc_policy_add(o, &a, &e) == 0 && fc_policy_read(o, &p, &e) == 1 &&
		fc_policy_equal(&p, &a),
	    "the same once more");
	T_OK(fc_policy_add(o, &b, &e) == 0 && fc_policy_read(o, &p, &e) == 1 && p.several,
	    "another makes several");
	T_OK(fc_policy_add(o, &b, &e) == 0 && fc_policy_read(o, &p, &e) == 1 && p.several,
	    "several stay several");
	json_object_set_new(o, "answered_by", json_string("me"));
	T_OK(fc_policy_add(o, &b, &e) < 0, "a member of another use is not overwritten");
	json_decref(o);
}

/* Seventy trainings, each from the model before: round, ages and how far back is known. */
static void remembers_trainings(void)
{
	char dir[] = "/tmp/fc-lineage.XXXXXX", path[64];
	struct fc_lineage l;
	struct fc_err e;
	T_OK(mkdtemp(dir) != NULL, "a folder");
	snprintf(path, sizeof path, "%s/lineage.json", dir);
	T_OK(fc_lineage_read(&l, dir, 1000, &e) == 0 && l.round == 0 && l.n_before == 0 &&
		fc_lineage_age(&l, 1000) == 0 && fc_lineage_age(&l, 999) == -1,
	    "a model that nothing is known of");
	bool good = true;
	for (uint64_t i = 1; i <= 70; i++)
		good = good && fc_lineage_write_next(&l, dir, 1000 + i, &e) == 0 &&
		    fc_lineage_read(&l, dir, 1000 + i, &e) == 0;
	T_OK(good && l.round == 70, "seventy trainings");
	T_OK(fc_lineage_age(&l, 1070) == 0 && fc_lineage_age(&l, 1069) == 1 &&
		fc_lineage_age(&l, 1006) == 64 && fc_lineage_age(&l, 1005) == -1,
	    "ages of models before, up to 64");
	T_OK(fc_lineage_read(&l, dir, 5, &e) < 0 && strstr(e.msg, "000000000000042e") &&
		strstr(e.msg, "0000000000000005"),
	    "the file of other weights is refused: %s", e.msg);
	FILE *f = fopen(path, "w");
	fputs("{\"model\": \"0000000000000005\", \"round\": 1, \"before\": [7]}", f);
	fclose(f);
	T_OK(fc_lineage_read(&l, dir, 5, &e) < 0, "a damaged file is refused");
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	reads_who_answered();
	adds_who_answered();
	remembers_trainings();
	return t_done();
}
