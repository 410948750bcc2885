# The fc tools: knowledge fusion of chat LLMs as Unix programs.  `make help` lists the targets.

PREFIX  = /usr/local
BINDIR  = $(PREFIX)/bin
MANDIR  = $(PREFIX)/share/man
DATADIR = $(PREFIX)/share/fusechat
DOCDIR  = $(PREFIX)/share/doc/fc-tools
# Modules, where programs in BINDIR look for them (base/module.h).
MODDIR  = $(BINDIR)/../lib/fc
# For reading streams in programs of others.
LIBDIR  = $(PREFIX)/lib
INCDIR  = $(PREFIX)/include
DESTDIR =
# Where each shell looks for the completions of fc-x: fc-x, _fc-x, fc-x.fish.
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR  = $(PREFIX)/share/zsh/site-functions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d

CC         = cc
PROTOCC    = protoc-c
PKG_CONFIG = pkg-config
CFLAGS     = -O2 -g
# One build tree per configuration: `make SAN=address,undefined` never needs a clean.
SAN   =
B     = build$(if $(SAN),-$(firstword $(subst $(comma), ,$(SAN))))
V     =
comma = ,
quote = '
# Processors for the targets that call make themselves; a -j of the user's own goes before.
JOBS  = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
AGAIN = $(MAKE) --no-print-directory

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

# VERSION is the release; the commit is added where this very folder is a repository, unless its tag says that it is
# the release, and in what `make dist` packed, where the file COMMIT has it.
RELEASE := $(shell cat VERSION)
COMMIT  := $(if $(wildcard .git),$(shell { git describe --exact-match --tags --match 'v$(RELEASE)' && git diff --quiet HEAD; } \
           >/dev/null 2>&1 || git describe --always --dirty --abbrev=8 --exclude '*' 2>/dev/null),$(file <COMMIT))
VERSION  = $(RELEASE)$(COMMIT:%=+%)

PKGS  = libzstd zlib libprotobuf-c jansson libpcre2-8 libutf8proc libxxhash openblas yaml-0.1 libcurl
WARN  = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith
XCPP  = -D_POSIX_C_SOURCE=200809L -Itools/lib -Itools -I$(B)/proto $(PKG_CFLAGS) $(CPPFLAGS)
XCC   = -std=c11 -fopenmp -ffp-contract=off -fno-math-errno $(WARN) $(CFLAGS) \
        $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
XLIBS = -Wl,--as-needed $(PKG_LIBS) -lm -ldl $(LDLIBS)

PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)

# $(call say,WHAT,COMMAND): one short line for a file; the command itself with V=1.
say = $(if $(V),,@printf '%-4s %s\n' $1 $(patsubst $(B)/%,%,$(or $3,$@));)$2

# Every tools/fc-*/ is one executable; everything under tools/lib is the archive.
sources = $(wildcard tools/$1/*.c tools/$1/*/*.c tools/$1/nn/cpu/*.c)
objects = $(patsubst %.c,$(B)/%.o,$(call sources,$1))
TOOLS   = $(notdir $(patsubst %/,%,$(wildcard tools/fc-*/)))
PBSRC   = $(patsubst proto/%.proto,$(B)/proto/%.pb-c.c,$(wildcard proto/*.proto))
LIBOBJ  = $(call objects,lib) $(PBSRC:.c=.o) $(B)/version.o
BINS    = $(TOOLS:%=$(B)/%)
MANS    = $(wildcard man/*.[1357])

# What is opened when it is asked for, and not linked: libfc-NAME.so, see base/module.h.
CXX = g++
HAVE_CXX   := $(shell command -v $(CXX))
MPI_CFLAGS := $(shell $(PKG_CONFIG) --cflags ompi-c 2>/dev/null)
MODULES    := $(if $(MPI_CFLAGS),$(if $(wildcard tools/lib/base/mpi),$(B)/libfc-mpi.so))
# For tests alone.
TESTMODULES := $(if $(wildcard tools/lib/nn/far),$(B)/libfc-far.so) \
    $(if $(HAVE_CXX),$(if $(wildcard tools/lib/nn/cuda),$(B)/libfc-emu.so))

# Streams for programs of others, see tools/libfc-stream/fc/stream.h.
LIBRARY := $(if $(wildcard tools/libfc-stream),$(B)/libfcstream.so.1)

all: $(BINS) $(MODULES) $(LIBRARY)

help:
	@echo 'all            build the tools into $(B)/ (V=1 shows the commands)'
	@echo 'cuda           build the module for NVIDIA GPUs, $(B)/libfc-cuda.so: needs the CUDA Toolkit'
	@echo 'demo           install what is missing, build, fuse the embedded models, show the result'
	@echo 'check          install what is missing, build, run every test'
	@echo 'check-emu      the tests of computing on the devices for tests'
	@echo 'check-cuda     ten minutes on an NVIDIA GPU: tests, speed, what is equal twice (tests/device/run)'
	@echo 'check-asan     the tests under AddressSanitizer and UBSan'
	@echo 'check-tsan     the threaded tests under ThreadSanitizer'
	@echo 'check-aarch64  the unit tests as programs of aarch64, emulated: gcc-aarch64-linux-gnu,'
	@echo '               qemu-user-static, and the libraries of deps for arm64, in SYSROOT=DIR if not in /'
	@echo 'fuzz           the parsers under libFuzzer, FUZZ_SECONDS each (60)'
	@echo 'bench          speed, as ratios; PEERS=DIR: beside llama.cpp, transformers and mergekit too'
	@echo 'lint           formatting, layers, man pages, shell'
	@echo 'install        into $$(DESTDIR)$$(PREFIX); install-strip without symbols; uninstall removes it'
	@echo 'deps           install the Debian packages that are missing'
	@echo 'deb            a package of Debian, in $(B)/deb/'
	@echo 'dist           the sources of the last commit, as an archive in $(B)/'

# Program $(B)/$1: its own object, the library, and the objects of its tool, for a tool itself or for
# a test in a folder named like one.
tool_of = $(filter fc-%,$(subst /, ,$1))
define program_rule
$(B)/$1: $2 $(if $(call tool_of,$1),$(filter-out $(if $2,%/main.o),$(call objects,$(call tool_of,$1)))) $(B)/libfc.a
	@mkdir -p $$(@D)
	$$(call say,LINK,$$(CC) $$(XCC) $$(LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) $$(XLIBS))
endef
programs = $(foreach p,$2,$(eval $(call program_rule,$(p:$(B)/%=%),$(p:$(B)/%=$(B)/$1/%.o))))
$(foreach t,$(TOOLS),$(eval $(call program_rule,$t)))

$(B)/libfc.a: $(LIBOBJ)
	$(call say,AR,rm -f $@; $(AR) rcs $@ $^)

# Kernels are compiled for speed; what needs an instruction set asks for it per function.
FAST = tools/lib/nn/cpu tools/lib/tensor tools/fc-varm/merge tools/fc-varm/method tools/fc-varm/source
$(FAST:%=$(B)/%/%.o): private CFLAGS += -O3 -fno-trapping-math
$(B)/tests/%.o: private XCPP += -Itests/unit

$(B)/%.o: %.c $(B)/flags | $(PBSRC)
	@mkdir -p $(@D)
	$(call say,CC,$(CC) $(XCPP) $(XCC) -MMD -MP -c -o $@ $<,$<)

$(B)/libfc-mpi.so: tools/lib/base/mpi/mpi_module.c tools/lib/base/mpi/mpi_module.h $(B)/version.c $(B)/flags
	$(call say,MOD,$(CC) $(XCPP) $(MPI_CFLAGS) $(XCC) -fPIC -shared -fvisibility=hidden $(LDFLAGS) -o $@ $< \
	    $(B)/version.c $(shell $(PKG_CONFIG) --libs ompi-c))

$(B)/tools/fc-eval/show/report_assets.o: tools/fc-eval/show/report.css tools/fc-eval/show/report.js

$(B)/proto/%.pb-c.o: $(B)/proto/%.pb-c.c $(B)/flags
	$(call say,CC,$(CC) $(XCPP) $(CFLAGS) -c -o $@ $<)

$(PBSRC): $(B)/proto/%.pb-c.c: proto/%.proto
	@mkdir -p $(@D)
	$(call say,PB,$(PROTOCC) -Iproto --c_out=$(B)/proto $<,$<)

# Modules that are opened when their device is asked for (tools/lib/nn/device.h): they have one symbol,
# and what they need of the library is in them once more.  far and emu, which is cuda compiled by the
# C++ compiler, are for tests.
MODC    = tools/lib/base/err tools/lib/base/escape tools/lib/base/rng
MODOBJ  = $(MODC:%=$(B)/pic/%.o) $(B)/pic/version.o
FAROBJ  = $(patsubst %.c,$(B)/pic/%.o,$(wildcard tools/lib/nn/far/*.c))
LDMOD   = $(if $(SAN),,-Wl$(comma)-z$(comma)defs) -Wl,--version-script=<(echo '{ global: fc_device_module; local: *; };')

PIC     = -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections
$(B)/pic/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$(CC) $(XCPP) $(XCC) $(PIC) -MMD -MP -c -o $@ $<,$<)
$(B)/pic/%.pb-c.o: $(B)/proto/%.pb-c.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$(CC) $(XCPP) $(CFLAGS) $(PIC) -c -o $@ $<)
$(B)/pic/version.o: $(B)/version.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$(CC) $(XCC) -fPIC -fvisibility=hidden -c -o $@ $<)
$(B)/libfc-far.so: $(FAROBJ) $(MODOBJ)
	$(call say,LINK,$(CC) $(XCC) -shared $(LDMOD) -o $@ $^ -lm)

# The reader alone: what else its files have, and would need, the linker leaves out.
STREAMC   = $(wildcard tools/libfc-stream/*.c) $(patsubst %,tools/lib/%.c,base/buf base/err base/escape base/hash base/isa base/mem \
            text/json text/utf8 tensor/dtype tensor/tensor $(addprefix stream/,arena check_example check_rows example \
            example_unpack frame_in frame_out header header_record map_record nameset plane reader record seektable \
            tensor_record))
STREAMOBJ = $(patsubst %.c,$(B)/pic/%.o,$(STREAMC)) $(B)/pic/fc.pb-c.o $(B)/pic/version.o
$(STREAMOBJ): | $(PBSRC)
$(B)/libfcstream.so.1: $(STREAMOBJ)
	$(call say,LINK,$(CC) $(CFLAGS) $(if $(SAN),-fsanitize=$(SAN),-Wl$(comma)-z$(comma)defs) -shared -Wl$(comma)-soname$(comma)$(@F) \
	    -Wl$(comma)--gc-sections -Wl$(comma)--version-script=<(echo 'FC_STREAM_1 { global: fc_stream_*; local: *; };') \
	    $(LDFLAGS) -o $@ $^ $(XLIBS))

CUDIR  = tools/lib/nn/cuda
CUSRC  = $(wildcard $(CUDIR)/*.cu)
XCXX   = -std=c++17 -Itools/lib
# Fused products by an instruction where this machine has one, as it runs the tests.
EMUFMA := $(if $(findstring x86_64,$(shell $(CXX) -dumpmachine 2>/dev/null)),$(if $(shell grep -wm1 fma /proc/cpuinfo 2>/dev/null),-mavx2 -mfma))
XEMU   = $(XCXX) -x c++ -O3 $(EMUFMA) -g -fopenmp -ffp-contract=off -fPIC -fvisibility=hidden -fno-gnu-unique \
         -ftls-model=initial-exec -Wall -Wextra -Wno-unknown-pragmas \
         $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
EMUSRC = $(filter-out %/blas.cu,$(CUSRC)) $(wildcard $(CUDIR)/*.cc)
EMUOBJ = $(patsubst %,$(B)/emu/%.o,$(EMUSRC))
$(B)/emu/%.o: % $(B)/flags
	@mkdir -p $(@D)
	$(call say,CXX,$(CXX) $(XEMU) -MMD -MP -c -o $@ $<,$<)
$(B)/libfc-emu.so: $(EMUOBJ) $(MODOBJ)
	$(call say,LINK,$(CXX) $(if $(SAN),-fsanitize=$(SAN)) -fopenmp -shared $(LDMOD) -o $@ $^)
# Tests with kernels of their own.
EMUTEST = $(if $(HAVE_CXX),$(patsubst tests/emu/%.cu,$(B)/unit/%,$(wildcard tests/emu/*.cu)))
$(B)/emu/tests/emu/%.o: private XCXX += -Itests/unit
$(EMUTEST): $(B)/unit/%: $(B)/emu/tests/emu/%.cu.o $(EMUOBJ) $(MODOBJ)
	@mkdir -p $(@D)
	$(call say,LINK,$(CXX) $(if $(SAN),-fsanitize=$(SAN)) -fopenmp -o $@ $^)

NVCC   = $(firstword $(wildcard /usr/local/cuda/bin/nvcc) $(shell command -v nvcc))
CUROOT = $(abspath $(dir $(NVCC))..)
# Machine code for Ampere and Hopper, and what a newer driver translates for newer devices.
CUARCH = -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=[sm_90,compute_90]
# CUWARN='-Werror all-warnings' for a compiler whose warnings are known.
CUWARN =
XNVCC  = $(XCXX) -O3 -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra $(CUWARN)
$(B)/cuda/%.o: % $(B)/cuda/flags
	@mkdir -p $(@D)
	$(call say,NVCC,$(NVCC) $(XNVCC) $(CUARCH) -MMD -MP -c -o $@ $<,$<)
$(B)/libfc-cuda.so: $(CUSRC:%=$(B)/cuda/%.o) $(MODOBJ)
	$(call say,LINK,$(CXX) -shared $(LDMOD) -o $@ $^ -L$(CUROOT)/lib64 \
	    -Wl$(comma)-rpath$(comma)$(CUROOT)/lib64 -lcublasLt -lcudart_static -ldl -lrt -lpthread)
$(B)/device/%: tests/device/%.cu $(B)/cuda/flags
	@mkdir -p $(@D)
	$(call say,NVCC,$(NVCC) $(XNVCC) $(CUARCH) -o $@ $< -L$(CUROOT)/lib64 -Xlinker -rpath=$(CUROOT)/lib64 -lcublasLt)
# A target of its own, since it takes minutes.
cuda:
	@[ -n '$(NVCC)' ] || { echo 'cuda needs nvcc, of the CUDA Toolkit 12 or newer: make cuda NVCC=FILE'; exit 1; }
	+@$(AGAIN) $(JOBS) $(B)/libfc-cuda.so
ifeq ($(NVCC),)
$(BINS): | $(B)/no-nvcc
$(B)/no-nvcc:
	@mkdir -p $(@D)
	@echo 'note: no nvcc (CUDA Toolkit) here: no module for GPUs, the rest is built' | tee $@
endif

# Files that are rewritten only when what they say changes: the compiler with its flags, the version.
CC_VERSION := $(shell $(CC) -v 2>&1 | sed -n '/version/p' | tail -n 1)
stamp = @mkdir -p $(@D); printf '%s\n' '$(subst $(quote),$(quote)\$(quote)$(quote),$1)' >$@.new; \
        if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
$(B)/flags: FORCE
	$(call stamp,$(CC) $(CC_VERSION) $(XCPP) $(XCC) $(XLIBS) $(LDFLAGS) $(if $(HAVE_CXX),$(CXX) $(XEMU)))
$(B)/cuda/flags: FORCE
	$(call stamp,$(NVCC) $(XNVCC) $(CUARCH))
$(B)/version.c: FORCE
	$(call stamp,extern const char fc_version[]; const char fc_version[] = "$(VERSION)";)
$(B)/version.o: $(B)/version.c $(B)/flags
	$(call say,CC,$(CC) $(XCC) -c -o $@ $<)

# Programs of the tests.  In a folder fc-TOOL they are linked with that tool's objects except main.
tests = $(patsubst tests/%.c,$(B)/%,$(wildcard tests/$1/*.c tests/$1/fc-*/*.c))
UNIT    = $(call tests,unit) $(EMUTEST)
FIXTURE = $(call tests,fixture)
BENCH   = $(call tests,bench)
FUZZ    = $(call tests,fuzz)
ONDEV   = $(call tests,device)
$(call programs,tests,$(call tests,unit) $(FIXTURE) $(BENCH) $(FUZZ) $(ONDEV))
$(FUZZ): private LDFLAGS += -fsanitize=fuzzer

deps:
	@pipelines/deps.sh

# Package installation first, in a make of its own: pkg-config is asked when a makefile is read.
check: deps
	+@$(AGAIN) $(JOBS) check-built
check-built: all $(TESTMODULES) $(UNIT) $(FIXTURE)
	@B=$(B) tests/run
check-unit: $(UNIT) $(TESTMODULES) $(B)/fixture/isa
	@B=$(B) tests/run unit
check-cli: all $(TESTMODULES) $(FIXTURE)
	@B=$(B) tests/run cli
# The sanitizer's memmem() looks at all of a text that is left, once for every match in it.
check-asan: deps
	+@ASAN_OPTIONS=intercept_memmem=0 $(AGAIN) $(JOBS) SAN=address,undefined CFLAGS='-O1 -g -Werror' check-built
# clang, whose OpenMP runtime the sanitizer understands, and whose warnings end it; our code is
# instrumented, the matrix library is not.
check-tsan: deps
	@command -v clang >/dev/null || { echo 'check-tsan needs clang and libomp-dev'; exit 1; }
	+@TSAN_OPTIONS='ignore_noninstrumented_modules=1 halt_on_error=1' \
	    $(AGAIN) $(JOBS) CC=clang SAN=thread CFLAGS='-O1 -g -Werror' check-unit
# Debian's names; SYSROOT is empty where the libraries of arm64 are installed beside this machine's.
SYSROOT =
AARCH64 = aarch64-linux-gnu
check-aarch64:
	@for p in $(AARCH64)-gcc qemu-aarch64-static; do command -v $$p >/dev/null || { \
	    echo 'check-aarch64 needs gcc-aarch64-linux-gnu and qemu-user-static'; exit 1; }; done
	+@export PKG_CONFIG_SYSROOT_DIR='$(SYSROOT)' RUN='qemu-aarch64-static -L $(or $(SYSROOT),/)' \
	    PKG_CONFIG_LIBDIR='$(SYSROOT)/usr/lib/$(AARCH64)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig'; \
	    $(AGAIN) $(JOBS) B=build-aarch64 AR=$(AARCH64)-ar \
	    CC='$(AARCH64)-gcc $(SYSROOT:%=--sysroot=%)' check-unit
# All that can run on the far device and on the emulated one, there in three orders of lanes and with
# each barrier left out once.
check-emu: all $(TESTMODULES) $(UNIT) $(FIXTURE)
	@for d in $(patsubst $(B)/libfc-%.so,%,$(TESTMODULES)); do B=$(B) DEVICE=$$d tests/run device; done
ifneq ($(HAVE_CXX),)
	@for o in reverse shuffle:1; do B=$(B) DEVICE=emu FC_EMU_ORDER=$$o tests/run device; done
	@B=$(B) tests/emu/barriers
endif
# On an NVIDIA GPU, in at most ten minutes.
check-cuda:
	@B=$(B) tests/device/run
for-device: for-device-modules all $(UNIT) $(FIXTURE) $(ONDEV)
for-device-modules: $(if $(filter-out cpu,$(DEVICE)),$(B)/libfc-$(DEVICE).so) $(if $(filter cuda,$(DEVICE)),$(B)/device/ceilings)
lint:
	@B=$(B) tests/run lint

# The whole fusion on the embedded models; WORK and SEEDS may be set.
SEEDS = 1
WORK  = $(B)/demo
demo:
	@pipelines/deps.sh build demo
	+@$(AGAIN) $(JOBS) all
	+@$(AGAIN) $(JOBS) -f pipelines/demo/demo.mk FC=$(B)/ WORK=$(WORK) SEEDS=$(SEEDS)

bench: all $(BENCH)
	@B=$(B) tests/bench/run

# Parsers of what comes from outside, under libFuzzer; needs clang.
FUZZ_SECONDS = 60
fuzz-built: $(FUZZ) $(FIXTURE)
	@B=$(B) tests/fuzz/run $(FUZZ_SECONDS)
fuzz:
	@command -v clang >/dev/null || { echo 'fuzz needs clang and libomp-dev'; exit 1; }
	+@$(AGAIN) $(JOBS) B=build-fuzz CC=clang SAN=address,undefined \
	    CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' fuzz-built

# What is installed, KIND:PATH:FILE each: bin is a program, lib a library, exe a script, doc what is read.
into = $(foreach f,$3,$1:$2/$(notdir $f):$f)
DEMO = pipelines/demo
INSTALLED = $(call into,bin,$(BINDIR),$(BINS)) $(call into,lib,$(LIBDIR),$(LIBRARY)) \
    $(call into,lib,$(MODDIR),$(wildcard $(B)/libfc-mpi.so $(B)/libfc-cuda.so)) \
    $(call into,doc,$(INCDIR)/fc,$(wildcard tools/libfc-stream/fc/stream.h)) \
    $(call into,exe,$(DATADIR),$(wildcard pipelines/submit.sh pipelines/weights.sh pipelines/fcstream.py)) \
    $(call into,doc,$(DATADIR),$(wildcard pipelines/*.mk proto/*.proto)) \
    $(call into,doc,$(DATADIR)/recipes,$(wildcard pipelines/recipes/*.yml)) \
    $(call into,doc,$(DATADIR)/real,$(wildcard pipelines/real/*.mk)) \
    $(call into,exe,$(DATADIR)/real,$(wildcard pipelines/real/*.py)) \
    $(call into,doc,$(DATADIR)/demo,$(wildcard $(DEMO)/*.mk $(DEMO)/*.gp $(DEMO)/*.json)) \
    $(call into,exe,$(DATADIR)/demo,$(wildcard $(DEMO)/*.py)) \
    $(foreach m,$(wildcard $(DEMO)/kit/*),$(call into,doc,$(DATADIR)/demo/kit/$(notdir $m),$(wildcard $m/*))) \
    $(call into,doc,$(DOCDIR),$(wildcard README.md CHANGES.md LICENSE pipelines/*.md)) \
    $(foreach m,$(MANS),$(call into,doc,$(MANDIR)/man$(subst .,,$(suffix $m)),$m))
# What is made while it is installed: SHELL:PATH:PROGRAM of completions, a link, a file of pkg-config.
COMPLETED = $(foreach t,$(TOOLS),bash:$(BASHDIR)/$t:$t zsh:$(ZSHDIR)/_$t:$t fish:$(FISHDIR)/$t.fish:$t)
LINK      = $(LIBRARY:%=$(LIBDIR)/libfcstream.so)
PC        = $(LIBRARY:%=$(LIBDIR)/pkgconfig/fc-stream.pc)
second    = $(foreach f,$1,$(word 2,$(subst :, ,$f)))
# Folders that are nobody else's, the inner ones first.
OWN_FOLDERS = $(addprefix $(DATADIR)/,$(patsubst pipelines/%,%,$(wildcard $(DEMO)/kit/*)) demo/kit demo real recipes) \
              $(DATADIR) $(DOCDIR) $(MODDIR) $(INCDIR)/fc

install: all
	@for f in $(INSTALLED); do \
	    IFS=: read -r kind to from <<<"$$f"; \
	    case $$kind in bin) how='-m 755 $(STRIPPED)';; lib) how='-m 644 $(STRIPPED)';; exe) how='-m 755';; doc) how='-m 644';; esac; \
	    install -D $$how "$$from" "$(DESTDIR)$$to"; done
	@for f in $(COMPLETED); do \
	    IFS=: read -r shell to tool <<<"$$f"; \
	    $(RUN) $(B)/$$tool --completion "$$shell" | install -D -m 644 /dev/stdin "$(DESTDIR)$$to"; done
	$(if $(LIBRARY),@ln -sf $(notdir $(LIBRARY)) $(DESTDIR)$(LINK))
	$(if $(LIBRARY),@sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCDIR@|$(INCDIR)|; s|@VERSION@|$(RELEASE)|' \
	    tools/libfc-stream/fc-stream.pc.in | install -D -m 644 /dev/stdin $(DESTDIR)$(PC))
	@if [ -z '$(DESTDIR)' ] && [ -w /etc/ld.so.cache ]; then ldconfig; fi
	@echo '$(words $(INSTALLED) $(COMPLETED) $(LINK) $(PC)) files below $(DESTDIR)$(PREFIX)'

# Without what is for debuggers.
STRIP = strip
install-strip: STRIPPED = -s --strip-program=$(STRIP)
install-strip: install

uninstall:
	@rm -f $(addprefix $(DESTDIR),$(call second,$(INSTALLED) $(COMPLETED)) $(LINK) $(PC) \
	    $(MODDIR)/libfc-mpi.so $(MODDIR)/libfc-cuda.so)
	@for d in $(addprefix $(DESTDIR),$(OWN_FOLDERS)); do [ ! -d "$$d" ] || rmdir --ignore-fail-on-non-empty "$$d"; done

# A package of Debian with what is built here, in its folders.
deb: all
	@for p in dpkg-gencontrol dpkg-shlibdeps; do command -v $$p >/dev/null || { \
	    echo 'make deb needs dpkg-dev (pipelines/deps.sh deb)'; exit 1; }; done
	@rm -rf $(B)/deb
	+@$(AGAIN) -s -o all install-strip DESTDIR=$(abspath $(B)/deb/root) PREFIX=/usr BINDIR=/usr/bin MANDIR=/usr/share/man \
	    DATADIR=/usr/share/fusechat LIBDIR=/usr/lib/$$(dpkg-architecture -qDEB_HOST_MULTIARCH) \
	    ZSHDIR=/usr/share/zsh/vendor-completions
	@packaging/deb.sh $(B)/deb/root $(B)/deb '$(VERSION)'

# The same commit gives the same bytes, whoever packs it and when.
DIST = fc-tools-$(RELEASE)$(patsubst %-dirty,%,$(COMMIT:%=+%))
dist:
	@[ -e .git ] || { echo 'make dist packs a commit, and this folder is no git repository'; exit 1; }
	@[ -z '$(filter %-dirty,$(COMMIT))' ] || echo 'note: it has the last commit, without the changes since'
	@mkdir -p $(B)/dist
	@echo '$(COMMIT:%-dirty=%)' >$(B)/dist/COMMIT
	git -c tar.umask=022 -c core.autocrlf=false archive --format=tar --prefix=$(DIST)/ --add-file=$(B)/dist/COMMIT HEAD | \
	    gzip -9n >$(B)/dist/$(DIST).tar.gz
	@mv $(B)/dist/$(DIST).tar.gz $(B)

clean:
	rm -rf build build-*

-include $(patsubst %.c,$(B)/%.d,$(wildcard tools/*/*.c tools/*/*/*.c tools/*/*/*/*.c tests/*/*.c tests/*/*/*.c))

-include $(patsubst %.o,%.d,$(FAROBJ) $(STREAMOBJ) $(MODC:%=$(B)/pic/%.o) $(EMUOBJ) $(CUSRC:%=$(B)/cuda/%.o) \
    $(EMUTEST:$(B)/unit/%=$(B)/emu/tests/emu/%.cu.o))

FORCE:
.DELETE_ON_ERROR:
.PHONY: all cuda help bench deps demo install install-strip uninstall deb dist check check-built check-unit check-cli check-emu \
        check-cuda for-device for-device-modules \
        check-asan check-tsan check-aarch64 fuzz fuzz-built lint clean FORCE
