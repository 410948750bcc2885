/* SPDX-License-Identifier: Apache-2.0 */
/* The files as they are, put into the program by the assembler; make runs it at the tree's root. */
#include "fc-eval/show/report.h"

#define ASSET(name, path)                                                                          \
	__asm__(".section .rodata\n"                                                               \
		".global " #name "\n" #name ":\n"                                                  \
		".incbin \"" path "\"\n"                                                           \
		".global " #name "_end\n" #name "_end:\n"                                          \
		".byte 0\n"                                                                        \
		".text\n")

ASSET(eval_report_css, "tools/fc-eval/show/report.css");
ASSET(eval_report_js, "tools/fc-eval/show/report.js");
