# The whole method on real chat models and real conversations, with the pivot's result beside what
# the same conversations give without a teacher.
#
#   make -f pipelines/real/real.mk PIVOT=smollm2.gguf SOURCES=gemma.gguf \
#       CHATS='oasst.jsonl gsm8k.jsonl' WORK=real
#
#   PIVOT    a model of any kind the tools read; turned into a Hugging Face folder first
#   SOURCES  models of any kind
#   CHATS    files that chats.py reads
#   N        at most so many conversations a file for the fusion, HELD for the held-out set
#   WORK     where results go; what is there is not made again

HERE   := $(dir $(lastword $(MAKEFILE_LIST)))
FC      =
WORK    = real
N       = 100
HELD    = 20
K       = 10
LAMBDA  = 0.9
TRAIN   = --lr 1e-5 --epochs 1 --batch-tokens 4096
INFER   =

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:

ifeq ($(and $(PIVOT),$(SOURCES),$(CHATS)),)
$(error set PIVOT, SOURCES and CHATS, see the head of real.mk)
endif

MODELS = pivot sft fusechat $(notdir $(SOURCES))
where  = $(if $(filter pivot sft fusechat,$1),$(WORK)/$1,$(filter %/$1 $1,$(SOURCES)))

all: $(MODELS:%=$(WORK)/%.ppl.txt)
	@for m in $(MODELS); do echo "== $$m"; cat $(WORK)/$$m.ppl.txt; done

$(WORK):
	mkdir -p $@
$(WORK)/fusion.jsonl: $(CHATS) $(HERE)chats.py | $(WORK)
	python3 $(HERE)chats.py --set fusion -n $(N) $(CHATS) >$@
$(WORK)/heldout.jsonl: $(CHATS) $(HERE)chats.py | $(WORK)
	python3 $(HERE)chats.py --set heldout -n $(HELD) $(CHATS) >$@
$(WORK)/pivot: $(PIVOT) | $(WORK)
	$(FC)fc-convert --type bf16 -o $@ $<

$(WORK)/fusechat: $(WORK)/pivot $(WORK)/fusion.jsonl
	$(MAKE) -f $(HERE)../fusechat.mk PIVOT=$(WORK)/pivot SOURCES='$(SOURCES)' \
	    DATA=$(WORK)/fusion.jsonl OUT=$(WORK) FC=$(FC) K=$(K) LAMBDA=$(LAMBDA) TRAIN='$(TRAIN)' \
	    INFER='$(INFER) --long cut --max-length 1024'
$(WORK)/sft: $(WORK)/pivot $(WORK)/fusion.jsonl
	$(FC)fc-infer --tokens -m $< --long cut --max-length 1024 $(WORK)/fusion.jsonl | \
	    $(FC)fc-train -m $< --lambda 1 $(TRAIN) -o $@

$(WORK)/%.ppl.txt: $(WORK)/heldout.jsonl $(WORK)/fusechat $(WORK)/sft
	$(FC)fc-infer -q -m $(call where,$*) -p $(WORK)/pivot -k 1 --long cut --max-length 1024 $(INFER) $< | \
	    $(FC)fc-eval ppl --by category -q -o $@

.PHONY: all
