# The fc tools: knowledge fusion of chat LLMs as Unix programs.  `make help` lists the targets.

PREFIX  = /usr/local
BINDIR  = $(PREFIX)/bin
MANDIR  = $(PREFIX)/share/man
DATADIR = $(PREFIX)/share/fusechat
DESTDIR =

CC      = cc
PROTOCC = protoc-c
CFLAGS  = -O2 -g
# One build tree per configuration: `make SAN=address,undefined` never needs a clean.
SAN     =
B       = build$(if $(SAN),-$(firstword $(subst $(comma), ,$(SAN))))
comma   = ,

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

VERSION := $(shell git describe --always --dirty --match 'v*' 2>/dev/null || cat VERSION 2>/dev/null || echo unknown)

PKGS  = libzstd libprotobuf-c jansson libpcre2-8 libutf8proc libxxhash openblas yaml-0.1 libcurl
WARN  = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith
XCPP  = -D_POSIX_C_SOURCE=200809L -Itools/lib -Itools -I$(B)/proto $(PKG_CFLAGS) $(CPPFLAGS)
XCC   = -std=c11 -fopenmp -ffp-contract=off -fno-math-errno $(WARN) $(CFLAGS) \
        $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
XLIBS = -Wl,--as-needed $(PKG_LIBS) -ldnnl -lm $(LDLIBS)

PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

# Every tools/fc-*/ is one executable; everything under tools/lib is the archive.
TOOLS   = $(notdir $(patsubst %/,%,$(wildcard tools/fc-*/)))
PBSRC   = $(patsubst proto/%.proto,$(B)/proto/%.pb-c.c,$(wildcard proto/*.proto))
LIBSRC  = $(wildcard tools/lib/*/*.c)
LIBOBJ  = $(LIBSRC:%.c=$(B)/%.o) $(PBSRC:.c=.o) $(B)/version.o
TOOLSRC = $(wildcard tools/fc-*/*.c)
BINS    = $(TOOLS:%=$(B)/%)
MANS    = $(wildcard man/*.[157])

all: $(BINS)

help:
	@echo 'all            build the tools into $(B)/'
	@echo 'demo           install what is missing, build, fuse the embedded models, show the result'
	@echo 'check          install what is missing, build, run every test'
	@echo 'check-asan     the tests under AddressSanitizer and UBSan'
	@echo 'check-tsan     the threaded tests under ThreadSanitizer'
	@echo 'fuzz           the parsers under libFuzzer, FUZZ_SECONDS each (60)'
	@echo 'bench          speed, as ratios'
	@echo 'lint           formatting, layers, man pages, shell'
	@echo 'install        into $$(DESTDIR)$$(PREFIX); uninstall removes it'
	@echo 'deps           install the Debian packages that are missing'

define tool_rule
$(B)/$1: $(patsubst %.c,$(B)/%.o,$(wildcard tools/$1/*.c)) $(B)/libfc.a
	$$(CC) $$(XCC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(B)/libfc.a $$(XLIBS)
endef
$(foreach t,$(TOOLS),$(eval $(call tool_rule,$t)))

$(B)/libfc.a: $(LIBOBJ)
	rm -f $@
	$(AR) rcs $@ $^

# Kernels are compiled for speed; what needs an instruction set asks for it per function.
$(B)/tools/lib/nn/%.o $(B)/tools/lib/tensor/%.o $(B)/tools/fc-varm/%.o: CFLAGS += -O3 -fno-trapping-math

$(B)/%.o: %.c | $(PBSRC)
	@mkdir -p $(@D)
	$(CC) $(XCPP) $(XCC) -MMD -MP -c -o $@ $<

$(B)/tools/fc-eval/report_assets.o: tools/fc-eval/report.css tools/fc-eval/report.js

$(B)/proto/%.pb-c.o: $(B)/proto/%.pb-c.c
	$(CC) $(XCPP) $(CFLAGS) -c -o $@ $<

$(PBSRC): $(B)/proto/%.pb-c.c: proto/%.proto
	@mkdir -p $(@D)
	$(PROTOCC) -Iproto --c_out=$(B)/proto $<

$(B)/version.c: FORCE
	@mkdir -p $(@D)
	@echo 'extern const char fc_version[]; const char fc_version[] = "$(VERSION)";' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(B)/version.o: $(B)/version.c
	$(CC) $(XCC) -c -o $@ $<

# Unit tests: tests/unit/X.c is linked with the library, tests/unit/fc-TOOL/X.c also with that
# tool's objects except main.
UNIT = $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c tests/unit/fc-*/*.c))
define unit_rule
$(B)/unit/$1: tests/unit/$1.c $(wildcard tests/unit/*.h) $(B)/libfc.a \
    $(if $(findstring /,$1),$(patsubst %.c,$(B)/%.o,$(filter-out %/main.c,$(wildcard tools/$(dir $1)*.c))))
	@mkdir -p $$(@D)
	$$(CC) $$(XCPP) -Itests/unit $$(XCC) $$(LDFLAGS) -o $$@ $$< $$(filter %.o,$$^) $$(B)/libfc.a $$(XLIBS)
endef
$(foreach u,$(UNIT:$(B)/unit/%=%),$(eval $(call unit_rule,$u)))

# Programs that make inputs for the tests of the command line.
FIXTURES = $(patsubst tests/%.c,$(B)/%,$(wildcard tests/fixture/*.c))
$(B)/fixture/%: tests/fixture/%.c $(B)/libfc.a
	@mkdir -p $(@D)
	$(CC) $(XCPP) $(XCC) $(LDFLAGS) -o $@ $< $(B)/libfc.a $(XLIBS)

# Programs that print speed as ratios; tests/bench/run adds whole tools.  tests/bench/fc-TOOL/X.c is
# linked with that tool's objects, as unit tests are.
BENCH = $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c tests/bench/fc-*/*.c))
define bench_rule
$(B)/bench/$1: tests/bench/$1.c $(B)/libfc.a \
    $(if $(findstring /,$1),$(patsubst %.c,$(B)/%.o,$(filter-out %/main.c,$(wildcard tools/$(dir $1)*.c))))
	@mkdir -p $$(@D)
	$$(CC) $$(XCPP) -Itests/unit $$(XCC) $$(LDFLAGS) -o $$@ $$< $$(filter %.o,$$^) $$(B)/libfc.a $$(XLIBS)
endef
$(foreach b,$(BENCH:$(B)/bench/%=%),$(eval $(call bench_rule,$b)))
bench: all $(BENCH)
	@B=$(B) tests/bench/run

deps:
	@pipelines/deps.sh

# Package installation first, in a make of its own: pkg-config is asked when a makefile is read.
check: deps
	@$(MAKE) --no-print-directory check-built
check-built: all $(UNIT) $(FIXTURES)
	@B=$(B) tests/run
check-unit: $(UNIT)
	@B=$(B) tests/run unit
check-cli: all $(FIXTURES)
	@B=$(B) tests/run cli
check-asan: deps
	@$(MAKE) --no-print-directory SAN=address,undefined CFLAGS='-O1 -g' check-built

# The whole fusion on the embedded models; WORK and SEEDS may be set.
SEEDS = 1
WORK  = $(B)/demo
demo: deps
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory -j$(shell nproc) -f pipelines/demo/demo.mk FC=$(B)/ WORK=$(WORK) SEEDS=$(SEEDS)
# clang, whose OpenMP runtime the sanitizer understands; our code is instrumented, the matrix libraries
# are not.
check-tsan: deps
	@command -v clang >/dev/null || { echo 'check-tsan needs clang and libomp-dev'; exit 1; }
	@TSAN_OPTIONS='ignore_noninstrumented_modules=1 halt_on_error=1' \
	    $(MAKE) --no-print-directory CC=clang SAN=thread CFLAGS='-O1 -g' check-unit

# Parsers of what comes from outside, under libFuzzer; needs clang.
# tests/fuzz/fc-TOOL/X.c is linked with that tool's objects, as unit tests are.
FUZZ         = $(patsubst tests/%.c,$(B)/%,$(wildcard tests/fuzz/*.c tests/fuzz/fc-*/*.c))
FUZZ_SECONDS = 60
define fuzz_rule
$(B)/fuzz/$1: tests/fuzz/$1.c tests/fuzz/input.h tests/fuzz/tokrun.h $(B)/libfc.a \
    $(if $(findstring /,$1),$(patsubst %.c,$(B)/%.o,$(filter-out %/main.c,$(wildcard tools/$(dir $1)*.c))))
	@mkdir -p $$(@D)
	$$(CC) $$(XCPP) $$(XCC) -fsanitize=fuzzer $$(LDFLAGS) -o $$@ $$< $$(filter %.o,$$^) $$(B)/libfc.a $$(XLIBS)
endef
$(foreach f,$(FUZZ:$(B)/fuzz/%=%),$(eval $(call fuzz_rule,$f)))
fuzz-built: $(FUZZ) $(FIXTURES)
	@B=$(B) tests/fuzz/run $(FUZZ_SECONDS)
fuzz:
	@command -v clang >/dev/null || { echo 'fuzz needs clang and libomp-dev'; exit 1; }
	@$(MAKE) --no-print-directory B=build-fuzz CC=clang SAN=address,undefined \
	    CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' fuzz-built

lint:
	@B=$(B) tests/run lint

install: all
	mkdir -p $(DESTDIR)$(BINDIR) $(DESTDIR)$(DATADIR)/recipes
	install -m 755 $(BINS) $(DESTDIR)$(BINDIR)
	install -m 644 pipelines/*.mk proto/*.proto $(DESTDIR)$(DATADIR)
	install -m 755 pipelines/weights.sh $(DESTDIR)$(DATADIR)
	install -m 644 pipelines/recipes/*.yml $(DESTDIR)$(DATADIR)/recipes
	for s in 1 5 7; do mkdir -p $(DESTDIR)$(MANDIR)/man$$s; \
	    install -m 644 man/*.$$s $(DESTDIR)$(MANDIR)/man$$s; done

uninstall:
	rm -f $(TOOLS:%=$(DESTDIR)$(BINDIR)/%)
	rm -f $(addprefix $(DESTDIR)$(DATADIR)/,$(notdir $(wildcard pipelines/*.mk proto/*.proto)) weights.sh)
	for p in $(notdir $(MANS)); do rm -f $(DESTDIR)$(MANDIR)/man$${p##*.}/$$p; done
	rm -f $(addprefix $(DESTDIR)$(DATADIR)/,$(patsubst pipelines/%,%,$(wildcard pipelines/recipes/*.yml)))
	-rmdir $(DESTDIR)$(DATADIR)/recipes $(DESTDIR)$(DATADIR)

clean:
	rm -rf build build-*

-include $(LIBSRC:%.c=$(B)/%.d) $(TOOLSRC:%.c=$(B)/%.d)

FORCE:
.DELETE_ON_ERROR:
.PHONY: all help bench deps demo install uninstall check check-built check-unit check-cli check-asan check-tsan fuzz fuzz-built lint clean FORCE
