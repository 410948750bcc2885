# MT-Bench: questions -> answers of every model -> a judge -> tables, radar chart, report.
#
#   make -f mtbench.mk MODELS='models/pivot run/fusechat' QUESTIONS=question.jsonl \
#       PROMPTS=judge_prompts.jsonl REFERENCE=reference_answer/gpt-4.jsonl \
#       JUDGE='--endpoint https://host/v1 --judge-model gpt-4' OUT=bench
#
#   MODELS     what fc-infer reads; their names must differ
#   QUESTIONS PROMPTS REFERENCE   FastChat's files (Vicuna-bench's, too)
#   JUDGE      options of fc-eval judge that say who judges: --endpoint, --local or --command
#   OUT        where results go; what is there is not made again
#   INFER      further options of fc-infer
#   TITLE      of the report
#   FC         folder of the tools, with a slash at its end; empty: found by PATH
#
# gives OUT/scores.txt, categories.txt, compare.txt, radar.svg and radar.png if there are three categories or
# more, and report.html.  An interrupted run goes on where it was: answers and judgments that are there are not asked for again.

OUT   = mtbench
INFER =
TITLE = MT-Bench
FC    =

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:

ifeq ($(and $(MODELS),$(QUESTIONS),$(PROMPTS),$(JUDGE)),)
$(error set MODELS, QUESTIONS, PROMPTS and JUDGE; mtbench.mk begins with an example)
endif

# name(model) is its last path component without .gguf; model(name) the other way.
name  = $(patsubst %.gguf,%,$(notdir $(patsubst %/,%,$1)))
model = $(foreach m,$(MODELS),$(if $(filter $1,$(call name,$m)),$m))
NAMES := $(foreach m,$(MODELS),$(call name,$m))
ifneq ($(words $(sort $(NAMES))),$(words $(NAMES)))
$(error two models have the same name: $(NAMES))
endif

ANSWERS   = $(NAMES:%=$(OUT)/model_answer/%.jsonl)
JUDGMENTS = $(OUT)/judgments.jsonl
# Fewer than three categories make no radar chart.
n_category := $(shell grep -o '"category": *"[^"]*"' $(QUESTIONS) | sort -u | wc -l)
CHARTS = $(if $(filter 0 1 2,$(n_category)),,radar.svg radar.png)
reference = $(if $(REFERENCE),--reference $(REFERENCE))

all: $(addprefix $(OUT)/,scores.txt categories.txt compare.txt $(CHARTS) report.html)
	@cat $(OUT)/scores.txt

# Beside the final name, which only a whole file gets.
$(OUT)/model_answer/%.jsonl: $(QUESTIONS)
	mkdir -p $(@D)/part
	$(FC)fc-infer --generate -m $(call model,$*) --name $* $(INFER) --resume -o $(@D)/part/$*.jsonl $(QUESTIONS)
	mv $(@D)/part/$*.jsonl $@
	rmdir --ignore-fail-on-non-empty $(@D)/part

# The judgments grow by lines and outlive a failure; the stamp tells that none is missing.
$(OUT)/judged: $(ANSWERS) $(PROMPTS) $(REFERENCE)
	PATH=$(if $(FC),$(abspath $(FC)):)$$PATH $(FC)fc-eval judge --questions $(QUESTIONS) --prompts $(PROMPTS) \
	    $(reference) $(JUDGE) -o $(JUDGMENTS) $(ANSWERS)
	touch $@

$(OUT)/scores.txt: $(OUT)/judged
	$(FC)fc-eval show -t scores -o $@ $(JUDGMENTS)
$(OUT)/categories.txt: $(OUT)/judged
	$(FC)fc-eval show -t categories --questions $(QUESTIONS) -o $@ $(JUDGMENTS)
$(OUT)/compare.txt: $(OUT)/judged
	$(FC)fc-eval show -t compare -o $@ $(JUDGMENTS)
$(OUT)/radar.svg $(OUT)/radar.png: $(OUT)/judged
	$(FC)fc-eval chart --questions $(QUESTIONS) -o $@ $(JUDGMENTS)
$(OUT)/report.html: $(OUT)/judged
	$(FC)fc-eval report --questions $(QUESTIONS) $(reference) $(ANSWERS:%=-a %) --title '$(TITLE)' -o $@ \
	    $(JUDGMENTS)

.PHONY: all
