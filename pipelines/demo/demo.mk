# The whole method on the embedded models, for each of SEEDS seeds, and the result as one table.
#
#   make demo [SEEDS=3]      from the top of the repository
#
# A seed draws the conversations of the fusion and held-out sets and orders the training.  One fusion
# conversation in ten carries a wrong answer, as found data do; held-out ones are right.

HERE   := $(dir $(lastword $(MAKEFILE_LIST)))
KIT     = $(HERE)kit
FC      =
WORK    = demo
SEEDS   = 1
N       = 6000
WRONG   = 0.1
HELDOUT = 800

# Light fine-tuning, the same for everything that is trained here.  One thread a program: make runs
# as many programs at a time as there are processors.
TRAIN  = --epochs 3 --lr 2e-4 --batch-tokens 2048 --dtype f32 -j 1
INFER  = --dtype f32 -j 1
LAMBDA = 0.1
K      = 10
ALIGN  = bytes

include $(HERE)../stage.mk

PIVOT   = $(KIT)/pivot
SOURCES = $(KIT)/strings $(KIT)/facts $(KIT)/arithmetic
NAMES   = strings facts arithmetic
SKILLS  = arithmetic strings facts manners
RUNS   := $(shell seq 1 $(SEEDS))
COMPARED = pivot sft fusellm varm
MODELS  = $(NAMES) pivot sft fusellm $(NAMES:%=target-%) linear sce varm

seed_steps = $(addprefix $(WORK)/seed-$1/,fusion.jsonl fusechat fusellm sft linear sce heldout.jsonl questions.jsonl \
             $(foreach m,$(MODELS),$m.ppl.tsv $m.acc.tsv) ensemble.ppl.tsv against-pivot.tsv against-sft.tsv)
STEPS = $(foreach r,$(RUNS),$(call seed_steps,$r)) $(WORK)/table.txt $(WORK)/radar.svg

all: $(STEPS)
	@cat $(WORK)/table.txt
	@echo "Drawn as $(WORK)/radar.svg and $(WORK)/radar.png."
	@echo
	@cat $(WORK)/verdict.txt

# Everything of one seed, with that seed's folder as R.
define run
R$1 = $(WORK)/seed-$1

$(call settings,$(WORK)/settings/seed-$1/fusion,n $(N) wrong $(WRONG))
$(call settings,$(WORK)/settings/seed-$1/heldout,n $(HELDOUT))
$(call settings,$(WORK)/settings/seed-$1/sft,train $(TRAIN))
$(call settings,$(WORK)/settings/seed-$1/evaluation,infer $(INFER))

$$(R$1)/fusion.jsonl: $(HERE)talk.py $(WORK)/settings/seed-$1/fusion
	$$(call step,seed $1: conversations for the fusion)
	@mkdir -p $$(@D)
	python3 $$< --set fusion -n $(N) --wrong $(WRONG) --seed $1 >$$@
$$(R$1)/heldout.jsonl: $(HERE)talk.py $(WORK)/settings/seed-$1/heldout
	$$(call step,seed $1: held-out conversations)
	@mkdir -p $$(@D)
	python3 $$< --set heldout -n $(HELDOUT) --seed $1 >$$@
$$(R$1)/questions.jsonl: $(HERE)talk.py $(WORK)/settings/seed-$1/heldout
	$$(call step,seed $1: questions)
	@mkdir -p $$(@D)
	python3 $$< --set heldout -n $(HELDOUT) --seed $1 --questions >$$@

# The published pipelines, as any user would run them.  They know what has to be made anew and are asked every time.
$$(R$1)/fusechat $$(NAMES:%=$$(R$1)/target-%) &: $$(R$1)/fusion.jsonl FORCE
	$$(call step,seed $1: FuseChat)
	@$$(MAKE) --no-print-directory -f $(HERE)../fusechat.mk IN='seed $1 FuseChat: ' $$(pipe$1)
$$(R$1)/fusellm: $$(R$1)/fusion.jsonl $$(R$1)/fusechat FORCE
	$$(call step,seed $1: FuseLLM)
	@$$(MAKE) --no-print-directory -f $(HERE)../fusellm.mk IN='seed $1 FuseLLM: ' $$(pipe$1)
pipe$1 = PIVOT=$(PIVOT) SOURCES='$(SOURCES)' DATA=$$(R$1)/fusion.jsonl OUT=$$(R$1) FC=$(FC) \
    K=$(K) LAMBDA=$(LAMBDA) ALIGN=$(ALIGN) TRAIN='$(TRAIN) --seed $1' INFER='$(INFER)'

# To compare with: the pivot on the same conversations without teachers, and the other merges.
$$(R$1)/sft: $$(R$1)/fusion.jsonl $(WORK)/settings/seed-$1/sft
	$$(call step,seed $1: the pivot fine-tuned without a teacher)
	$(FC)fc-infer --tokens -m $(PIVOT) $$< | \
	    $(FC)fc-train -m $(PIVOT) --lambda 1 --save-dtype f32 $(TRAIN) --seed $1 --force -o $$@
$$(R$1)/linear $$(R$1)/sce: $$(R$1)/fusechat
	$$(call step,seed $1: merge by $$(@F))
	$(FC)fc-varm -b $(PIVOT) --method $$(@F) --dtype f32 -q -f -o $$@ $$(NAMES:%=$$(R$1)/target-%)
$$(R$1)/varm: $$(R$1)/fusechat
	@ln -sfn fusechat $$@

# Held-out results: distributions to bits per byte and to whether the likeliest tokens are the right
# ones, answers to accuracy.
$$(R$1)/%.ppl.tsv $$(R$1)/%.exact.tsv: $$(R$1)/heldout.jsonl $$(R$1)/questions.jsonl $$(R$1)/fusellm \
    $$(R$1)/sft $$(R$1)/linear $$(R$1)/sce $$(R$1)/varm $(WORK)/settings/seed-$1/evaluation
	$$(call step,seed $1: $$* on held-out conversations)
	$(FC)fc-infer -q -m $$(call where,$1,$$*) -p $(PIVOT) -k 1 $(INFER) -o $$(R$1)/$$*.heldout.fcs \
	    $$(R$1)/heldout.jsonl
	$$(call judge,$$(R$1)/$$*.heldout.fcs,$$(R$1)/$$*)
$$(R$1)/%.acc.tsv: $$(R$1)/%.ppl.tsv
	$$(call step,seed $1: answers of $$*)
	$(FC)fc-infer -q --generate -m $$(call where,$1,$$*) -p $(PIVOT) --max-new 40 $(INFER) \
	    -o $$(R$1)/$$*.answers.jsonl $$(R$1)/questions.jsonl
	$(FC)fc-eval accuracy --match last-word --by skill --format tsv -q -o $$@ $$(R$1)/$$*.answers.jsonl

# How much more often the fused models are right than the pivot and than fine-tuning alone, question by question.
$$(R$1)/against-%.tsv: $$(COMPARED:%=$$(R$1)/%.acc.tsv)
	$$(call step,seed $1: answers against those of $$*)
	$(FC)fc-eval accuracy --compare --baseline $$* --match last-word --by skill --format tsv -q -o $$@ \
	    $$(foreach m,$$(COMPARED),$$m=$$(R$1)/$$m.answers.jsonl)

# The ensemble: the sources' distributions averaged over the pivot's tokens.
$$(R$1)/ensemble.ppl.tsv $$(R$1)/ensemble.exact.tsv &: $$(R$1)/heldout.jsonl $$(R$1)/fusechat
	$$(call step,seed $1: the average of the sources)
	@mkdir -p $$(R$1)/ensemble
	$(FC)fc-infer -q -m $(PIVOT) $(INFER) -o $$(R$1)/ensemble/pivot.fcs $$<
	$$(foreach s,$(NAMES),$$(call over_pivot,$$s)$$(newline))
	$(FC)fc-align fuse -q --rule average --no-pivot -k 50 $$(R$1)/ensemble/pivot.fcs \
	    $$(NAMES:%=$$(R$1)/ensemble/%.fcs) -o $$(R$1)/ensemble/average.fcs
	$$(call judge,$$(R$1)/ensemble/average.fcs,$$(R$1)/ensemble)
endef
# A source's distributions over the pivot's tokens; $1: its name.
over_pivot = $(FC)fc-infer -q -m $(KIT)/$1 -p $(PIVOT) -k 50 $(INFER) $< | \
    $(FC)fc-align apply -q -p $(PIVOT) $(if $(filter bytes,$(ALIGN)),-s $(KIT)/$1,-m $(<D)/$1.map.fcs) \
    -o $(@D)/ensemble/$1.fcs
define judge
$(FC)fc-eval ppl --by skill --format tsv -q -o $2.ppl.tsv $1
$(FC)fc-eval exact --match last-word --by skill --format tsv -q -o $2.exact.tsv $1
endef
where = $(if $(filter $2,$(NAMES) pivot),$(KIT)/$2,$(WORK)/seed-$1/$2)
$(foreach r,$(RUNS),$(eval $(call run,$r)))

RESULTS = $(foreach r,$(RUNS),$(foreach k,ppl exact,$(WORK)/seed-$r/ensemble.$k.tsv) \
    $(foreach b,pivot sft,$(WORK)/seed-$r/against-$b.tsv) \
    $(foreach k,ppl exact acc,$(MODELS:%=$(WORK)/seed-$r/%.$k.tsv)))

$(WORK)/table.txt $(WORK)/table.tsv $(WORK)/verdict.txt $(WORK)/radar.dat &: $(HERE)table.py $(RESULTS)
	$(call step,table)
	python3 $< --work $(WORK) --seeds $(SEEDS) --skills '$(SKILLS)'
$(WORK)/radar.svg $(WORK)/radar.png &: $(WORK)/radar.dat $(HERE)radar.gp
	$(call step,drawing)
	gnuplot -c $(HERE)radar.gp $< $(WORK)/radar '$(SKILLS)' $(words $(NAMES))

.PHONY: all FORCE
