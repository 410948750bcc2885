/* SPDX-License-Identifier: Apache-2.0 */
/* Added tokens in guarded text against their definition, place by place. */
#include "base/mem.h"
#include "base/rng.h"
#include "t.h"
#include "token/added.h"

enum { N_TEXT = 24, N_TOKEN = 6, N_GUARD = 3 };

struct sample {
	char text[N_TEXT];
	struct fc_span at[N_TEXT]; /* as a normalizer leaves it: with gaps, shared, empty */
	struct fc_aligned aligned;
	struct fc_span span[N_GUARD];
	struct fc_guard guard;
};

static void random_sample(struct sample *s, struct fc_rng *r)
{
	uint32_t place = 0;
	size_t n = fc_rng_below(r, N_TEXT + 1);
	for (size_t i = 0; i < n; i++) {
		s->text[i] = "abc"[fc_rng_below(r, 3)];
		switch (fc_rng_below(r, 8)) {
		case 0: /* what stood here is gone */
			place += 1 + (uint32_t)fc_rng_below(r, 3);
			s->at[i] = (struct fc_span){place, place + 1};
			break;
		case 1: /* made of nothing */
			s->at[i] = (struct fc_span){place, place};
			break;
		case 2: /* of the same as the byte before */
			s->at[i] = i ? s->at[i - 1] : (struct fc_span){place, place + 1};
			break;
		default:
			s->at[i] = (struct fc_span){place, place + 1};
		}
		place = s->at[i].end;
	}
	bool same = fc_rng_below(r, 3) == 0;
	s->aligned = (struct fc_aligned){s->text, n, same ? NULL : s->at, 0};
	s->guard = (struct fc_guard){s->span, fc_rng_below(r, N_GUARD + 1)};
	uint32_t from = 0;
	for (size_t i = 0; i < s->guard.n; i++) {
		from += (uint32_t)fc_rng_below(r, 8);
		uint32_t to = from + (uint32_t)fc_rng_below(r, 6);
		s->span[i] = (struct fc_span){from, to};
		from = to;
	}
}

static bool guarded(const struct sample *s, size_t from, size_t to)
{
	struct fc_span hull = fc_aligned_span(&s->aligned, from, to);
	for (size_t i = 0; i < s->guard.n; i++) {
		struct fc_span g = s->span[i];
		if (g.start < g.end && g.start < hull.end && g.end > hull.start)
			return true;
	}
	return false;
}

/* The longest token at a place that no guard forbids. */
static const struct fc_added_token *slow(
    const struct fc_added *a, const struct sample *s, size_t at)
{
	const struct fc_added_token *best = NULL;
	for (size_t i = 0; i < a->n; i++) {
		const struct fc_added_token *t = &a->v[i];
		size_t n = strlen(t->form);
		if (at + n <= s->aligned.n && !memcmp(s->text + at, t->form, n) &&
		    (!best || n > strlen(best->form)) && !(t->special && guarded(s, at, at + n)))
			best = t;
	}
	return best;
}

static bool same(
    const struct fc_added *a, const struct sample *s, const struct fc_added_found *found)
{
	size_t n = 0;
	for (size_t i = 0; i < s->aligned.n;) {
		const struct fc_added_token *t = slow(a, s, i);
		if (!t) {
			i++;
			continue;
		}
		if (n == found->n || found->v[n].token != t || found->v[n].start != i)
			return false;
		n++;
		i += strlen(t->form);
	}
	return n == found->n;
}

int main(void)
{
	struct fc_err e;
	struct fc_rng r;
	struct fc_added_found found = {0};
	size_t bad = 0, hits = 0;
	fc_rng_seed(&r, 1);
	for (int set = 0; set < 400; set++) {
		struct fc_added a = {0};
		for (uint32_t id = 0; id < N_TOKEN; id++) {
			char token[5];
			size_t n = 1 + fc_rng_below(&r, sizeof token);
			for (size_t i = 0; i < n; i++)
				token[i] = "abc"[fc_rng_below(&r, i ? 2 : 3)];
			char *content = fc_memdup0(token, n);
			if (!fc_added_by_content(&a, content))
				fc_added_new(&a, token, n, id)->special = fc_rng_below(&r, 2);
			free(content);
		}
		if (fc_added_index(&a, "test", &e) < 0)
			printf("# %s\n", e.msg);
		for (int k = 0; k < 100; k++) {
			struct sample s;
			random_sample(&s, &r);
			fc_added_find(&a, false, &s.aligned, &s.guard, &found);
			bad += !same(&a, &s, &found);
			hits += found.n;
		}
		fc_added_release(&a);
	}
	T_OK(hits > 40000, "texts have tokens (%zu)", hits);
	T_EQ(bad, 0, "texts with other tokens");
	fc_added_found_release(&found);
	return t_done();
}
