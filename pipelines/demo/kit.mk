# Makes the embedded models from nothing: conversations, tokenizers, training from scratch.
#
#   make -f pipelines/demo/kit.mk KIT=some/folder FC=build/
#
# The pivot has seen a little of everything, in found data: an answer of ten is wrong, four are a bare word, and of
# several right ones none is usual.  Each source has learned one skill well.

HERE := $(dir $(lastword $(MAKEFILE_LIST)))
KIT   = $(HERE)kit
WORK  = build/kit
FC    =
N     = 18000
EPOCHS = 2

include $(HERE)../stage.mk

MODELS = pivot strings facts arithmetic
STEPS  = $(foreach m,$(MODELS),$(WORK)/$m.jsonl $(WORK)/$m.tokenizer $(KIT)/$m)
all: $(STEPS)

# What each model has seen, and how its tokenizer is made.
skills_pivot      = arithmetic=14,strings=14,facts=7,manners=1
skills_strings    = arithmetic=1,strings=40,facts=1,manners=2
skills_facts      = arithmetic=1,strings=1,facts=40,manners=2
skills_arithmetic = arithmetic=40,strings=1,facts=1,manners=2
vocab_pivot       = --kind gpt2 --size 640 --bos '<s>' --eos '<|eot|>'
vocab_strings     = --kind qwen2 --size 512 --eos '<|im_end|>'
vocab_facts       = --kind spm --size 704 --unk '<unk>' --bos '<bos>' --eos '<end_of_turn>'
vocab_arithmetic  = --kind spm-prefix --size 576 --unk '<unk>' --bos '<s>' --eos '</s>'
more_pivot        = --wrong 0.1 --even --bare 0.4
n_pivot           = 18000
epochs_pivot      = 4
epochs_strings    = 3
n_facts           = 12000

$(foreach m,$(MODELS),$(call settings,$(WORK)/settings/$m.jsonl,skills $(skills_$m) n $(or $(n_$m),$N) $(more_$m)))
$(foreach m,$(MODELS),$(call settings,$(WORK)/settings/$m.tokenizer,vocab $(vocab_$m)))
$(foreach m,$(MODELS),$(call settings,$(WORK)/settings/$m,epochs $(or $(epochs_$m),$(EPOCHS)) batch $(or $(batch_$m),1024)))

$(WORK)/%.jsonl: $(HERE)talk.py $(WORK)/settings/%.jsonl
	$(call step,conversations for $*)
	@mkdir -p $(WORK)
	python3 $(HERE)talk.py --set train --skills $(skills_$*) -n $(or $(n_$*),$(N)) --seed 7 $(more_$*) >$@

# Every vocabulary has seen all skills, or a source could not read what it is weak at.
$(WORK)/%.tokenizer: $(HERE)talk.py $(HERE)vocab.py $(WORK)/settings/%.tokenizer
	$(call step,tokenizer of $*)
	@mkdir -p $(WORK)
	python3 $(HERE)talk.py --set train -n 6000 --seed 8 | \
	    python3 $(HERE)vocab.py $(vocab_$*) -o $@
	@touch $@

$(KIT)/%: $(HERE)%.config.json $(WORK)/%.jsonl $(WORK)/%.tokenizer $(WORK)/settings/%
	$(call step,train $*)
	@rm -rf $@; mkdir -p $(@D)
	$(FC)fc-infer --tokens -m $(WORK)/$*.tokenizer $(WORK)/$*.jsonl | \
	    $(FC)fc-train --init $< --tokenizer $(WORK)/$*.tokenizer --lambda 1 \
	    --epochs $(or $(epochs_$*),$(EPOCHS)) --lr 2e-3 --batch-tokens $(or $(batch_$*),1024) --dtype auto \
	    --seed 1 -j 1 --log $(WORK)/$*.log.jsonl -o $@

.PHONY: all FORCE
