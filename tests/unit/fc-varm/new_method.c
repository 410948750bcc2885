/* SPDX-License-Identifier: Apache-2.0 */
/* A method that only this file knows: it is found in --help, on the command line, in recipes, in
 * the dry run, in the card and in the tables of the man pages. */
#include "base/opt.h"
#include "fc-varm/request/method_table.h"
#include "fc-varm/request/parameter_option.h"
#include "fc-varm/result/card.h"
#include "fc-varm/result/dry_run.h"
#include "models.h"

static const struct parameter param_step =
    VARM_PARAMETER(REAL, "step_size", VARM_SHARED(own[0]), 0.5, 0, 1, "X", "how far to walk");
static const struct parameter param_trust = VARM_PARAMETER(
    REAL, "trust", VARM_OF_TARGET(own[0]), 1, 0, 9, "C", "how much each target is believed");

static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	(void)e;
	for (int k = 0; k < v->n_target; k++)
		r->weight[k] = v->set->own[0] * v->target_params[k].own[0];
	return 0;
}

/* base + step_size sum_k trust_k (x_k - base) */
static void apply(struct unit *u, const struct measured *r, double *out)
{
	for (size_t i = 0; i < u->n; i++) {
		out[i] = u->base[i];
		for (int k = 0; k < u->v->n_target; k++)
			out[i] += r->weight[k] * (u->x[k][i] - u->base[i]);
	}
}

VARM_METHOD(walk) = {.name = "walk",
    .help = "a walk towards the targets",
    .takes = VARM_TAKES({.parameter = &param_step}, {.parameter = &param_trust}),
    .least = 1,
    .base = BASE_NEEDED,
    .measure = measure,
    .apply = apply};

static void write_models(void)
{
	json_t *w = json_pack("{s:[f,f]}", "w", 1.0, 2.0),
	       *x = json_pack("{s:[f,f]}", "w", 3.0, 2.0);
	model_from_object("base", w, FC_F32);
	model_from_object("t0", x, FC_F32);
	model_from_object("t1", w, FC_F32);
	json_decref(w);
	json_decref(x);
}

static void has(const struct fc_buf *b, const char *text, const char *where)
{
	T_OK(b->p && strstr(b->p, text), "%s has it: %.*s", where, (int)strcspn(text, "\n"), text);
}

static void test_tables(void)
{
	struct fc_buf help = FC_BUF_INIT, mdoc = FC_BUF_INIT;
	varm_method_table_help(&help);
	has(&help, "  walk                      a walk towards the targets (step-size, trust)\n",
	    "help");
	varm_method_table_mdoc(&mdoc, "parameters");
	has(&mdoc,
	    ".It Fl -step-size Ar X\n.Cm walk :\nhow far to walk.\n0 to 1.\nThe default is\n.Cm "
	    "0.5 .\n",
	    "fc-varm(1)");
	has(&mdoc, ".It Fl -trust Ar C Ns Op , Ns Ar C ...\n", "fc-varm(1)");
	fc_buf_clear(&mdoc);
	varm_method_table_mdoc(&mdoc, "methods");
	has(&mdoc, ".It Cm walk Ta a walk towards the targets\n", "fc-varm(1)");
	fc_buf_clear(&mdoc);
	varm_method_table_mdoc(&mdoc, "recipes");
	has(&mdoc, ".It walk Ta yes Ta 1+ Ta step_size trust\n", "fc-recipe(5)");
	fc_buf_release(&help);
	fc_buf_release(&mdoc);
}

/* Makes the plan of a recipe, and what a dry run says of it. */
static bool make_plan(struct trial *t, const char *text, const char *const *said_by)
{
	static const struct models nowhere;
	struct fc_err e = {""};
	struct fc_buf b = FC_BUF_INIT;
	t->rp = (struct recipe_plan){.recipe = &t->recipe};
	bool good = varm_yaml_parse(&t->yaml, text, strlen(text), "walk.yml", &e) == 0 &&
	    varm_recipe_read(&t->recipe, t->yaml.doc[0], "walk.yml", said_by, &e) == 0 &&
	    varm_recipe_plan_make(&t->rp, &t->recipe, &nowhere, &e) == 0;
	if (!T_OK(good, "a plan"))
		printf("# %s\n", e.msg);
	varm_dry_run_print(&b, &t->rp.plan);
	has(&b, "w\tF32\t[2]\twalk\tstep_size=0.25 trust=1,3\t(pivot) t0 t1\n", "dry run");
	fc_buf_release(&b);
	return good;
}

/* Merges, and looks at the values and at the card. */
static void check_result(struct trial *t)
{
	struct fc_err e = {""};
	struct fc_store *s = NULL;
	struct fc_buf card = FC_BUF_INIT;
	float w[2] = {0, 0};
	char path[400];
	model_remove("out");
	mkdir(scratch_path("out"), 0777);
	struct merge_options o = {.shard_bytes = 0};
	T_OK(varm_merge_run(&t->rp.plan, &o, scratch_path("out"), &t->all_measured, &e) == 0 &&
		varm_merge_finish(scratch_path("out"), &e) == 0 &&
		fc_store_open(&s, scratch_path("out"), &e) == 0,
	    "merges %s", e.msg);
	if (s)
		memcpy(w, fc_store_find(s, "w")->data, sizeof w);
	T_OK(w[0] == 1.5 && w[1] == 2, "by hand: 1 + 0.25 (1 (3 - 1) + 3 (1 - 1)) = 1.5, not %g",
	    w[0]);
	const struct asked *asked = t->asked.method ? &t->asked : NULL;
	T_OK(varm_card_write(
		 scratch_path("out"), &t->rp, t->yaml.doc[0], asked, &t->all_measured, &e) == 0,
	    "a card %s", e.msg);
	snprintf(path, sizeof path, "%s/README.md", scratch_path("out"));
	T_OK(fc_file_read(path, 100000, &card, &e) == 0, "the card is there");
	has(&card, "# A merge by walk\n", "card");
	has(&card, "merge_method: walk\n", "card");
	has(&card, "step_size: 0.25\n", "card");
	has(&card, "trust: 3", "card");
	fc_buf_release(&card);
	fc_store_close(s);
	trial_release(t);
}

static void test_recipe(void)
{
	struct trial t = {.method = "walk"};
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "models:\n- model: %s/t0\n- model: %s/t1\n  parameters:\n    trust: 3\n",
	    scratch, scratch);
	fc_buf_addf(&b, "merge_method: walk\nbase_model: %s/base\nparameters: {step_size: 0.25}\n",
	    scratch);
	if (make_plan(&t, b.p, NULL))
		check_result(&t);
	fc_buf_release(&b);
}

/* The command line, parsed by the table that has rows of this method's parameters. */
static void test_options(void)
{
	static const struct fc_usage usage = {.synopsis = "", .summary = ""};
	char *argv[] = {"fc-varm", "--step-size", "0.25", "--trust", "1,3", NULL};
	char base[300], target[2][300];
	const char *targets[] = {target[0], target[1]};
	struct trial t = {.method = "walk"};
	snprintf(base, sizeof base, "%s/base", scratch);
	for (int k = 0; k < 2; k++)
		snprintf(target[k], sizeof target[k], "%s/t%d", scratch, k);
	const struct fc_opt *const tables[] = {varm_parameter_option_table(), NULL};
	fc_opt_parse(tables, &usage, 5, argv);
	trial_ask(&t, base, targets, 2);
	varm_parameter_options_get(&t.asked);
	varm_asked_write(&t.text, &t.asked);
	if (make_plan(&t, t.text.text.p, t.text.said_by))
		check_result(&t);
}

int main(void)
{
	scratch_make();
	write_models();
	test_options();
	test_tables();
	test_recipe();
	models_remove();
	scratch_remove();
	return t_done();
}
