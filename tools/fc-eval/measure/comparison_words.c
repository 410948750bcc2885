/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "fc-eval/measure/comparison_table.h"
#include "text/utf8.h"

enum { LINE = 80 };

void eval_comparison_wrap(struct fc_buf *out, const char *text)
{
	size_t at = 0;
	while (*text) {
		const size_t n = strcspn(text, " "), w = fc_utf8_count(text, n);
		if (at && at + 1 + w > LINE) {
			fc_buf_addc(out, '\n');
			at = 0;
		}
		if (at) {
			fc_buf_addc(out, ' ');
			at++;
		}
		fc_buf_add(out, text, n);
		at += w;
		text += n + strspn(text + n, " ");
	}
	fc_buf_addc(out, '\n');
}

void eval_comparison_count(struct fc_buf *out, const struct eval_measure *m, size_t n)
{
	fc_buf_addf(out, "%zu %.*s", n, (int)strlen(m->items) - (n == 1), m->items);
}

static void add_name(struct fc_buf *out, const char *name)
{
	fc_buf_add_escaped(out, name, strlen(name));
}

/* " by 0.0084 [0.0029, 0.0137] bits a byte", the sign so that more is what is said. */
static void add_amount(
    struct fc_buf *out, const struct eval_measure *m, const struct eval_paired_result *r)
{
	const struct fc_interval i = r->difference_interval;
	const bool turn = r->difference < 0;
	fc_buf_addf(out, " by %.*f", m->decimals, fabs(r->difference));
	if (!isnan(i.low))
		fc_buf_addf(out, " [%.*f, %.*f]", m->decimals, turn ? -i.high : i.low, m->decimals,
		    turn ? -i.low : i.high);
	fc_buf_adds(out, m->unit);
}

void eval_comparison_say(struct fc_buf *out, const struct eval_measure *m, const char *arm,
    const char *baseline, const struct eval_paired_result *r, size_t n, size_t n_comparison)
{
	const struct fc_interval i = r->difference_interval;
	const bool gain = m->less_is_better ? r->difference < 0 : r->difference > 0;
	const bool shows = (i.low > 0 || i.high < 0) && r->p < 0.05;
	if (r->n_better + r->n_worse == 0) {
		add_name(out, arm);
		fc_buf_adds(out, " is as good as ");
		add_name(out, baseline);
		fc_buf_adds(out, " on each of ");
		eval_comparison_count(out, m, n);
	} else if (shows || isnan(i.low)) {
		add_name(out, arm);
		fc_buf_addf(out, " is %s than ", gain ? "better" : "worse");
		add_name(out, baseline);
		add_amount(out, m, r);
		if (isnan(i.low))
			fc_buf_adds(out, "; how much of that is chance is not known");
		else if (r->p_holm >= 0.05)
			fc_buf_addf(out,
			    " by itself; among %zu comparisons that may be chance (p %.2g after "
			    "Holm)",
			    n_comparison, r->p_holm);
	} else {
		fc_buf_adds(out, "Between ");
		add_name(out, arm);
		fc_buf_adds(out, " and ");
		add_name(out, baseline);
		fc_buf_addf(out, " no difference shows: %+.*f [%+.*f, %+.*f]%s", m->decimals,
		    r->difference, m->decimals, i.low, m->decimals, i.high, m->unit);
	}
	if (m->right_wrong && r->detectable >= 1)
		fc_buf_adds(out, "; this set is too small to show any difference");
	else if (isfinite(r->detectable))
		fc_buf_addf(
		    out, "; this set shows differences from %.*f on", m->decimals, r->detectable);
	fc_buf_addc(out, '.');
}
