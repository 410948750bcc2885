/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/request.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"

struct asked varm_asked = {.lambda = 1, .t = NAN, .select_topk = NAN, .seed = 1};

enum { AUTO, YES, NO };

static const struct method *chosen_method(void)
{
	const char *list = REQUEST_METHODS;
	for (int i = 0; i < varm_asked.method; i++)
		list = strchr(list, '|') + 1;
	char *name = fc_memdup0(list, strcspn(list, "|"));
	const struct method *m = varm_method_find(name);
	free(name);
	return m;
}

/* "1,2.5,0" or "0.5" -> value[n] */
static void parse_numbers(const char *option, const char *text, double *value, int n)
{
	const char *at = text;
	bool one = !strchr(text, ',');
	for (int k = 0; k < (one ? 1 : n); k++) {
		char *end;
		errno = 0;
		value[k] = strtod(at, &end);
		if (end == at || errno == ERANGE || !isfinite(value[k]) ||
		    *end != (one || k + 1 == n ? '\0' : ','))
			fc_die_usage("--%s: '%s' is not a number, or %d separated by commas",
			    option, text, n);
		at = end + 1;
	}
	for (int k = 1; k < n && one; k++)
		value[k] = value[0];
}

/* Members of struct term that lists of numbers fill in. */
static void fill_terms(struct term *term, int n)
{
	const struct {
		const char *option, *text;
		size_t at;
	} list[] = {{"weights", varm_asked.weights, offsetof(struct term, weight)},
	    {"density", varm_asked.density, offsetof(struct term, density)},
	    {"gamma", varm_asked.gamma, offsetof(struct term, gamma)},
	    {"epsilon", varm_asked.epsilon, offsetof(struct term, epsilon)}};
	double *value = FC_ARRAY(double, (size_t)n + 1);
	for (size_t i = 0; i < FC_LEN(list); i++) {
		if (!list[i].text)
			continue;
		parse_numbers(list[i].option, list[i].text, value, n);
		for (int k = 0; k < n; k++)
			memcpy((char *)&term[k] + list[i].at, &value[k], sizeof value[k]);
	}
	free(value);
}

/* An option that the method does not read is a mistake. */
static void check_used(const struct method *m)
{
	const struct {
		const char *option;
		bool given;
		unsigned takes;
	} list[] = {{"by", varm_asked.by != 0, TAKES_GRANULARITY},
	    {"measure", varm_asked.measure != 0, TAKES_GRANULARITY},
	    {"temperature", varm_asked.temperature != 0, TAKES_GRANULARITY},
	    {"select-topk", !isnan(varm_asked.select_topk), TAKES_TOPK},
	    {"weights", varm_asked.weights != NULL, TAKES_WEIGHT},
	    {"normalize", varm_asked.normalize != AUTO, TAKES_NORMALIZE},
	    {"lambda", varm_asked.lambda != 1, TAKES_LAMBDA},
	    {"density", varm_asked.density != NULL, TAKES_DENSITY},
	    {"rescale", varm_asked.rescale != AUTO, TAKES_RESCALE},
	    {"gamma", varm_asked.gamma != NULL, TAKES_GAMMA},
	    {"epsilon", varm_asked.epsilon != NULL, TAKES_EPSILON},
	    {"t", !isnan(varm_asked.t), TAKES_T},
	    {"nuslerp", varm_asked.nuslerp != 0, TAKES_NUSLERP},
	    {"filter-wise", varm_asked.filter_wise, TAKES_FILTER_WISE}};
	for (size_t i = 0; i < FC_LEN(list); i++)
		if (list[i].given && !(varm_method_takes(m) & list[i].takes))
			fc_die_usage(
			    "--%s does not belong to --method %s", list[i].option, m->name);
	if (m == &varm_method_nearswap && isnan(varm_asked.t))
		fc_die_usage("--method nearswap needs a distance: use --t");
}

bool varm_request_is_given(void)
{
	return varm_asked.method || varm_asked.by || varm_asked.measure || varm_asked.normalize ||
	    varm_asked.rescale || varm_asked.nuslerp || varm_asked.weights || varm_asked.density ||
	    varm_asked.gamma || varm_asked.epsilon || varm_asked.filter_wise ||
	    varm_asked.lambda != 1 || !isnan(varm_asked.t) || !isnan(varm_asked.select_topk) ||
	    varm_asked.temperature != 0;
}

static double sum_of_weights(const struct term *term, int n)
{
	double sum = 0;
	for (int k = 0; k < n; k++)
		sum += term[k].weight;
	return sum;
}

static struct settings make_settings(const struct method *m)
{
	struct settings s = varm_method_settings(m);
	s.by = (enum granularity)varm_asked.by;
	s.absolute = varm_asked.measure;
	s.temperature = varm_asked.temperature;
	s.select_topk = isnan(varm_asked.select_topk) ? s.select_topk : varm_asked.select_topk;
	s.normalize = varm_asked.normalize == AUTO ? s.normalize : varm_asked.normalize == YES;
	s.rescale = varm_asked.rescale == AUTO ? s.rescale : varm_asked.rescale == YES;
	s.lambda = varm_asked.lambda;
	s.seed = varm_asked.seed;
	s.t = isnan(varm_asked.t) ? s.t : varm_asked.t;
	s.flatten = varm_asked.nuslerp == 0;
	s.row_wise = varm_asked.nuslerp == 2;
	s.filter_wise = varm_asked.filter_wise;
	return s;
}

struct request varm_request_make(int n_target)
{
	const struct method *m = chosen_method();
	struct term *term = FC_ARRAY(struct term, (size_t)n_target + 1);
	struct fc_err e;
	check_used(m);
	for (int k = 0; k < n_target; k++)
		term[k] = varm_method_term(m);
	fill_terms(term, n_target);
	struct request q = {.method = m, .settings = make_settings(m), .term = term};
	if (varm_method_check(m, &q.settings, term, n_target, "options", &e) < 0)
		fc_die_usage("%s", e.msg);
	bool divides = m == &varm_method_linear || m == &varm_method_multislerp;
	if (divides && q.settings.normalize && sum_of_weights(term, n_target) == 0)
		fc_die_usage("--weights: '%s' add up to 0", varm_asked.weights);
	return q;
}
