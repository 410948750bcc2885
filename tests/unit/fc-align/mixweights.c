/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/mixweights.h"

#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "fc-align/fuse/gain.h"
#include "t.h"

enum { TOKENS = 9, ROWS = TOKENS - 1 };
#define GONE (-1.f) /* probability of a row that is not there */

static const char *const names[] = {"p", "a", "b"};

/* A conversation of TOKENS tokens of 2 bytes each, all but the first trained; p: [ROWS] what the
 * rows give the true token, which they list only if it is above a half. */
static void make(struct fc_example *x, const float *p)
{
	fc_example_init(x);
	for (uint32_t t = 0; t < TOKENS; t++)
		fc_example_add_token(x, t, 2 * (t + 1), t > 0 ? FC_TOK_TRAINED : 0);
	for (uint32_t r = 0; r < ROWS; r++) {
		uint32_t id = p[r] > .5f ? r + 1 : 20;
		if (p[r] >= 0)
			fc_example_add_row(x, r + 1, 1, &id, (float[]){logf(.75f)},
			    p[r] > 0 ? logf(p[r]) : -65504);
	}
	x->nll = 7;
	x->n_label = 5;
	x->label_bytes = 14;
}

static void add(struct align_devset *d, const float (*p)[ROWS], const char *category)
{
	struct fc_example x[3];
	const struct fc_example *at[3];
	for (size_t i = 0; i < d->n; i++) {
		make(&x[i], p[i]);
		at[i] = &x[i];
	}
	align_devset_add(d, at, category);
	for (size_t i = 0; i < d->n; i++)
		fc_example_release(&x[i]);
}

/* In "code" a is right and b is not, elsewhere the other way round; p is always half right. */
static const float code[3][ROWS] = {{.5f, .4f, .5f, .4f, .5f, .4f, .5f, .4f},
    {.9f, .8f, .9f, .8f, .9f, .2f, .9f, .8f}, {.1f, .2f, .1f, .2f, .1f, .9f, .1f, .2f}};
static const float talk[3][ROWS] = {{.5f, .4f, .5f, .4f, .5f, .4f, .5f, .4f},
    {.1f, .2f, .1f, .2f, .1f, .9f, .1f, .2f}, {.9f, .8f, .9f, .8f, .9f, .2f, .9f, .8f}};
static const float few[3][ROWS] = {{.5f, .4f, .5f, .4f, .5f, .4f, GONE, .4f},
    {.6f, GONE, .6f, .6f, GONE, .6f, GONE, 0}, {.1f, .2f, .3f, .4f, .5f, .6f, .7f, 0}};

static void test_devset(void)
{
	struct align_devset d;
	align_devset_init(&d, 3);
	add(&d, few, NULL);
	add(&d, code, NULL);
	const struct align_dev_conversation *c = d.conv;
	T_OK(d.n_conv == 2 && c[0].first == 0 && c[0].n == 5 && c[1].first == 5 && c[1].n == 8,
	    "dev set: labels that all streams have a row for");
	T_OK(c[0].bytes == 10 && c[0].n_trained == 8,
	    "dev set: their bytes, and all that there are");
	T_OK(c[0].fold != c[1].fold, "dev set: conversations in turns");
	const struct align_dev_seen *s = d.seen;
	T_OK(s[0].n_row == 7 && s[1].n_row == 5 && s[2].n_row == 8, "dev set: rows of each");
	T_OK(s[0].n_listed == 0 && s[1].n_listed == 4 && s[2].n_listed == 2,
	    "dev set: true tokens that are listed");
	T_NEAR(s[1].mass, 5 * .75, 1e-6, "dev set: listed probability");
	T_OK(s[1].nll == 7 && s[1].n_label == 5 && s[1].label_bytes == 14, "dev set: as captured");
	T_NEAR(align_devset_nats(&d, 1, 1), -(4 * log(.9) + 3 * log(.8) + log(.2)), 1e-6,
	    "dev set: nats of a stream");
	double w[] = {.25, .75}, want = -65504 + log(.25 + .75);
	for (size_t r = 0; r < 6; r++)
		want += few[1][r] > 0 ? log(.25 * (double)few[1][r] + .75 * (double)few[2][r]) : 0;
	T_NEAR(align_devset_mixture_nats(&d, 0, 1, 2, w), -want, 1e-6,
	    "dev set: nats of a mixture, also of what both give probability 0");
	T_NEAR(align_devset_mixture_nats(&d, 1, 0, 3, (double[]){0, 1, 0}),
	    align_devset_nats(&d, 1, 1), 1e-9, "dev set: a weight of 1 is the member");
	align_devset_release(&d);
}

/* 12 conversations of each, and one of a category with labels for all but few. */
static void fill(struct align_devset *d, bool by)
{
	align_devset_init(d, 3);
	for (int i = 0; i < 12; i++) {
		add(d, code, by ? "code" : NULL);
		add(d, talk, by ? "talk" : NULL);
	}
	add(d, few, by ? "rare" : NULL);
}

static void test_fit(void)
{
	struct align_devset d;
	struct align_mixweights w;
	struct fc_err e;
	fill(&d, true);
	T_EQ(align_mixweights_fit(&w, &d, 0, -1, 0, &e), 0, "fit: by category");
	T_OK(w.n == 4 && !strcmp(w.group[0].name, "all") && !strcmp(w.group[1].name, "code") &&
		!strcmp(w.group[2].name, "rare") && !strcmp(w.group[3].name, "talk"),
	    "fit: the common group, then categories by name");
	T_OK(w.group[0].n_label == 24 * 8 + 5 && w.group[2].n_label == 5, "fit: labels of each");
	const double *a = align_mixweights_find(&w, "code"), *b = align_mixweights_find(&w, "talk");
	T_OK(a[1] > .7 && b[2] > .7, "fit: each category has its own (%.3f, %.3f)", a[1], b[2]);
	T_NEAR(a[1], b[2], 1e-3, "fit: of mirrored data, mirrored weights");
	T_OK(align_mixweights_find(&w, "none") == w.group[0].w &&
		align_mixweights_find(&w, NULL) == w.group[0].w,
	    "fit: the common ones for others");
	const double *all = w.group[0].w, *rare;
	double far = fabs(align_mixweights_find(&w, "rare")[1] - all[1]), before = far;
	align_mixweights_release(&w);
	for (double prior = 1; prior < 1e7; prior *= 100) {
		T_EQ(align_mixweights_fit(&w, &d, 0, -1, prior, &e), 0, "fit: with a prior");
		all = w.group[0].w;
		rare = align_mixweights_find(&w, "rare");
		far = fabs(rare[1] - all[1]);
		T_OK(far < before, "fit: %g labels draw a small category (%.3g)", prior, far);
		before = far;
		align_mixweights_release(&w);
	}
	T_OK(far < 1e-3, "fit: at last it has the common weights");
	T_EQ(align_mixweights_fit(&w, &d, 1, -1, 0, &e), 0, "fit: without the pivot");
	T_OK(w.m == 2 && w.group[0].w[0] > .3 && w.group[0].w[1] > .3, "fit: the other two");
	align_mixweights_release(&w);
	align_devset_release(&d);
}

/* The halves hold alike conversations: what is fitted to one is right for the other, and what the
 * mixture gains is what its definition says. */
static void test_gain(void)
{
	struct align_devset d;
	struct align_mixweights w;
	struct align_gains g;
	struct align_gain all, talks;
	struct fc_err e;
	fill(&d, true);
	T_OK(align_mixweights_fit(&w, &d, 0, -1, 10, &e) == 0 &&
		align_gains_measure(&g, &d, 0, &w, 10, &e) == 0,
	    "gain: measured");
	align_gain_of(&all, &g, &d, SIZE_MAX, 1, 2000);
	double nats = 0;
	for (size_t c = 0; c < d.n_conv; c++) {
		const double *own =
		    align_mixweights_find(&w, d.categories.name[d.conv[c].category]);
		const struct align_dev_conversation *v = &d.conv[c];
		for (size_t i = v->first; i < v->first + v->n; i++) {
			double mix = 0;
			for (size_t j = 0; j < 3; j++)
				mix += own[j] * exp((double)d.logprob[i * 3 + j]);
			nats -= mix > 0 ? log(mix) : -65504;
		}
	}
	T_NEAR(
	    all.fitted, nats / (24 * 16 + 10) / log(2), 1e-6, "gain: bits of the fitted mixture");
	T_OK(all.fresh >= all.fitted - 1e-6, "gain: text that weights did not see costs more");
	T_NEAR(all.gain[1], all.bits[1] - all.fresh, 1e-12, "gain: the difference");
	align_gain_of(&talks, &g, &d, 1, 1, 2000); /* the second category that was met */
	const struct fc_interval in = talks.within[0];
	T_OK(talks.n_conv == 12 && talks.n_label == 96, "gain: of a category");
	T_OK(in.low <= talks.gain[0] && talks.gain[0] <= in.high && in.high - in.low < .01,
	    "gain: conversations that are alike leave little doubt");
	align_gain_release(&talks);
	align_gain_release(&all);
	align_gains_release(&g);
	align_mixweights_release(&w);
	align_devset_release(&d);

	/* one half has nothing */
	align_devset_init(&d, 3);
	add(&d, code, NULL);
	T_EQ(align_mixweights_fit(&w, &d, 0, -1, 10, &e), 0, "gain: one conversation is fitted");
	T_OK(align_gains_measure(&g, &d, 0, &w, 10, &e) < 0 && strstr(e.msg, "one half"),
	    "gain: but has no other half");
	align_gains_release(&g);
	align_mixweights_release(&w);
	align_devset_release(&d);
}

static int read_text(struct align_mixweights *w, const char *text, size_t m, struct fc_err *e)
{
	char path[] = "/tmp/fc-mixweights-XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0 || fc_write_all(fd, text, strlen(text), path, e) < 0)
		return -2;
	close(fd);
	int rc = align_mixweights_read(w, path, names, m, e);
	unlink(path);
	return rc;
}

#define HEAD "group\tsource\tweight\tlabels\n"

static void test_file(void)
{
	struct align_devset d;
	struct align_mixweights w, back;
	struct fc_err e;
	struct fc_buf b = FC_BUF_INIT;
	fill(&d, true);
	align_mixweights_fit(&w, &d, 0, -1, 10, &e);
	struct fc_table t = align_mixweights_table(&w, names);
	fc_table_print(&t, FC_TABLE_TSV, &b);
	T_EQ(read_text(&back, b.p, 3, &e), 0, "file: what is written can be read");
	double off = 0;
	for (size_t i = 0; i < w.n; i++)
		for (size_t j = 0; j < 3; j++)
			off = fmax(off,
			    fabs(align_mixweights_find(&back, w.group[i].name)[j] -
				w.group[i].w[j]));
	T_OK(back.n == 4 && off < 1e-8, "file: and is the same (%.3g)", off);
	align_mixweights_release(&back);
	align_mixweights_release(&w);
	align_devset_release(&d);
	fc_table_release(&t);
	fc_buf_release(&b);

	T_EQ(
	    read_text(&w,
		"weight\tgroup\tmore\tsource\n1\tx\t\tp\n0\tx\t\ta\n.25\tall\t\tp\n.75\tall\t\ta\n",
		2, &e),
	    0, "file: columns in any order");
	T_OK(w.group[0].w[1] == .75 && align_mixweights_find(&w, "x")[0] == 1, "file: by group");
	align_mixweights_release(&w);
	T_EQ(read_text(&w, HEAD "all\tp\t1\t9\nall\ta\t0\t9\nall\tgone\t0\t9\n", 2, &e), 0,
	    "file: a source of weight 0 may be left out");
	align_mixweights_release(&w);
	static const struct {
		const char *text, *says;
	} bad[] = {
	    {"", "is empty"},
	    {"group\tsource\tce\n", "no column 'weight'"},
	    {HEAD, "no group 'all'"},
	    {HEAD "x\tp\t1\t1\nx\ta\t0\t1\n", "no group 'all'"},
	    {HEAD "all\tp\t1\t1\n", "no weight for 'a'"},
	    {HEAD "all\tp\t.5\t1\nall\ta\t.4\t1\n", "add up to 0.9"},
	    {HEAD "all\tp\t1.5\t1\n", "from 0 to 1"},
	    {HEAD "all\tp\t-1\t1\n", "from 0 to 1"},
	    {HEAD "all\tp\tnan\t1\n", "from 0 to 1"},
	    {HEAD "all\tp\t\t1\n", "from 0 to 1"},
	    {HEAD "all\tp\n", "from 0 to 1"},
	    {HEAD "all\tp\t.5\t1\nall\tp\t.5\t1\n", "a second weight of 'p'"},
	    {HEAD "all\tp\t.5\t1\nall\tc\t.5\t1\n",
		"'c' has weight 0.5, but is none of the streams"},
	    {HEAD "all\tp\t1\t1\nall\ta\t0\t1\nx\ta\t1\t1\n", "group 'x' has no weight for 'p'"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int rc = read_text(&w, bad[i].text, 2, &e);
		T_OK(rc == -1 && strstr(e.msg, bad[i].says), "file: refused: %s", bad[i].says);
		align_mixweights_release(&w);
	}
	T_OK(align_mixweights_check_names((const char *const[]){"a", "b", "a"}, 3, &e) < 0 &&
		strstr(e.msg, "'a'"),
	    "two members of one name are refused");
	T_EQ(align_mixweights_check_names(names, 3, &e), 0, "three names are fine");
}

static void test_degenerate(void)
{
	struct align_devset d;
	struct align_mixweights w;
	struct fc_err e;
	static const float twins[3][ROWS] = {{.5f, .4f, .5f, .4f, .5f, .4f, .5f, .4f},
	    {.5f, .4f, .5f, .4f, .5f, .4f, .5f, .4f}, {.1f, 0, .1f, 0, .1f, 0, .1f, 0}};
	static const float nobody[3][ROWS] = {{.5f, GONE, GONE, GONE, GONE, GONE, GONE, GONE},
	    {GONE, .5f, GONE, GONE, GONE, GONE, GONE, GONE},
	    {GONE, GONE, .5f, GONE, GONE, GONE, GONE, GONE}};
	align_devset_init(&d, 3);
	add(&d, twins, NULL);
	T_EQ(align_mixweights_fit(&w, &d, 0, -1, 0, &e), 0, "twins: fitted");
	T_OK(w.group[0].w[0] == .5 && w.group[0].w[1] == .5 && w.group[0].w[2] == 0,
	    "twins share alike, and one that thinks half of it impossible has nothing");
	align_mixweights_release(&w);
	T_EQ(align_mixweights_fit(&w, &d, 2, -1, 0, &e), 0, "one member: fitted");
	T_OK(w.m == 1 && w.group[0].w[0] == 1, "one member has all, whatever it says");
	align_mixweights_release(&w);
	align_devset_release(&d);

	align_devset_init(&d, 3);
	add(&d, code, "a");
	add(&d, code, "b");
	add(&d, code, "b");
	T_OK(d.conv[0].fold != d.conv[1].fold && d.conv[1].fold != d.conv[2].fold,
	    "halves: within a category by turns, and categories of one conversation, too");
	align_devset_release(&d);

	align_devset_init(&d, 3);
	add(&d, nobody, NULL);
	T_OK(align_mixweights_fit(&w, &d, 0, -1, 0, &e) < 0 &&
		strstr(e.msg, "all streams have a row"),
	    "no label that all have: refused");
	align_mixweights_release(&w);
	align_devset_release(&d);
}

int main(void)
{
	test_devset();
	test_fit();
	test_gain();
	test_file();
	test_degenerate();
	return t_done();
}
