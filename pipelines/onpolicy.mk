# On-policy: the pivot answers, the sources say what they would have gone on with at each token of its answers, and it
# is trained on that; in rounds, each with the model of the last.
#
#   make -f onpolicy.mk PIVOT=models/pivot SOURCES='models/a models/b' PROMPTS=prompts.jsonl OUT=run ROUNDS=2
#
# gives run/onpolicy-1 and run/onpolicy-2, model folders of the pivot's architecture.  Variables: fuse.mk, and
#
#   PROMPTS  conversations (JSONL) that end with a user's message
#   ROUNDS   how often; a later call with more goes on
#   GENERATE further options of fc-infer --generate, which draws at temperature 1, so that answers are the policy's own
#   SEED     of the answers: round N draws with SEED + N
#   LAMBDA   0, for the answers are no labels; where no source has a row nothing is trained
#   LOSS     kl, the forward divergence, or reverse-kl; with the tail, as everywhere.  Where both were tried (effect.md)
#            reverse-kl made fewer bits a byte of one round, and kl more: try it on a held-out set
#   RULE     who teaches: mince, the source that gives an answer the most; category, the best source on DEV in the
#            conversation's category (BY); mixture, all of them and the model itself with weights fitted to DEV;
#            average, avgce
#
# A source whose tokenizer cuts more finely than the pivot's may harm here, see fc-train(1): look at what the first
# round makes of a held-out set.
#
# A round's answers and rows say which model answered, and fc-train refuses those of any other (on-policy training in
# fc-train(1)): TRAIN='--max-age N' is not needed here.

all: onpolicy
ifeq ($(and $(PIVOT),$(SOURCES),$(PROMPTS)),)
$(error set PIVOT, SOURCES and PROMPTS, e.g. make -f onpolicy.mk PIVOT=models/p SOURCES="models/a models/b" PROMPTS=asked.jsonl)
endif
ROUNDS   = 2
GENERATE =
SEED     = 0
DATA    := $(PROMPTS)
data_is := PROMPTS
other_rules := category
include $(dir $(lastword $(MAKEFILE_LIST)))fuse.mk
LAMBDA   = 0
TRAIN    = --lr 5e-6 --epochs 1

$(call need_one,PROMPTS)$(call need_all_lines,GENERATE)
ifeq ($(shell [ '$(ROUNDS)' -ge 1 ] 2>/dev/null && echo yes),)
$(error ROUNDS is a number from 1 on, not '$(ROUNDS)')
endif
ifeq ($(shell [ '$(SEED)' -ge 0 ] 2>/dev/null && echo yes),)
$(error SEED is a number, not '$(SEED)')
endif
ifneq ($(ADAPT),)
$(error ADAPT is for labels, which PROMPTS have none of: give SOURCES that are adapted)
endif
ifeq ($(RULE),category)
ifeq ($(BY),)
$(error RULE=category takes the best source of a category: set BY, the member of a conversation that tells it)
endif
include $(dir $(lastword $(MAKEFILE_LIST)))mixture.mk
endif

rounds := $(shell seq $(ROUNDS))
before  = $(shell echo $$(($1 - 1)))
sorted := $(sort $(NAMES))
# The model that answers in a round, and what it makes.
model   = $(OUT)/onpolicy-$1
seed_of = $(shell echo $$(($(SEED) + $1)))
policy  = $(if $(filter 1,$1),$(PIVOT),$(call model,$(call before,$1)))
dir_of  = $(OUT)/round-$1
RESULT  = $(OUT)/onpolicy-$(ROUNDS)$(TYPE:%=-%)

# A mixture has the model itself as a member, under the name that it has on DEV.
itself  = $(if $(filter mixture,$(RULE)),$(call dir_of,$1)/itself.fcs)
teachers = $(call itself,$1) $(sorted:%=$(call dir_of,$1)/%.aligned.fcs)
BEST    = $(OUT)/dev/best.tsv
chosen  = $(if $(filter mixture,$(RULE)),$(WEIGHTS),$(if $(filter category,$(RULE)),$(BEST)))
dev_steps = $(if $(chosen),$(if $(filter mixture,$(RULE)),$(OUT)/dev/pivot.fcs) $(foreach n,$(sorted),$(call source_on_dev,$n)) $(chosen))
round_steps = $(call dir_of,$1)/answers.jsonl $(call itself,$1) \
              $(foreach n,$(sorted),$(call dir_of,$1)/$n.own.fcs $(call dir_of,$1)/$n.aligned.fcs) $(call model,$1)
maps    = $(if $(MAP),$(sorted:%=$(OUT)/%.map.fcs))
STEPS   = $(CHECKED) $(maps) $(dev_steps) $(foreach r,$(rounds),$(call round_steps,$r)) \
          $(TYPE:%=$(RESULT))

answer   = $(FC)fc-infer --generate -m $1 --temperature 1 $(GENERATE)
train_on = $(fc_train) -m $1 --lambda $(LAMBDA) $(loss) --untaught share --save-dtype f32 $(TRAIN)
train    = $(call train_on,$(PIVOT))
also_checked = $(call answer,$(PIVOT)) --dry-run
teach    = $(strip $(FC)fc-align fuse --rule $(RULE) $(at_most) $(if $(filter mixture,$(RULE)),--weights $(WEIGHTS) $(BY:%=--by \
           %))$(if $(filter category,$(RULE)),--best $(BEST) --by $(BY)) $1)
# One stream needs no fusion.
teacher  = $(if $(filter 1,$(words $1)),,$(call teach,$1) | )$2 $(if $(filter 1,$(words $1)),$1)

# What others answered would be taught as if the policy had.
all_answered = ! n=$$(grep -cv '"answered_by":' $1) || { echo "PROMPTS: $$n of the conversations end with an answer already: take it \
    away, or train on them with fusellm.mk" >&2; exit 1; }

onpolicy: $(RESULT)

$(call settings,$(SET)/answers,pivot $(pivot) prompts $(data) generate $(call deciding,fc-infer,$(GENERATE)) seed $(SEED))
$(call settings,$(SET)/onpolicy,$(call train_settings,$(NAMES)) $(if $(filter category,$(RULE)),by $(BY)))
$(CHECKED): $(SET)/answers $(SET)/onpolicy

# Round $1: the answers of its policy, what the sources give them, the model that is trained on it.
define round
$(call dir_of,$1):
	mkdir -p $$@

$(call dir_of,$1)/answers.jsonl: $(if $(filter 1,$1),,$(call policy,$1)) $(SET)/answers | $(CHECKED) $(call dir_of,$1) $(maps) $(chosen)
	$$(call step,round $1: answers)
	$$(call lines_to,round $1: answers,$$(call answer,$(call policy,$1)) --seed $(call seed_of,$1),$(PROMPTS),1)
	@$$(call all_answered,$$@)

$(call dir_of,$1)/itself.fcs: $(call dir_of,$1)/answers.jsonl $(SET)/pivot.fcs
	$$(call step,round $1: distributions of the model itself)
	$$(call rows,round $1: distributions of the model itself,$(call policy,$1),--name $(call name,$(PIVOT)),$$<)

$(call dir_of,$1)/%.own.fcs: $(call dir_of,$1)/answers.jsonl $(SET)/%.aligned.fcs
	$$(call step,round $1: distributions of $$*)
	$$(call rows,round $1: distributions of $$*,$$(call source,$$*),-p $(PIVOT),$$<)

$(call dir_of,$1)/%.aligned.fcs: $(call dir_of,$1)/%.own.fcs $(MAP) $(SET)/%.aligned.fcs
	$$(call step,round $1: distributions of $$* over the tokens of the pivot)
	@$$(call sweep,$$@)
	$$(call job,$(FC)fc-align apply -p $(PIVOT) $$(call by,$$*) -o $$@ $$<)
	@rm -f $$<

$(call model,$1): $(call teachers,$1) $(chosen) $(SET)/onpolicy
	$$(call step,round $1: fine-tune on its own answers)
	$$(train_go_on)
	$$(call job,$$(call teacher,$(call teachers,$1),$$(call train_on,$(call policy,$1)) $$(resumable) --force --log \
	    $$@.log.jsonl -o $$@))
	$$(train_done)

endef
$(foreach r,$(rounds),$(eval $(call round,$r)))

ifneq ($(chosen),)
$(OUT)/dev/pivot.fcs $(sorted:%=$(OUT)/dev/%.own.fcs): | $(maps)
endif

$(BEST): $(sorted:%=$(OUT)/dev/%.aligned.fcs) $(SET)/dev/weights
	$(call step,the best source of each category)
	$(if $(filter 1,$(words $(sorted))),printf 'group\tsource\tce\nall\t%s\t0\n' $(sorted) >$@,$(FC)fc-align fuse -q -k $(K) --by \
	    $(BY) --report $@ $(filter %.fcs,$^) >/dev/null)

ifneq ($(TYPE),)
$(RESULT): $(call model,$(ROUNDS))
	$(narrow)
endif

.PHONY: all onpolicy FORCE
