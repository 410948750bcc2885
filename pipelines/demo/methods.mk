# One fusion of the demo by each way of carrying rows over, and what it gives on held-out questions.
#
#   make -f pipelines/demo/methods.mk FC=build/ WORK=methods [SEED=1 N=3000]
#
# Everything is as in demo.mk but the number of conversations.

HERE   := $(dir $(lastword $(MAKEFILE_LIST)))
KIT     = $(HERE)kit
FC      =
WORK    = methods
SEED    = 1
N       = 3000
HELDOUT = 800
METHODS = bytes stats mined exact
TRAIN   = --epochs 3 --lr 2e-4 --batch-tokens 2048 --dtype f32 -j 1 --seed $(SEED)
INFER   = --dtype f32 -j 1
SOURCES = $(KIT)/strings $(KIT)/facts $(KIT)/arithmetic

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:

MODELS = pivot sft $(METHODS)
model  = $(if $(filter pivot,$1),$(KIT)/pivot,$(if $(filter sft,$1),$(WORK)/sft,$(WORK)/$1/fusellm))

all: $(foreach m,$(MODELS),$(WORK)/$m.ppl.tsv $(WORK)/$m.acc.tsv)
	@for m in $(MODELS); do for k in ppl acc; do \
	    awk -v m=$$m -v k=$$k -F '\t' 'NR > 1 { print m "\t" k "\t" $$1 "\t" $$0 }' $(WORK)/$$m.$$k.tsv; done; done

$(WORK):
	mkdir -p $@
$(WORK)/fusion.jsonl: $(HERE)talk.py | $(WORK)
	python3 $< --set fusion -n $(N) --wrong 0.1 --seed $(SEED) >$@
$(WORK)/heldout.jsonl: $(HERE)talk.py | $(WORK)
	python3 $< --set heldout -n $(HELDOUT) --seed $(SEED) >$@
$(WORK)/questions.jsonl: $(HERE)talk.py | $(WORK)
	python3 $< --set heldout -n $(HELDOUT) --seed $(SEED) --questions >$@

$(WORK)/sft: $(WORK)/fusion.jsonl
	$(FC)fc-infer --tokens -m $(KIT)/pivot $< | $(FC)fc-train -m $(KIT)/pivot --lambda 1 $(TRAIN) -o $@
$(WORK)/%/fusellm: $(WORK)/fusion.jsonl
	$(MAKE) -f $(HERE)../fusellm.mk PIVOT=$(KIT)/pivot SOURCES='$(SOURCES)' DATA=$< OUT=$(WORK)/$* FC=$(FC) \
	    K=10 LAMBDA=0.1 ALIGN=$* TRAIN='$(TRAIN) --untaught whole' INFER='$(INFER)'

.SECONDEXPANSION:
$(WORK)/%.ppl.tsv: $(WORK)/heldout.jsonl $$(call model,$$*)
	$(FC)fc-infer -q -m $(call model,$*) -k 1 $(INFER) $< | $(FC)fc-eval ppl --by skill --format tsv -q -o $@
$(WORK)/%.acc.tsv: $(WORK)/questions.jsonl $$(call model,$$*)
	$(FC)fc-infer -q --generate -m $(call model,$*) --max-new 40 $(INFER) $< | \
	    $(FC)fc-eval accuracy --match last-word --by skill --format tsv -q -o $@

.PHONY: all
