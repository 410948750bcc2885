/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte-exact transfer against enumeration.  A toy language of all texts of up to L letters, with
 * probabilities from a random model over bytes, is cut by a toy source and by a real tokenizer.
 * The source's rows are its exact next-token distributions, by counting over all texts; what the
 * pivot's should be follows in the same way.
 */
#include "fc-align/apply/bytewise.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "t.h"

enum { L = 6, N_LETTER = 3, N_TEXT = 1093, MAX_TOK = L + 1, MAX_VOCAB = 20 };

struct cut {
	uint32_t id[MAX_TOK], end[MAX_TOK];
	size_t n;
};
struct text {
	char s[L + 2];
	size_t n;
	double p;
	struct cut source, pivot;
};
static struct text all[N_TEXT];
static struct fc_rng rng;
static double min_known;

/* All texts, with the probabilities of a model that looks at the last two letters. */
static void make_texts(void)
{
	double next[16][N_LETTER + 1];
	for (size_t i = 0; i < FC_LEN(next); i++) {
		double sum = 0;
		for (size_t c = 0; c <= N_LETTER; c++)
			sum += next[i][c] = pow(fc_rng_unit(&rng), 3) + 0.02;
		for (size_t c = 0; c <= N_LETTER; c++)
			next[i][c] /= sum;
	}
	size_t n = 0;
	for (size_t len = 0; len <= L; len++) {
		size_t count = 1;
		for (size_t i = 0; i < len; i++)
			count *= N_LETTER;
		for (size_t k = 0; k < count; k++, n++) {
			struct text *t = &all[n];
			size_t rest = k, state = 0;
			*t = (struct text){.n = len, .p = 1};
			for (size_t i = 0; i < len; i++, rest /= N_LETTER) {
				size_t c = rest % N_LETTER;
				t->s[i] = (char)('a' + c);
				t->p *= next[state][c];
				state = (state << 2 | (c + 1)) & 15;
			}
			t->s[len] = '$'; /* the turn's end */
			if (len < L)
				t->p *= next[state][N_LETTER];
		}
	}
}

/* The longest word first: a tokenizer that cuts every text in one way. */
static void cut_greedily(const struct align_vocab *v, struct text *t)
{
	struct cut *c = &t->source;
	c->n = 0;
	for (size_t at = 0; at < t->n;) {
		size_t best = 0;
		for (size_t i = 1; i < v->n; i++)
			if (v->word[i].n <= t->n - at && v->word[i].n > v->word[best].n &&
			    !memcmp(v->word[i].bytes, t->s + at, v->word[i].n))
				best = i;
		at += v->word[best].n;
		c->id[c->n] = (uint32_t)best;
		c->end[c->n++] = (uint32_t)at;
	}
	c->id[c->n] = 0;
	c->end[c->n++] = (uint32_t)t->n + 1;
}

static void cut_really(const struct fc_tokenizer *tokenizer, struct text *t)
{
	struct fc_tokens tokens = {0};
	struct fc_err e;
	struct cut *c = &t->pivot;
	if (fc_tokenizer_encode(tokenizer, t->s, t->n, NULL, 0, &tokens, &e) < 0)
		T_OK(false, "%s", e.msg);
	for (c->n = 0; c->n < tokens.n; c->n++) {
		c->id[c->n] = tokens.v[c->n].id;
		c->end[c->n] = tokens.v[c->n].end;
	}
	c->id[c->n] = 0;
	c->end[c->n++] = (uint32_t)t->n + 1;
	fc_tokens_release(&tokens);
}

/* p[id]: what follows the first i tokens of c, by counting. */
static void count_next(const struct cut *c, size_t i, bool pivot, double *p, size_t n_vocab)
{
	double sum = 0;
	memset(p, 0, n_vocab * sizeof *p);
	for (size_t k = 0; k < N_TEXT; k++) {
		const struct cut *other = pivot ? &all[k].pivot : &all[k].source;
		/* the last token differs most often */
		if (other->n <= i || (i && other->id[i - 1] != c->id[i - 1]) ||
		    memcmp(other->id, c->id, i * sizeof *c->id) != 0)
			continue;
		p[other->id[i]] += all[k].p;
		sum += all[k].p;
	}
	for (size_t id = 0; id < n_vocab; id++)
		p[id] /= sum;
}

static void add_tokens(struct fc_example *x, const struct text *t, const struct cut *c)
{
	fc_buf_add(&x->text, t->s, t->n + 1);
	fc_example_add_token(x, 0, 0, FC_TOK_FLAGS(0, FC_ROLE_NONE, FC_PART_BOS));
	for (size_t i = 0; i < c->n; i++)
		fc_example_add_token(x, c->id[i], c->end[i],
		    FC_TOK_FLAGS(
			1, FC_ROLE_ASSISTANT, i + 1 < c->n ? FC_PART_CONTENT : FC_PART_TURN_END));
}

struct sorted {
	uint32_t id;
	float logprob;
};
static int compare(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	return x->logprob > y->logprob ? -1 : x->logprob < y->logprob ? 1 : (int)x->id - (int)y->id;
}

/* The k likeliest of what the source thinks, at every token. */
static void add_rows(struct fc_example *x, const struct cut *c, size_t n_vocab, size_t k)
{
	double p[MAX_VOCAB];
	for (size_t i = 0; i < c->n; i++) {
		struct sorted s[MAX_VOCAB];
		uint32_t id[MAX_VOCAB];
		float logprob[MAX_VOCAB];
		size_t n = 0;
		count_next(c, i, false, p, n_vocab);
		for (uint32_t v = 0; v < n_vocab; v++)
			if (p[v] > 0)
				s[n++] = (struct sorted){v, (float)log(p[v])};
		qsort(s, n, sizeof *s, compare);
		n = n < k ? n : k;
		for (size_t v = 0; v < n; v++) {
			id[v] = s[v].id;
			logprob[v] = s[v].logprob;
		}
		fc_example_add_row(x, (uint32_t)i + 1, n, id, logprob, (float)log(p[c->id[i]]));
	}
}

struct toy {
	struct align_vocab source, pivot;
	struct fc_tokenizer *tokenizer;
};

struct found {
	double above, below, truth, sum; /* largest differences: too much, too little, ... */
	size_t n_row;
	double nll_source, nll_pivot;
};

static void compare_rows(
    const struct toy *toy, const struct text *t, const struct fc_example *x, struct found *f)
{
	for (size_t r = 0; r < x->n_row; r++) {
		double exact[MAX_VOCAB], got[MAX_VOCAB] = {0}, sum = 0;
		count_next(&t->pivot, x->row_tok[r] - 1, true, exact, toy->pivot.n);
		for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++) {
			got[x->entry_id[i]] = exp(x->entry_logprob[i]);
			sum += got[x->entry_id[i]];
		}
		for (size_t v = 0; v < toy->pivot.n; v++) {
			f->above = fmax(f->above, got[v] - exact[v]);
			f->below = fmax(f->below, exact[v] - got[v]);
		}
		uint32_t truth = x->tok[x->row_tok[r]];
		f->truth = fmax(f->truth, fabs(exp(x->true_logprob[r]) - exact[truth]));
		f->sum = fmax(f->sum, fabs(sum - 1));
		f->nll_pivot -= x->true_logprob[r];
		f->n_row++;
	}
}

/* Every text through the transfer; k entries of the source's rows. */
static struct found run(const struct toy *toy, size_t k, struct align_ledger *ledger)
{
	struct found f = {0};
	struct fc_example s, p;
	struct align_bytewise *b =
	    align_bytewise_new(&toy->source, &toy->pivot, toy->tokenizer, MAX_VOCAB, min_known);
	fc_example_init(&s);
	fc_example_init(&p);
	make_texts();
	for (size_t i = 0; i < N_TEXT; i++) {
		cut_greedily(&toy->source, &all[i]);
		cut_really(toy->tokenizer, &all[i]);
	}
	for (size_t i = 0; i < N_TEXT; i += 7) {
		const struct text *t = &all[i];
		fc_example_clear(&s);
		fc_example_clear(&p);
		add_tokens(&s, t, &t->source);
		add_tokens(&p, t, &t->pivot);
		add_rows(&s, &t->source, toy->source.n, k);
		align_bytewise_example(b, &s, &p, ledger);
		for (size_t r = 0; r < s.n_row; r++)
			f.nll_source -= s.true_logprob[r];
		compare_rows(toy, t, &p, &f);
	}
	align_bytewise_free(b);
	fc_example_release(&s);
	fc_example_release(&p);
	return f;
}

/* A pivot of these merges over a, b and c. */
static struct fc_tokenizer *open_pivot(const char *vocab, const char *merges)
{
	char dir[] = "/tmp/fc-bytewise-XXXXXX", path[300];
	struct fc_tokenizer *t = NULL;
	struct fc_err e;
	T_OK(mkdtemp(dir), "a folder");
	snprintf(path, sizeof path, "%s/tokenizer.json", dir);
	FILE *f = fopen(path, "w");
	fprintf(f,
	    "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 0, \"content\": \"<e>\", "
	    "\"special\": "
	    "true, \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": "
	    "false}], \"normalizer\": null, \"pre_tokenizer\": null, \"post_processor\": null, "
	    "\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"ByteFallback\"}, "
	    "{\"type\": \"Fuse\"}]}, \"model\": {\"type\": \"BPE\", \"dropout\": null, "
	    "\"unk_token\": null, \"byte_fallback\": true, \"continuing_subword_prefix\": null, "
	    "\"end_of_word_suffix\": null, \"fuse_unk\": false, \"vocab\": {\"<e>\": 0, "
	    "\"<0x0A>\": 1, \"a\": 2, \"b\": 3, \"c\": 4%s}, \"merges\": [%s]}}",
	    vocab, merges);
	fclose(f);
	int rc = fc_tokenizer_open(&t, path, &e);
	T_OK(rc == 0, "a tokenizer %s", rc ? e.msg : "");
	remove(path);
	rmdir(dir);
	return t;
}

static struct toy make_toy(struct align_word *word, size_t n, const char *vocab, const char *merges)
{
	struct toy toy = {.source = {.word = word, .n = n}};
	for (int i = 0; i < ALIGN_N_SPECIAL; i++)
		toy.source.role[i] = ALIGN_UNMAPPED;
	toy.source.role[ALIGN_SPECIAL_TURN_END] = 0;
	toy.tokenizer = open_pivot(vocab, merges);
	align_vocab_init(&toy.pivot, toy.tokenizer, 0);
	return toy;
}

static void release_toy(struct toy *toy)
{
	align_vocab_release(&toy->pivot);
	fc_tokenizer_free(toy->tokenizer);
}

static struct align_word letters[] = {
    {"", 0, "</s>", true},
    {"a", 1, "a", false},
    {"b", 1, "b", false},
    {"c", 1, "c", false},
};
/* Whatever begins a word is one: no token ends before the place that could still go on. */
static struct align_word words[] = {
    {"", 0, "</s>", true},
    {"a", 1, "a", false},
    {"b", 1, "b", false},
    {"c", 1, "c", false},
    {"ab", 2, "ab", false},
    {"abc", 3, "abc", false},
    {"bc", 2, "bc", false},
    {"ca", 2, "ca", false},
    {"caa", 3, "caa", false},
    {"aa", 2, "aa", false},
};
#define PAIRS ", \"ab\": 5, \"bc\": 6", "\"a b\", \"b c\""
#define LONGER ", \"ca\": 5, \"cab\": 6, \"aa\": 7", "\"c a\", \"ca b\", \"a a\""

static bool balanced(const struct align_ledger *l)
{
	double sum = l->out;
	for (int i = 0; i < ALIGN_N_LOSS; i++)
		sum += l->lost[i];
	return t_near(sum / (double)l->n_row, 1, 1e-5);
}

enum { ROUNDS = 20 };

/*
 * Source of words, pivot of letters: any word settles its letters.  What ended at a place is known
 * to be missing, so every entry is a lower bound, and exact where nothing ended.
 */
static void test_to_letters(struct align_word *word, size_t n, bool ends)
{
	struct toy toy = make_toy(word, n, "", "");
	bool rows = true, below = true, above = true, balance = true;
	for (int round = 0; round < ROUNDS; round++) {
		struct align_ledger l = {0};
		struct found f = run(&toy, MAX_VOCAB, &l);
		rows = rows && l.n_row == l.n_trained && f.n_row > 500;
		above = above && f.above < 1e-5;
		below = below && (ends ? f.below > 0.1 : f.below < 1e-5);
		balance = balance && balanced(&l);
	}
	T_OK(rows, "to letters: every token has a row");
	T_OK(above, "to letters: no entry above what enumeration gives");
	T_OK(below, "to letters: %s", ends ? "what ended is missing" : "nor below");
	T_OK(balance, "to letters: mass in is mass out plus mass lost");
	release_toy(&toy);
}

/* Source of letters: the true tokens are followed until the pivot's token is settled. */
static void test_from_letters(const char *vocab, const char *merges)
{
	struct toy toy = make_toy(letters, FC_LEN(letters), vocab, merges);
	bool rows = true, truth = true, sum = true, chain = true, balance = true;
	for (int round = 0; round < ROUNDS; round++) {
		struct align_ledger l = {0};
		struct found f = run(&toy, MAX_VOCAB, &l);
		rows = rows && l.n_row == l.n_trained && f.n_row > 500;
		truth = truth && f.truth < 1e-5;
		sum = sum && f.sum < 1e-5;
		chain = chain && t_near(f.nll_pivot, f.nll_source, 1e-5);
		balance = balance && balanced(&l);
	}
	T_OK(rows, "from letters: every token has a row");
	T_OK(truth, "from letters: the true token as by enumeration");
	T_OK(sum, "from letters: nothing is lost");
	T_OK(chain, "from letters: a text is as probable as in the source");
	T_OK(balance, "from letters: mass in is mass out plus mass lost");
	release_toy(&toy);
}

/* Both of words: what a short list leaves out is the tail, and nothing more. */
static void test_words(size_t k)
{
	struct toy toy = make_toy(words, FC_LEN(words), PAIRS);
	bool rows = true, balance = true, tail = true;
	for (int round = 0; round < ROUNDS; round++) {
		struct align_ledger l = {0};
		struct found f = run(&toy, k, &l);
		rows = rows && l.n_row + l.n_unsure == l.n_trained && f.n_row > 500;
		balance = balance && balanced(&l);
		tail = tail && (l.lost[ALIGN_LOSS_TAIL] > 1) == (k < 4);
	}
	T_OK(rows, "words, k %zu: rows, but for what is not known", k);
	T_OK(balance, "words, k %zu: mass in is mass out plus mass lost", k);
	T_OK(tail, "words, k %zu: a tail where not all is listed", k);
	release_toy(&toy);
}

/* No row where most of what follows is not known; a row there where it need not be. */
static void test_known(void)
{
	struct toy toy = make_toy(words, FC_LEN(words), "", "");
	struct align_ledger any = {0}, sure = {0};
	struct fc_rng start = rng;
	run(&toy, MAX_VOCAB, &any);
	rng = start;
	min_known = 0.8;
	run(&toy, MAX_VOCAB, &sure);
	min_known = 0;
	T_OK(any.n_unsure == 0 && sure.n_unsure > 20 && sure.n_row > 100 &&
		sure.n_row + sure.n_unsure == any.n_row,
	    "known: %llu rows less", (unsigned long long)sure.n_unsure);
	T_OK(sure.lost[ALIGN_LOSS_ENDED] < 0.2 * (double)sure.n_row, "known: what ended is less");
	release_toy(&toy);
}

/* Of n independent draws of each row, the counts; true tokens keep their own probability. */
static void add_drawn_rows(struct fc_example *x, const struct cut *c, size_t n_vocab, uint32_t n)
{
	double p[MAX_VOCAB];
	for (size_t i = 0; i < c->n; i++) {
		struct sorted s[MAX_VOCAB];
		uint32_t id[MAX_VOCAB], count[MAX_VOCAB] = {0};
		float logprob[MAX_VOCAB];
		size_t n_entry = 0;
		count_next(c, i, false, p, n_vocab);
		for (uint32_t k = 0; k < n; k++) {
			double left = fc_rng_unit(&rng);
			size_t v = 0;
			while (v + 1 < n_vocab && (left -= p[v]) >= 0)
				v++;
			count[v]++;
		}
		for (uint32_t v = 0; v < n_vocab; v++)
			if (count[v])
				s[n_entry++] = (struct sorted){v, (float)log((double)count[v] / n)};
		qsort(s, n_entry, sizeof *s, compare);
		for (size_t v = 0; v < n_entry; v++) {
			id[v] = s[v].id;
			logprob[v] = s[v].logprob;
		}
		fc_example_add_row(
		    x, (uint32_t)i + 1, n_entry, id, logprob, (float)log(p[c->id[i]]));
	}
}

enum { DRAWS = 8, REPEATS = 1500 };

/* Sums and sums of squares over REPEATS draws of a text's rows. */
struct moments {
	double sum[MAX_TOK][MAX_VOCAB], squares[MAX_TOK][MAX_VOCAB];
	bool truth;  /* the text is as probable as in the source */
	bool counts; /* shares of rows where the first row settles all */
};

static void add_moments(const struct fc_example *x, double nll, struct moments *m)
{
	double at_pivot = 0;
	for (size_t r = 0; r < x->n_row; r++) {
		at_pivot -= (double)x->true_logprob[r];
		for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++) {
			const double p = exp((double)x->entry_logprob[i]);
			m->sum[r][x->entry_id[i]] += p;
			m->squares[r][x->entry_id[i]] += p * p;
			m->counts = m->counts && fabs(p * DRAWS - rint(p * DRAWS)) < 1e-5;
		}
	}
	m->truth = m->truth && t_near(at_pivot, nll, 1e-5);
}

static void row_probs(const struct fc_example *x, size_t r, double *p)
{
	memset(p, 0, MAX_VOCAB * sizeof *p);
	for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++)
		p[x->entry_id[i]] = exp((double)x->entry_logprob[i]);
}

/* The mean row over many draws is that of rows that list every token.  Texts in which
 * a candidate is excluded are left out: there it is a ratio.  Returns the number of entries. */
static size_t check_means(const struct toy *toy, const struct text *t, double *worst,
    double *chi_square, bool *truth, bool *counts)
{
	struct align_bytewise *b =
	    align_bytewise_new(&toy->source, &toy->pivot, toy->tokenizer, MAX_VOCAB, 0);
	struct moments m = {.truth = true, .counts = true};
	struct align_ledger l = {0};
	struct fc_example s, p;
	double exact[MAX_TOK][MAX_VOCAB];
	size_t n = 0;
	fc_example_init(&s);
	fc_example_init(&p);
	add_tokens(&s, t, &t->source);
	add_tokens(&p, t, &t->pivot);
	add_rows(&s, &t->source, toy->source.n, MAX_VOCAB);
	align_bytewise_example(b, &s, &p, &l);
	for (size_t r = 0; r < p.n_row; r++)
		row_probs(&p, r, exact[r]);
	align_bytewise_set_draws(b, &(struct align_draws){DRAWS, true});
	for (int k = 0; l.excluded == 0 && k < REPEATS; k++) {
		double nll = 0;
		fc_example_clear_rows(&s);
		fc_example_clear_rows(&p);
		add_drawn_rows(&s, &t->source, toy->source.n, DRAWS);
		align_bytewise_example(b, &s, &p, &l);
		for (size_t r = 0; r < s.n_row; r++)
			nll -= (double)s.true_logprob[r];
		add_moments(&p, nll, &m);
	}
	for (size_t r = 0; l.excluded == 0 && r < p.n_row; r++) {
		for (size_t v = 0; v < toy->pivot.n; v++) {
			const double mean = m.sum[r][v] / REPEATS;
			const double var = m.squares[r][v] / REPEATS - mean * mean;
			/* 3 of that many draws at least, for the normal distribution to hold */
			if (exact[r][v] * REPEATS < 3 || var < 1e-9)
				continue;
			const double z = (mean - exact[r][v]) / sqrt(var / REPEATS);
			*worst = fmax(*worst, fabs(z));
			*chi_square += z * z;
			n++;
		}
	}
	*truth = *truth && m.truth;
	*counts = *counts && m.counts;
	align_bytewise_free(b);
	fc_example_release(&s);
	fc_example_release(&p);
	return n;
}

static void test_draws(const char *vocab, const char *merges, bool whole, size_t step)
{
	struct toy toy = make_toy(letters, FC_LEN(letters), vocab, merges);
	double worst = 0, chi_square = 0;
	bool truth = true, counts = true;
	size_t n = 0;
	make_texts();
	for (size_t i = 0; i < N_TEXT; i++) {
		cut_greedily(&toy.source, &all[i]);
		cut_really(toy.tokenizer, &all[i]);
	}
	for (size_t i = 1; i < N_TEXT; i += step)
		n += check_means(&toy, &all[i], &worst, &chi_square, &truth, &counts);
	T_OK(n > 80 && worst < 4.5, "draws: means of %zu entries, the worst %.1f deviations off", n,
	    worst);
	T_OK(fabs(chi_square / (double)n - 1) < 0.5, "draws: %.2f deviations squared on average",
	    chi_square / (double)n);
	T_OK(truth, "draws: a text is as probable as in the source");
	T_OK(counts == whole, "draws: counts are %s", whole ? "whole" : "divided between tokens");
	release_toy(&toy);
}

int main(void)
{
	fc_rng_seed(&rng, 11);
	test_to_letters(words, FC_LEN(words), true);
	test_to_letters(letters, FC_LEN(letters), false);
	test_from_letters(PAIRS);
	test_from_letters(LONGER);
	test_words(MAX_VOCAB);
	test_words(2);
	test_known();
	test_draws("", "", true, 53);
	test_draws(PAIRS, false, 4);
	return t_done();
}
