/* SPDX-License-Identifier: Apache-2.0 */
/* FC_ISA selects what it says, in our loops and in the matrix library.  The program runs itself
 * with the variable set, through the door that the tools use. */
#include <unistd.h>

#include "base/die.h"
#include "base/isa.h"
#include "base/par.h"
#include "nn/cpu/kern.h"
#include "nn/nn.h"
#include "nn/cpu/sgemm.h"
#include "t.h"
#include "tensor/quant.h"

extern const struct fc_quant fc_quant_avx2, fc_quant_avx512, fc_quant_plain;

struct selected {
	char isa[32], kern[32], quant[32], openblas[32], bf16[64];
	int status; /* of the program */
};

/* What the program selects by itself, one word each. */
static int show(void)
{
	struct fc_err e;
	struct fc_nn *nn;
	char text[160];
	const char *quant = "plain";
	if (fc_isa_read(&e) < 0)
		fc_die_usage("%s", e.msg);
	fc_par_start(2);
	if (fc_nn_open(&nn, "cpu", FC_COMPUTE_BF16, &e) < 0)
		fc_die("%s", e.msg);
	fc_nn_describe(nn, text, sizeof text);
#if defined(__x86_64__)
	quant = fc_quant() == &fc_quant_avx512 ? "avx512"
	    : fc_quant() == &fc_quant_avx2     ? "avx2"
					       : quant;
#endif
	printf("%s %s %s %s %s\n", fc_isa_name(fc_isa()), fc_kern()->name, quant, fc_sgemm_core(),
	    strstr(text, "tiles of AMX,")              ? "AMX"
		: strstr(text, "tiles of AVX512-BF16") ? "AVX512-BF16"
						       : "OpenBLAS");
	fc_nn_close(nn);
	return 0;
}

/* Runs this program with the environment's assignments in front. */
static struct selected run(const char *assignments)
{
	char command[512];
	struct selected s = {.status = -1};
	snprintf(command, sizeof command,
	    "env -u FC_ISA -u OPENBLAS_CORETYPE %s "
	    "/proc/%ld/exe show 2>&1",
	    assignments, (long)getpid());
	FILE *f = popen(command, "r");
	if (!f ||
	    fscanf(f, "%31s %31s %31s %31s %63s", s.isa, s.kern, s.quant, s.openblas, s.bf16) != 5)
		s.isa[0] = 0;
	while (f && fgetc(f) != EOF)
		continue;
	s.status = f ? pclose(f) : -1;
	return s;
}

static const struct {
	const char *kern, *quant, *openblas;
} expected[FC_ISA_N] = {
    [FC_ISA_BASELINE] = {"fc_kern_portable", "plain", "Prescott"},
    [FC_ISA_AVX2] = {"fc_kern_avx2", "avx2", "Haswell"},
    [FC_ISA_AVX512] = {"fc_kern_avx512", "avx512", "SkylakeX"},
    [FC_ISA_AVX512_BF16] = {"fc_kern_avx512", "avx512", "SkylakeX"},
    [FC_ISA_AMX] = {"fc_kern_avx512", "avx512", "SkylakeX"},
};

/* best: what this processor has. */
static void test_cap(enum fc_isa cap, enum fc_isa best, const struct selected *uncapped)
{
	char assignment[64];
	const enum fc_isa want = cap < best ? cap : best;
	const char *name = fc_isa_name(cap);
	snprintf(assignment, sizeof assignment, "FC_ISA=%s", name);
	const struct selected s = run(assignment);
	const char *core = cap < best ? expected[want].openblas : uncapped->openblas;
	T_OK(!strcmp(s.isa, fc_isa_name(want)), "%s: %s", name, s.isa);
	T_OK(!strcmp(s.kern, expected[want].kern), "%s: loops %s", name, s.kern);
	T_OK(!strcmp(s.quant, expected[want].quant), "%s: packed weights %s", name, s.quant);
	T_OK(!strcmp(s.openblas, core), "%s: OpenBLAS %s, expected %s", name, s.openblas, core);
	T_OK(want == FC_ISA_AMX ? !strcmp(s.bf16, "AMX")
				: want == FC_ISA_AVX512_BF16 || !strcmp(s.bf16, "OpenBLAS"),
	    "%s: bf16 products by %s", name, s.bf16);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "show"))
		return show();
	const struct selected uncapped = run(""), empty = run("FC_ISA=");
	enum fc_isa best = 0;
	while (best < FC_ISA_N && strcmp(uncapped.isa, fc_isa_name(best)))
		best++;
#if !defined(__x86_64__)
	if (uncapped.status != 0) { /* an emulator runs what it is given, not what that starts */
		t_skip("the program can not start itself: emulated?");
		return t_done();
	}
#endif
	if (!T_OK(best < FC_ISA_N, "without a cap: %s", uncapped.isa))
		return t_done();
	T_STR(empty.isa, uncapped.isa, "an empty FC_ISA caps nothing");
	for (enum fc_isa cap = 0; cap < FC_ISA_N; cap++)
		test_cap(cap, best, &uncapped);
#if defined(__x86_64__)
	T_OK(best == FC_ISA_BASELINE || strcmp(uncapped.openblas, "Prescott"),
	    "OpenBLAS uses what a processor has that it may not know (%s)", uncapped.openblas);
	if (best > FC_ISA_BASELINE) {
		const struct selected own = run("FC_ISA=baseline OPENBLAS_CORETYPE=Nehalem");
		T_OK(!strcmp(own.kern, "fc_kern_portable") && !strcmp(own.openblas, "Nehalem"),
		    "what is set for the library stays (%s)", own.openblas);
	}
#endif
	const struct selected unknown = run("FC_ISA=sse9");
	T_EQ(unknown.status, FC_EXIT_USAGE << 8, "an unknown set ends the program");
	fc_isa_limit(FC_ISA_BASELINE);
	T_OK(fc_isa() == FC_ISA_BASELINE && !strcmp(fc_kern()->name, "fc_kern_portable") &&
		fc_quant() == &fc_quant_plain,
	    "tests can limit it without the environment");
	return t_done();
}
