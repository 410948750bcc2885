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

include $(HERE)../stage.mk

MODELS = pivot sft $(METHODS)
model  = $(if $(filter pivot,$1),$(KIT)/pivot,$(if $(filter sft,$1),$(WORK)/sft,$(WORK)/$1/fusellm))

STEPS  = $(addprefix $(WORK)/,fusion.jsonl sft $(METHODS:%=%/fusellm) heldout.jsonl questions.jsonl \
         $(foreach m,$(MODELS),$m.fcs $m.answers.jsonl) bits.txt right.txt)

all: $(STEPS)
	@cat $(WORK)/bits.txt
	@echo
	@cat $(WORK)/right.txt

SET := $(WORK)/settings
$(call settings,$(SET)/fusion,n $(N) seed $(SEED))
$(call settings,$(SET)/heldout,n $(HELDOUT) seed $(SEED))
$(call settings,$(SET)/sft,train $(TRAIN))
$(call settings,$(SET)/evaluation,infer $(INFER))

$(WORK)/fusion.jsonl: $(HERE)talk.py $(SET)/fusion
	$(call step,conversations for the fusion)
	python3 $< --set fusion -n $(N) --wrong 0.1 --seed $(SEED) >$@
$(WORK)/heldout.jsonl: $(HERE)talk.py $(SET)/heldout
	$(call step,held-out conversations)
	python3 $< --set heldout -n $(HELDOUT) --seed $(SEED) >$@
$(WORK)/questions.jsonl: $(HERE)talk.py $(SET)/heldout
	$(call step,questions)
	python3 $< --set heldout -n $(HELDOUT) --seed $(SEED) --questions >$@

$(WORK)/sft: $(WORK)/fusion.jsonl $(SET)/sft
	$(call step,the pivot fine-tuned without a teacher)
	$(FC)fc-infer --tokens -m $(KIT)/pivot $< | \
	    $(FC)fc-train -m $(KIT)/pivot --lambda 1 --save-dtype f32 $(TRAIN) -f -o $@
$(METHODS:%=$(WORK)/%/fusellm): $(WORK)/%/fusellm: $(WORK)/fusion.jsonl FORCE
	$(call step,FuseLLM by $*)
	@$(MAKE) --no-print-directory IN='$*: ' -f $(HERE)../fusellm.mk PIVOT=$(KIT)/pivot SOURCES='$(SOURCES)' DATA=$< OUT=$(WORK)/$* FC=$(FC) \
	    K=10 LAMBDA=0.1 ALIGN=$* TRAIN='$(TRAIN)' INFER='$(INFER)'

# Every way against no teacher at all, on the same conversations.
$(WORK)/bits.txt: $(MODELS:%=$(WORK)/%.fcs)
	$(call step,bits a byte)
	$(FC)fc-eval ppl -q --by skill --baseline sft -o $@ $(foreach m,$(MODELS),$m=$(WORK)/$m.fcs)
$(WORK)/right.txt: $(MODELS:%=$(WORK)/%.answers.jsonl)
	$(call step,right answers)
	$(FC)fc-eval accuracy -q --compare --match last-word --by skill --baseline sft -o $@ \
	    $(foreach m,$(MODELS),$m=$(WORK)/$m.answers.jsonl)

.SECONDEXPANSION:
$(MODELS:%=$(WORK)/%.fcs): $(WORK)/%.fcs: $(WORK)/heldout.jsonl $$(call model,$$*) $(SET)/evaluation
	$(call step,$* on held-out conversations)
	$(FC)fc-infer -q -m $(call model,$*) -k 1 $(INFER) -o $@ $<
$(MODELS:%=$(WORK)/%.answers.jsonl): $(WORK)/%.answers.jsonl: $(WORK)/questions.jsonl $$(call model,$$*) \
    $(SET)/evaluation
	$(call step,answers of $*)
	$(FC)fc-infer -q --generate -m $(call model,$*) --max-new 40 $(INFER) -o $@ $<

.PHONY: all FORCE
