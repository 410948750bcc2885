# Answers of the sources (implicit fusion, as in FuseChat-3.0): prompts without answers are answered by the sources,
# several times each; a reward says which answer is the best, and on that the pivot is trained, with the sources' rows
# beside it.  Best and worst are pairs, on which it may be trained further, by preference.
#
#   make -f answers.mk PIVOT=models/pivot SOURCES='models/a models/b' PROMPTS=prompts.jsonl REWARD=agreement \
#       MATCH=last-number PREFERENCE=ln-dpo OUT=run
#
# gives run/best.jsonl, run/pairs.jsonl ({"prompt", "chosen", "rejected"}, as TRL reads them), run/fusion/fusellm, and
# with PREFERENCE run/ln-dpo.  Variables: those of fuse.mk, which the training takes, and
#
#   PROMPTS  conversations (JSONL) that end with a user's message, the only one without an answer
#   SAMPLES  answers of each source to each prompt, drawn at temperature 1
#   GENERATE SEED   further options of fc-infer --generate; seed of the draws
#   REWARD   right, agreement (both by MATCH), program (CHECKER), judge (JUDGE), mixture (DEV, BY); fc-eval-select(1)
#   MATCH    exact, last-word or last-number
#   CHECKER  a shell command that reads the answers, a line each, and writes a number for each
#   JUDGE    options of fc-eval judge that say who judges and how: --prompts, --endpoint, --local, --command
#   SELECT   further options of fc-eval select: --least, --margin, --within source, --keep-truncated
#   DATA     files of labelled conversations, in any form that fc-infer reads, that are trained on, too; or none
#   FUSION   fusellm or fusechat: how the pivot is trained; empty: not
#   PREFERENCE PREFER    dpo, ln-dpo, wrpo or infifpo: the objective of a training on pairs, behind that; see preference.mk;
#            further options of fc-train for it, else the published learning rate and one epoch

K        = 10
SAMPLES  = 4
GENERATE =
SEED     = 0
REWARD   = agreement
MATCH    = exact
CHECKER  =
JUDGE    =
SELECT   =
DEV      =
BY       =
DATA     =
FUSION   = fusellm
PREFERENCE =
PREFER   = $(prefer_$(PREFERENCE))
OUT      = answers
INFER    =
ALIGN    = bytes
TYPE     =
FC       =
HERE    := $(dir $(lastword $(MAKEFILE_LIST)))

include $(HERE)stage.mk

ifeq ($(and $(PIVOT),$(SOURCES),$(PROMPTS)),)
$(error set PIVOT, SOURCES and PROMPTS; answers.mk begins with an example)
endif
$(call need_one,PIVOT)$(call need_folder,PIVOT)$(call need_files,SOURCES)$(call need_one,PROMPTS)
$(if $(DATA),$(call need_files,DATA))$(if $(DEV),$(call need_one,DEV))
source = $(call named,$1,$(SOURCES))
NAMES := $(sort $(foreach s,$(SOURCES),$(call name,$s)))
$(call need_unlike,SOURCES,$(foreach s,$(SOURCES),$(call name,$s)))$(call need_served,$(NAMES))
# one_of(VARIABLE,WORDS) and needs(REWARD,VARIABLE)
one_of = $(if $(and $(filter $2,$($1)),$(filter 1,$(words $($1)))),,$(error $1 is one of $2, not '$($1)'))
needs  = $(if $(filter $1,$(REWARD)),$(if $(value $2),,$(error REWARD=$1 needs $2)),$(if $(value $2),$(error $2 is for \
         REWARD=$1, not for $(REWARD))))
$(call one_of,REWARD,right agreement program judge mixture)$(call one_of,MATCH,exact last-word last-number)
$(if $(FUSION),$(call one_of,FUSION,fusellm fusechat))$(if $(PREFERENCE),$(call one_of,PREFERENCE,dpo ln-dpo wrpo infifpo))
$(if $(PREFERENCE)$(filter file,$(origin PREFER)),,$(error PREFER is for a training on pairs: set PREFERENCE))
# DEV and BY are of the reward, or of the training (RULE=mixture).
$(if $(filter mixture,$(REWARD)),$(if $(DEV),,$(error REWARD=mixture needs DEV)),$(if $(filter mixture,$(if $(FUSION),$(RULE))),,$(foreach \
    v,DEV BY,$(if $($v),$(error $v is for REWARD=mixture, not for $(REWARD), or for RULE=mixture)))))
$(call need_all_lines,GENERATE)$(call needs,program,CHECKER)$(call needs,judge,JUDGE)

is      = $(filter $1,$(REWARD))
ANSWERS = $(NAMES:%=$(OUT)/answers/%.jsonl)
ALL     = $(OUT)/all.jsonl
JUDGED  = $(if $(call is,judge),$(OUT)/judged)
SCORED  = $(if $(call is,mixture),$(OUT)/scored.fcs)
BEST    = $(OUT)/best.jsonl
PAIRS   = $(OUT)/pairs.jsonl
SELECTED = $(OUT)/selected
TEXTS   = $(DATA) $(BEST)
RESULT  = $(FUSION:%=$(OUT)/fusion/%)
CHECKED = $(OUT)/checked
STEPS   = $(CHECKED) $(ANSWERS) $(if $(JUDGED)$(SCORED),$(ALL)) $(JUDGED) $(SCORED) $(SELECTED) \
          $(RESULT) $(preference_steps)

all: $(BEST) $(PAIRS) $(RESULT)

# FuseChat-3.0 pairs answers of one source.
within = $(if $(filter ln-dpo,$(PREFERENCE)),--within source)

SET     := $(OUT)/settings
prompts := $(call identity,$(PROMPTS))
answer_settings = $(call settings,$(SET)/answers/$1,source $(call identity,$(call source,$1)) prompts $(prompts) samples \
                  $(SAMPLES) generate $(call deciding,fc-infer,$(GENERATE)) seed $(SEED) $(call served_set,$(call source,$1)))
$(foreach n,$(NAMES),$(call answer_settings,$n))
$(call settings,$(SET)/judgments,judge $(call deciding,fc-eval judge,$(call as_is,$(value JUDGE))))
$(call settings,$(SET)/best,of $(NAMES) reward $(REWARD) match $(MATCH) checker $(value CHECKER) select $(strip $(within) \
    $(call deciding,fc-eval select,$(SELECT))))

answer = $(FC)fc-infer --generate $(call answering,$1) --temperature 1 --choices $(SAMPLES) --seed $(SEED) $(GENERATE)
# judge(FOLDER,QUESTIONS,JUDGMENTS)
judge  = PATH=$(if $(FC),$(abspath $(FC)):)$$PATH $(FC)fc-eval judge --mode single --questions $1/judge/$2 \
         $(JUDGE) -o $1/judge/$3
question = {"question_id": "q", "category": "answers", "turns": ["?"]}
ask    = $(call judge,$1,questions.jsonl,judgments.jsonl)
match  = $(if $(call is,right agreement), --match $(MATCH))
by_program = $(if $(call is,program), --program '$(subst $(quote),$(quote)\$(quote)$(quote),$(CHECKER))')
# select(STREAM,JUDGMENTS), which the reward may read.
reward = $(if $(call is,judge),--reward judgments --judgments $2,$(if $(call \
         is,mixture),--reward stream --stream $1,--reward $(REWARD)$(match)$(by_program)))
select = $(FC)fc-eval select $(reward)$(if $(within), $(within))$(SELECT:%= %)
RATINGS = $(OUT)/judge/judgments.jsonl
keep   = $(filter --keep-truncated,$(SELECT))
# fuse.mk's variables that were given on the command line go with it by themselves.
fusing = @$(MAKE) --no-print-directory -f $(HERE)$1.mk PIVOT=$(PIVOT) SOURCES='$(SOURCES)' DATA='$2' OUT=$3 FC=$(FC) K=$(K) \
         ALIGN=$(ALIGN) INFER='$(INFER)'
# The training's own check, on texts that are there already.
fusion_checked = $(call fusing,$(FUSION),$(PROMPTS),$(OUT)/none.fusion) $(OUT)/none.fusion/checked >/dev/null; rm -rf $(OUT)/none.fusion

$(CHECKED): $(NAMES:%=$(SET)/answers/%) $(SET)/best $(if $(JUDGED),$(SET)/judgments)
	$(call step,check models and options)
	@mkdir -p $(OUT)/answers $(if $(JUDGED),$(OUT)/judge)
	$(foreach m,$(SOURCES),$(call answer,$m) --dry-run$(newline))
	$(call select,none,none) --help >/dev/null
	$(if $(JUDGED),@echo '$(question)' >$(OUT)/judge/none.jsonl)
	$(if $(JUDGED),$(call judge,$(OUT),none.jsonl,none) -q --dry-run >/dev/null)
	$(preference_checked)
	$(if $(FUSION),$(fusion_checked))
	@touch $@

$(OUT)/answers/%.jsonl: $(SET)/answers/% | $(CHECKED)
	$(call step,answers of $*)
	$(call lines_to,answers of $*,$(call answer,$(call source,$*)),$(PROMPTS),$(SAMPLES))

# list(FOLDER,ANSWERS) makes $@, and what a judge reads.
list = $(FC)fc-eval select --list $(keep) $(if $(JUDGED),--questions $1/judge/questions.jsonl --answers \
       $1/judge/answers.jsonl) -o $@ $2

$(ALL): $(ANSWERS) $(SET)/best
	$(call step,all answers with ids of their own)
	$(call list,$(OUT),$(ANSWERS))

# judging(FOLDER): the judgments grow by lines and outlive a failure; those of other answers are put aside.
define judging
@said=$$($(call ask,$1) -q --dry-run $1/judge/answers.jsonl 2>&1) || case $$said in *'of other answers'*) $(put_aside) ;; esac
$(call ask,$1) $1/judge/answers.jsonl
@touch $@
endef
put_aside = n=1; f=$1/judge/judgments.jsonl; while [ -e $$f.$$n ]; do n=$$((n + 1)); done; \
    echo "the judgments are of other answers: they stay as $$f.$$n"; mv $$f $$f.$$n

$(OUT)/judged: $(ALL) $(SET)/judgments
	$(call step,judgments)
	$(call judging,$(OUT))

# score(FOLDER,ANSWERS) makes $@: what the models give all answers, and weights fitted to DEV, are made as for a fusion.
define score
$(call fusing,fusellm,$2,$1) RULE=mixture DEV=$(DEV) BY=$(BY) SAMPLE= ADAPT= IN='$(IN)scoring: ' \
    $1/pivot.fcs $(NAMES:%=$1/%.aligned.fcs) $(if $(filter $(OUT)/scoring,$1),$(FITTED))
@if [ ! -e $@ ] || [ -n "$$(find $1 $(FITTED) -name '*.fcs' -newer $@ -o -name '*.tsv' -newer $@)" ]; then \
    $(FC)fc-align fuse -q --rule mixture --weights $(FITTED) $(BY:%=--by %) -k $(K) -o $@ \
    $1/pivot.fcs $(NAMES:%=$1/%.aligned.fcs); fi
endef
FITTED = $(OUT)/scoring/dev/weights.tsv

$(OUT)/scored.fcs: $(ALL) FORCE
	$(call step,the answers under a mixture of all)
	$(call score,$(OUT)/scoring,$(ALL))

# replace(FILE) by FILE.new, unless they are alike: another way to choose that chooses the same makes nothing else anew.
replace = if cmp -s $1.new $1; then rm $1.new; else mv $1.new $1; fi
pool    = $(if $(JUDGED)$(SCORED),$(ALL),$(ANSWERS))
$(SELECTED): $(pool) $(JUDGED) $(SCORED) $(SET)/best $(if $(and $(wildcard $(BEST)),$(wildcard $(PAIRS))),,FORCE)
	$(call step,the best answers)
	$(call select,$(SCORED),$(RATINGS)) --pairs $(PAIRS).new -o $(BEST).new $(pool)
	@$(call replace,$(BEST)); $(call replace,$(PAIRS)); touch $@
$(BEST) $(PAIRS): $(SELECTED) ;

$(RESULT): $(TEXTS) FORCE
	$(call step,fine-tune the pivot on them)
	$(call fusing,$(FUSION),$(TEXTS),$(OUT)/fusion) IN='$(IN)$(FUSION): '

ifneq ($(PREFERENCE),)
include $(HERE)preference.mk
endif

.PHONY: all FORCE
