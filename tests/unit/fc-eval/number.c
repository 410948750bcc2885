/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/number.h"

#include "t.h"

int main(void)
{
	static const struct {
		const char *text, *number; /* NULL: none */
	} t[] = {
	    {"The answer is 18.", "18"},
	    {"9 * 2 = $<<9*2=18>>18 every day.\n#### 18", "18"},
	    {"#### 1,234", "1234"},
	    {"It costs $1,234,567.50!", "1234567.5"},
	    {"about 3.0", "3"},
	    {"007", "7"},
	    {"0", "0"},
	    {"0.00", "0"},
	    {"-0", "0"},
	    {"-5", "-5"},
	    {"= -5.25", "-5.25"},
	    {"3-4", "4"},
	    {"F-16", "16"},
	    {".5", "0.5"},
	    {"It is .50.", "0.5"},
	    {"about -.5", "-0.5"},
	    {"$.75", "0.75"},
	    {"see fig.5", "5"},
	    {"and so on...5", "5"},
	    {"It is \xe2\x88\x92"
	     "5",
		"-5"},
	    {"3\xe2\x88\x92"
	     "4",
		"4"},
	    {"a loss of -$5", "-5"},
	    {"-\xe2\x82\xac"
	     "1,000",
		"-1000"},
	    {"5-$4", "4"},
	    {"0.50", "0.5"},
	    {"1.2.3", "2.3"},
	    {"1.000.000", "1000000"},
	    {"-\xe2\x82\xac"
	     "12.345.678.",
		"-12345678"},
	    {"1.000", "1"},
	    {"1234.000.000", "0"},
	    {"v1.000.000", "0"},
	    {"1.000.00", "0"},
	    {".000.123", "0.123"},
	    {"10%", "10"},
	    {"1, 2", "2"},
	    {"1,", "1"},
	    {"none", NULL},
	    {"", NULL},
	};
	struct fc_buf b = FC_BUF_INIT;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const bool found = eval_number_last(&b, t[i].text);
		T_OK(found == (t[i].number != NULL) && (!found || !strcmp(b.p, t[i].number)),
		    "the last number of case %zu is %s", i, found ? b.p : "none");
	}
	fc_buf_release(&b);
	T_OK(eval_number_same_last("It makes $1,000.", "#### 1000"), "equal in value");
	T_OK(!eval_number_same_last("It makes 100", "#### 1000"), "not equal");
	T_OK(!eval_number_same_last("", ""), "no number is not equal to none");
	return t_done();
}
