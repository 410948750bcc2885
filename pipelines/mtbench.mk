# MT-Bench: questions -> answers of every model -> a judge -> tables, charts, report.
#
#   make -f mtbench.mk MODELS='models/pivot run/fusechat' QUESTIONS=question.jsonl \
#       PROMPTS=judge_prompts.jsonl REFERENCE=reference_answer/gpt-4.jsonl \
#       JUDGE='--endpoint https://host/v1 --judge-model gpt-4' OUT=bench
#
#   MODELS     what fc-infer reads; their names (without .gguf) must differ
#   QUESTIONS PROMPTS REFERENCE   FastChat's files (Vicuna-bench's, too)
#   JUDGE      options of fc-eval judge that say who judges: --endpoint, --local or --command
#   OUT        where results go; what is there is made anew if its settings, models or data changed
#   INFER      further options of fc-infer
#   SUBMIT SHARDS SRUN HOSTS   where models answer, and in how many parts; stage.mk
#   TITLE      of the report
#   FC         folder of the tools, with a slash at its end; empty: found by PATH
#
# gives OUT/scores.txt, categories.txt, compare.txt, the scores by category as chart.svg and chart.png, radar.svg and
# radar.png if there are three categories or more, and report.html.  An interrupted run goes on where it was: answers and
# judgments that are there are not asked for again.  Judgments of another judge, or of answers that were made anew, begin
# a new file; the old one stays under its name with a number.

OUT   = mtbench
INFER =
TITLE = MT-Bench
FC    =

include $(dir $(lastword $(MAKEFILE_LIST)))stage.mk

ifeq ($(and $(MODELS),$(QUESTIONS),$(PROMPTS),$(JUDGE)),)
$(error set MODELS, QUESTIONS, PROMPTS and JUDGE; mtbench.mk begins with an example)
endif
$(foreach v,QUESTIONS PROMPTS $(if $(REFERENCE),REFERENCE),$(call need_one,$v))$(call need_files,MODELS)
model = $(call named,$1,$(MODELS))
NAMES := $(foreach m,$(MODELS),$(call name,$m))
$(call need_unlike,MODELS,$(NAMES))$(call need_all_lines,INFER)

ANSWERS   = $(NAMES:%=$(OUT)/model_answer/%.jsonl)
JUDGMENTS = $(OUT)/judgments.jsonl
# Fewer than three categories make no radar chart.
n_category := $(shell grep -o '"category": *"[^"]*"' $(QUESTIONS) | sort -u | wc -l)
CHARTS = chart.svg chart.png $(if $(filter 0 1 2,$(n_category)),,radar.svg radar.png)
reference = $(if $(REFERENCE),--reference $(REFERENCE))
RESULTS = $(addprefix $(OUT)/,scores.txt categories.txt compare.txt $(CHARTS) report.html)
STEPS  = $(OUT)/checked $(ANSWERS) $(OUT)/judged $(RESULTS)
of     = $(NAMES:%=--model %)
judge  = PATH=$(if $(FC),$(abspath $(FC)):)$$PATH $(FC)fc-eval judge --questions $(QUESTIONS) --prompts $(PROMPTS) \
         $(reference) $(JUDGE) -o $(JUDGMENTS)

SET := $(OUT)/settings
questions := $(call identity,$(QUESTIONS))
answer_settings = $(call settings,$(SET)/$1,model $(call identity,$(call model,$1)) questions $(questions) \
                  infer $(call deciding,fc-infer,$(INFER)))
$(foreach n,$(NAMES),$(call answer_settings,$n))
$(call settings,$(SET)/judgments,questions $(questions) prompts $(call identity,$(PROMPTS)) reference $(call \
    identities,$(REFERENCE)) judge $(call deciding,fc-eval judge,$(call as_is,$(value JUDGE))) models $(sort $(NAMES)))
$(call settings,$(SET)/tables,title $(TITLE) order $(NAMES))

# The scores, and what the comparison says in words.
all: $(RESULTS)
	@cat $(OUT)/scores.txt
	@sed -n '/^$$/,$$p' $(OUT)/compare.txt

# What would fail late is tried before the first model answers: every model, the judge's files and options.
$(OUT)/checked: $(SET)/judgments $(NAMES:%=$(SET)/%)
	$(call step,check models and judge)
	$(foreach m,$(MODELS),$(FC)fc-infer --generate -m $m $(INFER) --dry-run$(newline))
	$(judge) -q --dry-run -o $(OUT)/none
	@touch $@

$(OUT)/model_answer/%.jsonl: $(SET)/% | $(OUT)/checked
	$(call step,answers of $*)
	@mkdir -p $(@D)
	$(call lines_to,answers of $*,$(FC)fc-infer --generate -m $(call model,$*) --name $* $(INFER),$(QUESTIONS),1)

# The judgments grow by lines and outlive a failure; the stamp tells that none is missing.
$(OUT)/judged: $(ANSWERS) $(SET)/judgments
	$(call step,judgments)
	@said=$$($(judge) -q --dry-run $(ANSWERS) 2>&1) || case $$said in *'of other answers'*) $(put_aside) ;; esac
	$(judge) $(ANSWERS)
	@touch $@
put_aside = n=1; while [ -e $(JUDGMENTS).$$n ]; do n=$$((n + 1)); done; \
    echo 'the judgments are of other answers: they stay as $(JUDGMENTS).'$$n; mv $(JUDGMENTS) $(JUDGMENTS).$$n

$(OUT)/scores.txt: $(OUT)/judged $(SET)/tables
	$(call step,scores)
	$(FC)fc-eval show -t scores $(of) -o $@ $(JUDGMENTS)
$(OUT)/categories.txt: $(OUT)/judged $(SET)/tables
	$(call step,scores by category)
	$(FC)fc-eval show -t categories $(of) --questions $(QUESTIONS) -o $@ $(JUDGMENTS)
$(OUT)/compare.txt: $(OUT)/judged $(SET)/tables
	$(call step,comparison)
	$(FC)fc-eval show -t compare $(of) --questions $(QUESTIONS) -o $@ $(JUDGMENTS)
$(OUT)/chart.svg $(OUT)/chart.png: $(OUT)/judged $(SET)/tables
	$(call step,chart)
	$(FC)fc-eval chart $(of) --questions $(QUESTIONS) -o $@ $(JUDGMENTS)
$(OUT)/radar.svg $(OUT)/radar.png: $(OUT)/judged $(SET)/tables
	$(call step,radar chart)
	$(FC)fc-eval chart --form radar $(of) --questions $(QUESTIONS) -o $@ $(JUDGMENTS)
$(OUT)/report.html: $(OUT)/judged $(SET)/tables
	$(call step,report)
	$(FC)fc-eval report $(of) --questions $(QUESTIONS) $(reference) $(ANSWERS:%=-a %) --title '$(TITLE)' -o $@ \
	    $(JUDGMENTS)

.PHONY: all FORCE
