# PREFERENCE: behind FUSION, a training on pairs of answers.  A part of answers.mk.
#
#   dpo      pairs are the best and the worst answer to a prompt
#   ln-dpo   of FuseChat-3.0: pairs are of one source's answers, unless SELECT says --within prompt
#   wrpo     the model answers the prompts, too; its own best and worst answers are pairs, by the reward among all, and
#            the best of the sources' answers stands beside them
#   infifpo  pairs as for dpo; the sources say how likely they find each answer, over their own tokens
#
# The model that is trained is what FUSION made, or PIVOT without it.  It is its own reference, as it is before, but for
# infifpo, whose references are the sources, as long as they are no worse than that; see Preferences in fc-train(1).  All
# is read from streams.  The published runs have some prompts for SFT and others for pairs: that is PROMPTS of one half
# with FUSION and no PREFERENCE, then of the other half with FUSION= and PIVOT=first/fusion/fusellm.

prefer_dpo     = --lr 1e-6 --epochs 1
prefer_ln-dpo  = --lr 1e-6 --epochs 1
prefer_wrpo    = --lr 3e-7 --epochs 1 --warmup 0.1
prefer_infifpo = --lr 1e-7 --epochs 1 --warmup 0.1

by     = $(filter $1,$(PREFERENCE))
PART   = $(OUT)/preference
START  = $(or $(RESULT),$(PIVOT))
# Answers of the model itself, by wrpo, and what the reward needs to know of them.
ITSELF = $(if $(call by,wrpo),$(PART)/itself.jsonl)
OWN    = $(if $(and $(ITSELF),$(JUDGED)$(SCORED)),$(PART)/own.jsonl)
OWN_JUDGED = $(if $(OWN),$(JUDGED:%=$(PART)/judged))
OWN_SCORED = $(if $(OWN),$(SCORED:%=$(PART)/scored.fcs))
PAIRED = $(if $(ITSELF),$(PART)/threes.jsonl,$(PAIRS))
SCORES = $(PART)/$(if $(ITSELF),threes,pairs).fcs
REFERENCES = $(if $(call by,infifpo),$(NAMES:%=$(PART)/source-%.fcs))
FULL   = $(OUT)/$(PREFERENCE)
PREFERRED  = $(FULL)$(TYPE:%=-%)
preference_steps = $(ITSELF) $(OWN) $(OWN_JUDGED) $(OWN_SCORED) $(if $(ITSELF),$(PAIRED)) $(SCORES) $(REFERENCES) $(FULL) \
                   $(TYPE:%=$(PREFERRED))
$(if $(ITSELF),$(call need_unlike,SOURCES,$(NAMES) itself))

all: $(PREFERRED)

pivot := $(call identity,$(PIVOT))
said_by = $(call settings,$(SET)/preference/$1,of $2 pivot $(pivot) infer $(call deciding,fc-infer,$(INFER)))
$(call said_by,pairs,$(FUSION))$(foreach n,$(NAMES),$(call said_by,$n,$(call identity,$(call source,$n)) $(call \
    served_set,$(call source,$n))))
$(call settings,$(SET)/preference/itself,of $(FUSION) pivot $(pivot) prompts $(prompts) samples $(SAMPLES) generate $(call \
    deciding,fc-infer,$(GENERATE)) seed $(SEED))
$(call settings,$(SET)/preference/train,by $(PREFERENCE) options $(call deciding,fc-train,$(PREFER)) sources $(REFERENCES:$(PART)/%=%))

prefer = $(fc_train) -m $1 --preference $(PREFERENCE) --save-dtype f32 $(PREFER)
# Only what the answers' labels have is read, and no row.
scored_by = $(call stream_to,$1,$(FC)fc-infer -k 1,$2 $(INFER),$(PAIRED))

$(CHECKED): $(SET)/preference/train $(SET)/preference/pairs $(NAMES:%=$(SET)/preference/%)
define preference_checked
@mkdir -p $(PART) $(if $(JUDGED),$(PART)/judge)
$(foreach m,$(PIVOT) $(if $(REFERENCES),$(SOURCES)),$(FC)fc-infer -k 1 $(call asked,$m) -p $(PIVOT) $(INFER) --dry-run -o $(OUT)/none$(newline))
$(call prefer,$(PIVOT)) $(REFERENCES:%=--reference $(CHECKED)) --dry-run -o $(OUT)/none
endef

$(PART)/itself.jsonl: $(RESULT) $(SET)/preference/itself | $(CHECKED)
	$(call step,answers of the model itself)
	$(call lines_to,answers of the model itself,$(call answer,$(START)),$(PROMPTS),$(SAMPLES))

$(PART)/own.jsonl: $(ITSELF) $(SET)/best
	$(call step,its answers with ids of their own)
	$(call list,$(PART),$(ITSELF))
$(PART)/judged: $(OWN) $(SET)/judgments
	$(call step,judgments of its answers)
	$(call judging,$(PART))
$(PART)/scored.fcs: $(OWN) $(SCORED) FORCE
	$(call step,its answers under a mixture of all)
	$(call score,$(PART)/scoring,$(OWN))

# The best of all is known, and needed no more.
$(PART)/threes.jsonl: $(pool) $(JUDGED) $(SCORED) $(or $(OWN),$(ITSELF)) $(OWN_JUDGED) $(OWN_SCORED) $(SET)/best
	$(call step,the best of the sources beside its best and worst)
	$(call select,<(cat $(SCORED) $(OWN_SCORED)),<(cat $(RATINGS) $(PART)/judge/judgments.jsonl)) --own itself --pairs $@.new \
	    -o $@.best $(pool) $(or $(OWN),$(ITSELF))
	@rm $@.best; mv $@.new $@

# What FUSION leaves as it was stays as old as it was.
$(SCORES): $(PAIRED) $(RESULT) $(SET)/preference/pairs | $(CHECKED)
	$(call step,what the model finds of the answers)
	@[ -s $< ] || { echo '$<: no pair; of each prompt all answers are worth the same, or there is one: more SAMPLES, another' \
	    'REWARD or SELECT make pairs' >&2; exit 1; }
	$(call scored_by,what the model finds of the answers,-m $(START))
$(PART)/source-%.fcs: $(PAIRED) $(SET)/preference/% | $(CHECKED)
	$(call step,what $* finds of the answers)
	$(call scored_by,what $* finds of the answers,$(call asked,$(call source,$*)) -p $(PIVOT))

$(FULL): $(SCORES) $(REFERENCES) $(SET)/preference/train
	$(call step,train on pairs by $(PREFERENCE))
	$(train_go_on)
	$(call job,$(call prefer,$(START)) $(REFERENCES:%=--reference %) $(resumable) --force --log $@.log.jsonl -o $@ $(SCORES))
	$(train_done)

ifneq ($(TYPE),)
$(PREFERRED): $(FULL)
	$(narrow)
endif
