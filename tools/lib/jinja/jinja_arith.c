/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "jinja/jinja_impl.h"

/* Operators, with Python's types and errors. */

static int type_error(struct fc_jx *x, int op, struct fc_jv a, struct fc_jv b)
{
	char name[3] = {(char)(op > 255 ? op >> 8 : op), (char)(op > 255 ? op : 0), 0};
	if (op == '+' && a.kind == FC_JV_STR)
		return fc_jx_fail(x, "can only concatenate str (not \"%s\") to str", fc_jv_type(b));
	return fc_jx_fail(x, "unsupported operand type(s) for %s: '%s' and '%s'", name,
	    fc_jv_type(a), fc_jv_type(b));
}

static int whole(struct fc_jx *x, int op, int64_t a, int64_t b, struct fc_jv *out)
{
	int64_t r = 0;
	bool over = false;
	switch (op) {
	case '+':
		over = __builtin_add_overflow(a, b, &r);
		break;
	case '-':
		over = __builtin_sub_overflow(a, b, &r);
		break;
	case '*':
		over = __builtin_mul_overflow(a, b, &r);
		break;
	case '%':
	case FC_JOP('/', '/'):
		if (!b)
			return fc_jx_fail(x, "integer division or modulo by zero");
		if (b == -1) { /* INT64_MIN / -1 traps */
			over = op != '%' && a == INT64_MIN;
			r = op == '%' || over ? 0 : -a;
			break;
		}
		r = a % b;
		if (r && (r < 0) != (b < 0)) /* towards minus infinity */
			r += b;
		if (op != '%')
			r = (a - r) / b;
		break;
	default: /* ** */
		r = 1;
		for (int64_t k = b; k > 0 && !over; k--) {
			over = __builtin_mul_overflow(r, a, &r);
			if (r == 0 || r == 1 || (r == -1 && k % 2 == 1))
				break;
			if (r == -1 && k % 2 == 0) {
				r = 1;
				break;
			}
		}
	}
	if (over)
		return fc_jx_fail(x, "integer overflow");
	*out = fc_jv_int(r);
	return 0;
}

static int64_t as_int(struct fc_jv v)
{
	return v.kind == FC_JV_BOOL ? v.b : v.i;
}

static int number(struct fc_jx *x, int op, struct fc_jv a, struct fc_jv b, struct fc_jv *out)
{
	double p = fc_jv_real(a), q = fc_jv_real(b), r;
	bool real = a.kind == FC_JV_FLOAT || b.kind == FC_JV_FLOAT || op == '/' ||
	    (op == FC_JOP('*', '*') && q < 0);
	if (!real)
		return whole(x, op, as_int(a), as_int(b), out);
	if (q == 0 && (op == '/' || op == '%' || op == FC_JOP('/', '/')))
		return fc_jx_fail(x, "division by zero");
	switch (op) {
	case '+':
		r = p + q;
		break;
	case '-':
		r = p - q;
		break;
	case '*':
		r = p * q;
		break;
	case '/':
		r = p / q;
		break;
	case '%':
	case FC_JOP('/', '/'):
		r = fmod(p, q);
		if (r && (r < 0) != (q < 0))
			r += q;
		if (op != '%')
			r = round((p - r) / q);
		break;
	default:
		if (p == 0 && q < 0)
			return fc_jx_fail(x, "0.0 cannot be raised to a negative power");
		r = pow(p, q);
	}
	*out = fc_jv_float(r);
	return 0;
}

static int add_strings(struct fc_jx *x, struct fc_jv a, struct fc_jv b, struct fc_jv *out)
{
	struct fc_jcat c = {0};
	if (b.safe && !a.safe)
		fc_jv_escape(x, &c, a.s);
	else
		fc_jcat_add_str(x, &c, a.s);
	if (a.safe && !b.safe)
		fc_jv_escape(x, &c, b.s);
	else
		fc_jcat_add_str(x, &c, b.s);
	*out = fc_jv_str(fc_jcat_str(x, &c));
	out->safe = a.safe || b.safe;
	return 0;
}

static int add_lists(struct fc_jx *x, struct fc_jv a, struct fc_jv b, struct fc_jv *out)
{
	size_t n = (size_t)a.list->n + b.list->n;
	if (fc_jx_step(x, n * sizeof *a.list->v) < 0)
		return -1;
	*out = fc_jv_list(x, a.kind, n);
	for (uint32_t i = 0; i < a.list->n; i++)
		if (fc_jv_append(x, *out, a.list->v[i]) < 0)
			return -1;
	for (uint32_t i = 0; i < b.list->n; i++)
		if (fc_jv_append(x, *out, b.list->v[i]) < 0)
			return -1;
	return 0;
}

static int repeat(struct fc_jx *x, struct fc_jv v, int64_t times, struct fc_jv *out)
{
	size_t n = v.kind == FC_JV_STR ? v.s->n : v.list->n * sizeof *v.list->v, total;
	if (times < 0)
		times = 0;
	if (__builtin_mul_overflow(n, (size_t)times, &total) || total > FC_JINJA_TEXT_MAX)
		return fc_jx_fail(x, "%" PRId64 " repetitions: too large", times);
	if (fc_jx_step(x, total) < 0)
		return -1;
	if (!n)
		times = 0;
	if (v.kind == FC_JV_STR) {
		struct fc_jcat c = {0};
		for (; times > 0; times--)
			fc_jcat_add_str(x, &c, v.s);
		*out = fc_jv_str(fc_jcat_str(x, &c));
		out->safe = v.safe;
		return 0;
	}
	*out = fc_jv_list(x, v.kind, (size_t)times * v.list->n);
	for (; times > 0; times--)
		for (uint32_t i = 0; i < v.list->n; i++)
			if (fc_jv_append(x, *out, v.list->v[i]) < 0)
				return -1;
	return 0;
}

int fc_jv_binary(struct fc_jx *x, int op, struct fc_jv a, struct fc_jv b, struct fc_jv *out)
{
	if (fc_jv_is_number(a) && fc_jv_is_number(b))
		return number(x, op, a, b, out);
	if (op == '%' && a.kind == FC_JV_STR)
		return fc_jformat_percent(x, a, b, out);
	if (a.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, a);
	if (b.kind == FC_JV_UNDEFINED && !(op == '+' && a.kind == FC_JV_STR))
		return fc_jv_use_undefined(x, b);
	bool a_many = a.kind == FC_JV_STR || a.kind == FC_JV_LIST || a.kind == FC_JV_TUPLE;
	bool b_many = b.kind == FC_JV_STR || b.kind == FC_JV_LIST || b.kind == FC_JV_TUPLE;
	if (op == '+' && a.kind == b.kind && a_many)
		return a.kind == FC_JV_STR ? add_strings(x, a, b, out) : add_lists(x, a, b, out);
	if (op == '*' && a_many && (b.kind == FC_JV_INT || b.kind == FC_JV_BOOL))
		return repeat(x, a, as_int(b), out);
	if (op == '*' && b_many && (a.kind == FC_JV_INT || a.kind == FC_JV_BOOL))
		return repeat(x, b, as_int(a), out);
	if (b.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, b);
	return type_error(x, op, a, b);
}
