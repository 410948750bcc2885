/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_T_H
#define FC_TESTS_T_H

/* TAP for unit tests: T_OK and friends print one line each; main ends with `return t_done();`. */

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is the program built with a sanitizer? It takes memory of its own, so that none can be measured.
 */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define T_SANITIZED true
#elif defined __has_feature
#define T_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define T_SANITIZED false
#endif

static int t_n, t_failed;

__attribute__((format(printf, 4, 5), unused)) static bool t_check(
    bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	printf("%sok %d - ", good ? "" : "not ", ++t_n);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	if (!good) {
		printf("\n# at %s:%d", file, line);
		t_failed++;
	}
	putchar('\n');
	fflush(stdout);
	return good;
}

__attribute__((unused)) static void t_skip(const char *why)
{
	printf("ok %d # skip %s\n", ++t_n, why);
}

__attribute__((unused)) static int t_done(void)
{
	printf("1..%d\n", t_n);
	return t_failed ? 1 : 0;
}

/*
 * Unit roundoff of float32, from which bounds follow: n operations after each other are off by at
 * most n T_U, and a sum of n products by (n + 1) T_U times the sum of their sizes, in any order and
 * with fused multiplications or without (Higham, Accuracy and Stability, 3.1).
 */
#define T_U 0x1p-24

/* |a - b| <= tol * max(1, |b|), and both finite or both the same infinity */
__attribute__((unused)) static bool t_near(double a, double b, double tol)
{
	if (isinf(b))
		return a == b;
	return fabs(a - b) <= tol * fmax(1, fabs(b));
}

/* The folder with shared test inputs, or NULL where there is none (skip with a message then). */
__attribute__((unused)) static const char *t_shared(void)
{
	const char *dir = getenv("FC_SHARED");
	return dir && *dir ? dir : NULL;
}

#define T_OK(cond, ...) t_check((cond), __FILE__, __LINE__, __VA_ARGS__)
#define T_EQ(a, b, what)                                                                           \
	do {                                                                                       \
		long long t_a = (long long)(a), t_b = (long long)(b);                              \
		t_check(t_a == t_b, __FILE__, __LINE__, "%s (got %lld, expected %lld)", what, t_a, \
		    t_b);                                                                          \
	} while (0)
#define T_NEAR(a, b, tol, what)                                                                    \
	do {                                                                                       \
		double t_a = (a), t_b = (b);                                                       \
		t_check(t_near(t_a, t_b, tol), __FILE__, __LINE__, "%s (got %.9g, expected %.9g)", \
		    what, t_a, t_b);                                                               \
	} while (0)
#define T_STR(a, b, what)                                                                          \
	do {                                                                                       \
		const char *t_a = (a), *t_b = (b);                                                 \
		t_check(t_a &&t_b && !strcmp(t_a, t_b), __FILE__, __LINE__,                        \
		    "%s (got \"%s\", expected \"%s\")", what, t_a ? t_a : "(null)", t_b);          \
	} while (0)

#endif
