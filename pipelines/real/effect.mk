# Does fusion beat fine-tuning alone?  Every way to use the sources against the pivot fine-tuned without them, on real
# models, with the same search of settings for each.
#
#   make -f pipelines/real/effect.mk PIVOT=smollm2.gguf SOURCES='qwen.gguf gemma.gguf' WORK=effect
#
# makes WORK/table.txt and table.tsv.  It takes hours to days, and goes on where it was stopped.
#
#   PIVOT SOURCES    models of any kind the tools read; all are fine-tuned, which takes 16 bytes of memory a parameter
#   LABELS           numbers of labelled conversations, each a trial of its own; a smaller one is part of a larger
#   ANSWERS          prompts that the best adapted source answers, for the ways that use answers
#   BY               member of the conversations' lines, such as category: the mixture has weights for each of its
#                    values, and each value's prompts are answered by the source that is best there
#   WAYS             those of the list below that are compared with sft beside ours; all, if it is not set
#   LRS EPOCHS       learning rates and epochs: every way is trained at all of them with DEVSEED, and its best by dev
#                    once more with each of SEEDS
#   K LAMBDA         top-k of the rows, and the labels' share of the loss where there are rows
#   SAMPLE           a number of draws: rows of the fine-tuned sources are that many ids drawn from the whole
#                    distribution, instead of the top K
#   TRAIN ADAPTING   further options of fc-train for what is compared, and of the fine-tuning of sources
#   FOLDS            of the cross-fitted sources, see adapt.mk
#   METHOD           of fc-varm, for the merged targets
#   LENGTH           most tokens of a conversation: training cuts the rest off, dev and test leave out what is longer for
#                    any model
#   INFER EVAL ASK   further options of fc-infer: for rows, for dev and test, and for answers
#   HELD OTHER       conversations of the dev set and of each test set
#   ASKED            questions that all models answer, see QUESTIONS
#   KEEP             1: keep the trained models, which are float32 and many.  Those of the grid always go; the fine-tuned
#                    sources stay, one of each for every number of labels
#   WORK             where results go; what is there is made anew if its settings, models or data changed
#
# Own data instead of what functions.py makes (bodies of functions; test sets: the same task in other files, another
# package's code under another prompt, the reference manual's prose; asked is for short bodies from the files of the
# test set, and right is what is in the file); JSONL, all four together:
#   DATA DEV PROMPTS labelled conversations, dev conversations, conversations that end with a question
#   TESTS            NAME=FILE for every test set; the first is of the kind of DATA
# and with them, or without:
#   QUESTIONS MATCH  questions with reference answers that all models are asked, and fc-eval accuracy's way to tell a
#                    right one
#   CHECKER          of MATCH=program: a shell command that reads answers, a line each, and writes 1 for each right one,
#                    else less, such as 'python3 pipelines/real/functions.py --check'; no references are needed
#
# The ways, by number of labels:
#   sft        labels only: what all others are compared with
#   texts      labels and answered prompts, no rows: what rows add to ours
#   raw-S      labels with rows of source S as it is
#   taught-S   labels with rows of S fine-tuned on the other folds' labels
#   mixture    labels with rows of all such sources and the pivot, fine-tuned in the same way ("self"), mixed by weights
#              that fc-align verdict fits to dev
#   ours       labels and answered prompts with the mixture's rows
#   fusellm    the published form: rows of 10 of the sources as they are, MinCE, what is not listed unsaid, lambda 0.9;
#              but tokens are aligned by their bytes, which loses least
#   fusechat   its targets fusechat-S, one for each source, merged
#   merged     the targets taught-S, merged
# Besides them stand the pivot, each source as it is (source-S) and fine-tuned (adapted-S), and the mixture as a predictor
# (itself).  Everything is chosen on dev: no test set is read before the best settings of all ways are there.

HERE   := $(dir $(lastword $(MAKEFILE_LIST)))
FC      =
WORK    = effect
LABELS  = 50 150 400
ANSWERS = 300
LRS     = 2e-5 5e-5 1e-4
EPOCHS  = 1 2 3 6
DEVSEED = 100
SEEDS   = 1 2 3
K       = 32
SAMPLE  =
LAMBDA  = 0.5
TRAIN   = --batch-tokens 1024
ADAPTING = --lr 2e-5 --epochs 2 --batch-tokens 2048
FOLDS   = 2
METHOD  = varm
LENGTH  = 1024
INFER   =
# float32: bfloat16 products round the weights, and with them what training changed
EVAL    = --dtype f32
HELD    = 100
OTHER   = 100
ASKED   = 100
KEEP    =
BY      =
WAYS    = $(filter-out sft ours,$(EVERY))
ASK     = --max-new 400
QUESTIONS =
MATCH   = $(if $(SHORT),exact,last-word)
CHECKER =

include $(HERE)../stage.mk
# What was given here is not for fuse.mk, which has variables of the same names.
MAKEOVERRIDES =

ifeq ($(and $(PIVOT),$(SOURCES)),)
$(error set PIVOT and SOURCES, see the head of effect.mk)
endif
$(call need_one,PIVOT)$(call need_files,SOURCES)
NAMES := $(foreach s,$(SOURCES),$(call name,$s))
$(call need_unlike,SOURCES and what is made here,pivot self $(NAMES))
$(call need_operands,SOURCES,$(NAMES))$(call need_operands,WORK,$(WORK))
# A bad number would fail at its step, hours later: need_numbers(VARIABLES,PATTERN,WORDS), of lists, need_number() of one.
unlike_it    = $(shell printf '%s\n' $(foreach n,$2,$(call quoted,$n)) | grep -vxE '$1')
need_numbers = $(foreach v,$1,$(if $(if $(strip $($v)),$(call unlike_it,$2,$($v)),none),$(error $v is $3, not '$($v)'))$(call \
               need_unlike,$v,$($v)))
need_number  = $(foreach v,$1,$(if $(filter 1,$(words $($v))),,$(error $v is $3, not '$($v)')))$(need_numbers)
from_1 := [1-9][0-9]{0,8}
real   := ([0-9]+[.]?[0-9]*|[.][0-9]+)(e-?[0-9]+)?
$(call need_numbers,LABELS EPOCHS,$(from_1),whole numbers from 1 on)$(call need_numbers,SEEDS,0|$(from_1),whole numbers)
$(call need_numbers,LRS,$(real),numbers such as 5e-5)$(call need_number,DEVSEED,0|$(from_1),a whole number)
$(call need_number,K FOLDS LENGTH ANSWERS HELD OTHER ASKED $(if $(SAMPLE),SAMPLE),$(from_1),a whole number from 1 on)
$(call need_number,LAMBDA,0|1|0?[.][0-9]+,a number from 0 to 1)
ifneq ($(filter $(DEVSEED),$(SEEDS)),)
$(error DEVSEED is $(DEVSEED), which chose the settings; SEEDS are to be others)
endif
OWN := $(words $(foreach v,DATA DEV PROMPTS TESTS,$(if $($v),$v)))
ifeq ($(filter $(OWN),0 4),)
$(error own data are DATA, DEV, PROMPTS and TESTS together)
endif
ifeq ($(OWN),4)
TEST_FILES := $(foreach t,$(TESTS),$(lastword $(subst =, ,$t)))
$(call need_one,DATA)$(call need_one,DEV)$(call need_one,PROMPTS)$(call need_files,TEST_FILES)
SHORT :=
T := $(foreach t,$(TESTS),$(firstword $(subst =, ,$t)))
$(call need_unlike,TESTS and what is made here,verdict weights right $T)$(call need_operands,TESTS,$T)
else
T := task form text
SHORT := $(if $(QUESTIONS),,short)
endif
$(if $(QUESTIONS),$(call need_one,QUESTIONS))
$(if $(filter exact last-word last-number program,$(MATCH)),,$(error MATCH is exact, last-word, last-number or program, not '$(MATCH)'))
$(if $(filter program,$(MATCH)),$(if $(value CHECKER),,$(error MATCH=program needs CHECKER)),$(if $(value CHECKER),$(error CHECKER is \
    for MATCH=program)))

# ---- ways and files ----
SELF    = $(NAMES) self
TARGETS = $(NAMES:%=fusechat-%) $(NAMES:%=taught-%)
EVERY   = sft texts $(NAMES:%=raw-%) $(NAMES:%=taught-%) mixture ours fusellm $(NAMES:%=fusechat-%) fusechat merged
parts   = $(if $(filter fusechat,$1),$(NAMES:%=fusechat-%),$(NAMES:%=taught-%))
$(foreach w,$(WAYS),$(if $(filter $w,$(EVERY)),,$(error WAYS: there is no way '$w'; there are $(EVERY))))
MERGED := $(filter $(WAYS),fusechat merged)
ARMS   := $(filter-out fusechat merged,$(filter sft ours $(WAYS) $(foreach m,$(MERGED),$(call parts,$m)),$(EVERY)))
ALL    := $(ARMS) $(MERGED)
# Rows of sources as they are have only these.
RAW    := $(filter raw-% fusellm fusechat-%,$(ARMS))
by      = $(if $(BY),--by $(BY))
MODEL   = $(WORK)/models
SET    := $(WORK)/settings
MOST   := $(shell printf '%s\n' $(LABELS) | sort -n | tail -n 1)
GRID   := $(foreach l,$(LRS),$(foreach e,$(EPOCHS),$l_$e))
HELD_OUT := dev $(T:%=test-%)
SETS   := train prompts $(HELD_OUT:%=%.all) $(SHORT)
QUESTIONED := $(if $(SHORT),$(WORK)/data/short.jsonl,$(QUESTIONS))
N       = $(WORK)/$1

step_data   = $(SETS:%=$(WORK)/data/%.jsonl) $(WORK)/data/checked
step_held   = $(HELD_OUT:%=$(WORK)/data/%.jsonl)
step_models = $(addprefix $(MODEL)/,pivot $(NAMES) self)
step_raw    = $(if $(RAW),$(WORK)/raw/pivot.fcs) $(WORK)/dev/pivot.fcs
step_texts  = $(addprefix $N/,labels.jsonl adapted/pivot.fcs $(SELF:%=sources/%) $(SELF:%=dev/%.aligned.fcs) weights.tsv \
              answerer $(NAMES:%=answers/by-%.jsonl) answers.jsonl answers/pivot.fcs $(ARMS:%=streams/%.fcs))
step_grid   = $(foreach a,$(ARMS),$(foreach g,$(GRID),$N/grid/$a/$g $N/grid/$a/$g.fcs) $N/best/$a)
step_final  = $(foreach s,$(SEEDS),$(foreach a,$(ALL),$N/final/$a/$s $N/tested/$a.$s))
step_test   = $(foreach t,$T,$(WORK)/test/$t/pivot.fcs $(NAMES:%=$(WORK)/test/$t/source-%.fcs)) $(if \
              $(QUESTIONED),$(patsubst %,$(WORK)/test/right/%.jsonl,pivot $(NAMES:%=source-%)))
step_known  = $(foreach t,$T,$(SELF:%=$N/test/$t/%.aligned.fcs) $N/test/$t/itself.fcs) $(if \
              $(QUESTIONED),$(SELF:%=$N/test/right/adapted-%.jsonl))
step_tables = $(foreach t,$T $(if $(QUESTIONED),right),$N/$t.tsv $(SEEDS:%=$N/$t.seed-%.tsv))
STEPS = $(step_data) $(step_models) $(step_held) $(step_raw) $(foreach n,$(LABELS),$(call step_texts,$n) $(call step_grid,$n)) $(step_test) \
        $(foreach n,$(LABELS),$(call step_final,$n) $(call step_known,$n) $(call step_tables,$n)) \
        $(T:%=$(WORK)/%.labels.tsv) $(WORK)/table.txt

# In this order, one after the other: fuse.mk, which is asked every time, is to have answered before what hangs on it is
# looked at, else make takes that for old.
GONE = $(foreach n,$(LABELS),$(foreach a,$(ARMS),$(GRID:%=$(WORK)/$n/grid/$a/%)) $(foreach a,$(ALL),$(SEEDS:%=$(WORK)/$n/final/$a/%)))
all: $(filter-out $(GONE),$(STEPS))
	@cat $(WORK)/table.txt
.NOTPARALLEL:

# ---- data ----
ifeq ($(OWN),4)
test_file = $(lastword $(subst =, ,$(filter $1=%,$(TESTS))))
set_file = $(if $(filter train,$1),$(DATA),$(if $(filter dev.all,$1),$(DEV),$(if $(filter prompts,$1),$(PROMPTS),$(call \
       test_file,$(patsubst test-%.all,%,$1)))))
made = cp $(call set_file,$1) $@
data_settings = $(call settings,$(SET)/data/$1,file $(call identity,$(call set_file,$1)))
else
size = $(if $(filter train,$1),$(MOST),$(if $(filter dev.all,$1),$(HELD),$(if $(filter prompts,$1),$(ANSWERS),$(if $(filter \
       short,$1),$(ASKED),$(OTHER)))))
made = python3 $(HERE)functions.py --set $(patsubst task,test,$(patsubst test-%,%,$(1:%.all=%))) -n $(size) >$@
data_settings = $(call settings,$(SET)/data/$1,size $(size) by $(call identity,$(HERE)functions.py))
endif
$(foreach s,$(SETS),$(call data_settings,$s))
$(SETS:%=$(WORK)/data/%.jsonl): $(WORK)/data/%.jsonl: $(SET)/data/%
	$(call step,conversations: $*)
	@mkdir -p $(@D)
	$(call made,$*)
$(WORK)/data/checked: $(SETS:%=$(WORK)/data/%.jsonl)
	$(call step,whether two sets share a question)
	python3 $(HERE)effect.py check --labels $(MOST) $^
	@touch $@

# ---- models as folders ----
model_settings = $(call settings,$(SET)/models/$1,model $(call identity,$2))
$(call model_settings,pivot,$(PIVOT))
$(foreach n,$(NAMES),$(call model_settings,$n,$(call named,$n,$(SOURCES))))
$(MODEL)/pivot: $(SET)/models/pivot
	$(call step,the pivot as a folder)
	@mkdir -p $(@D)
	$(FC)fc-convert -f --type f32 -o $@ $(PIVOT)
$(NAMES:%=$(MODEL)/%): $(MODEL)/%: $(SET)/models/%
	$(call step,$* as a folder)
	@mkdir -p $(@D)
	$(FC)fc-convert -f --type bf16 -o $@ $(call named,$*,$(SOURCES))
$(MODEL)/self: | $(MODEL)/pivot
	$(call step,the pivot under another name)
	ln -sfn pivot $@

# ---- what is compared is what all have read ----
$(call settings,$(SET)/length,length $(LENGTH))
whole = $(FC)fc-infer -q --tokens -m $(MODEL)/$1 -p $(MODEL)/pivot --long skip --max-length $(LENGTH) $< | $(FC)fc-view -q --jsonl >$@.$1
$(HELD_OUT:%=$(WORK)/data/%.jsonl): $(WORK)/data/%.jsonl: $(WORK)/data/%.all.jsonl $(WORK)/data/checked $(SET)/length \
    | $(addprefix $(MODEL)/,pivot $(NAMES))
	$(call step,what of $* no model finds too long)
	$(foreach m,pivot $(NAMES),$(call whole,$m)$(newline)	)
	python3 $(HERE)effect.py fit $< $(foreach m,pivot $(NAMES),$@.$m) >$@
	@rm $(foreach m,pivot $(NAMES),$@.$m)

# ---- rows ----
cut    = --long truncate --max-length $(LENGTH)
score  = --long skip --max-length $(LENGTH) $(EVAL) -p $(MODEL)/pivot
# $(call rows,DATA,OUT,SOURCES,WORDS,OPTIONS): fuse.mk knows what has to be made anew, and is asked every time.
rows   = @$(MAKE) --no-print-directory -f $(HERE)../fusellm.mk PIVOT=$(MODEL)/pivot SOURCES='$3' DATA=$1 OUT=$2 FC=$(FC) K=$(K) \
         INFER='$(cut) $(INFER)' CHECKPOINT=$(CHECKPOINT) IN='$(IN)$4: ' $5 $2/pivot.fcs $(patsubst %,$2/%.aligned.fcs,$(notdir $3))
$(call settings,$(SET)/dev/pivot,k $(K) length $(LENGTH) eval $(call deciding,fc-infer,$(EVAL)))

$(WORK)/raw/labels.jsonl: $(WORK)/data/train.jsonl $(WORK)/data/checked
	@mkdir -p $(@D); head -n $(MOST) $< >$@
$(WORK)/raw/pivot.fcs: $(WORK)/raw/labels.jsonl $(MODEL)/pivot $(NAMES:%=$(MODEL)/%) FORCE
	$(call step,rows of the sources as they are)
	$(call rows,$<,$(@D),$(NAMES:%=$(MODEL)/%),as they are,ADAPT=)
$(NAMES:%=$(WORK)/raw/%.aligned.fcs): $(WORK)/raw/pivot.fcs ;
# What models say of dev and test sets; $(call known,MODEL,FILE).
known = $(FC)fc-infer -q -k $(K) $(call infer_to,$(score) -m $1) $2
$(WORK)/dev/pivot.fcs: $(WORK)/data/dev.jsonl $(MODEL)/pivot $(SET)/dev/pivot | $(WORK)/data/checked
	$(call step,the pivot on dev)
	@mkdir -p $(@D)
	$(go_on)
	$(call known,$(MODEL)/pivot,$<)

# ---- a number of labels ----
train = $(FC)fc-train -m $(MODEL)/pivot --answers any --save-dtype f32 $(TRAIN)
published = --lambda 0.9 --loss ce --unlisted renormalise --untaught share
# The loss of a way.
loss  = $(if $(filter sft texts,$1),--lambda 1,$(if $(filter fus%,$1),$(published),--lambda $(LAMBDA) --loss kl))
# What models are trained on: $(call stream_of,N,WAY) writes $@.
labels_tokens = $(FC)fc-infer -q --tokens -m $(MODEL)/pivot $(cut)
raw_rows      = <($(FC)fc-view -q --stream -n $1 $(WORK)/raw/$2.fcs)
mince         = $(FC)fc-align fuse -q --rule mince -k 10 $(foreach s,pivot $(patsubst %,%.aligned,$2),$(call raw_rows,$1,$s)) -o $$@
mix           = $(FC)fc-align fuse -q --rule mixture $(by) --weights $N/weights.tsv $2/pivot.fcs $(SELF:%=$2/%.aligned.fcs)
made_sft      = $(labels_tokens) -o $$@ $N/labels.jsonl
made_texts    = $(labels_tokens) -o $$@ $N/labels.jsonl $N/answers.jsonl
made_raw      = $(FC)fc-view -q --stream -n $1 -o $$@ $(WORK)/raw/$2.aligned.fcs
made_taught   = $(FC)fc-view -q --stream -o $$@ $N/adapted/$2.aligned.fcs
made_mixture  = $(call mix,$1,$N/adapted) -o $$@
made_ours     = $(FC)fc-view -q --stream --name mixture -o $$@ <($(call mix,$1,$N/adapted)) <($(call mix,$1,$N/answers))
made_fusellm  = $(call mince,$1,$(NAMES))
made_fusechat = $(call mince,$1,$2)
kind_of   = $(firstword $(subst -, ,$1))
source_of = $(patsubst $(call kind_of,$1)-%,%,$1)
stream_of = $(call made_$(call kind_of,$2),$1,$(call source_of,$2))
# ... and of what.
of_labels = $N/labels.jsonl
of_answers = $N/answers/pivot.fcs $(SELF:%=$N/answers/%.aligned.fcs)
of_adapted = $N/adapted/pivot.fcs $(SELF:%=$N/adapted/%.aligned.fcs) $N/weights.tsv
of_raw     = $(WORK)/raw/pivot.fcs $(NAMES:%=$(WORK)/raw/%.aligned.fcs)
from_sft   = $(of_labels)
from_texts = $(of_labels) $N/answers.jsonl
from_raw   = $(WORK)/raw/$2.aligned.fcs
from_taught = $N/adapted/$2.aligned.fcs
from_mixture = $(of_adapted)
from_ours  = $(of_adapted) $(of_answers)
from_fusellm = $(of_raw)
from_fusechat = $(of_raw)
stream_from = $(call from_$(call kind_of,$2),$1,$(call source_of,$2))

define of_size
$(call settings,$(SET)/$1/labels,n $1)
$(call settings,$(SET)/$1/sources,adapting $(call deciding,fc-train,$(ADAPTING)) length $(LENGTH))
$(call settings,$(SET)/$1/by,by $(BY))
$(call settings,$(SET)/$1/answers,n $(ANSWERS) length $(LENGTH) infer $(call deciding,fc-infer,$(INFER) $(ASK)) seed $(DEVSEED))
$(call settings,$(SET)/$1/train,train $(call deciding,fc-train,$(TRAIN)) lambda $(LAMBDA) seed $(DEVSEED))
$(call settings,$(SET)/$1/known,k $(K) length $(LENGTH) eval $(call deciding,fc-infer,$(EVAL)))
$(call settings,$(SET)/$1/tested,ask $(if $(QUESTIONED),$(call deciding,fc-infer,$(ASK)) $(if \
    $(SHORT),$(ASKED) short,$(call identity,$(QUESTIONS)))))
$(call settings,$(SET)/$1/grid,of $(GRID))
$(call settings,$(SET)/$1/tables,seeds $(SEEDS) sources $(NAMES) match $(MATCH) $(value CHECKER))
$N/labels.jsonl: $(WORK)/data/train.jsonl $(SET)/$1/labels | $(WORK)/data/checked
	$$(call step,$1 labels)
	@mkdir -p $$(@D)
	head -n $1 $$< >$$@
$N/adapted/pivot.fcs: $N/labels.jsonl $(addprefix $(MODEL)/,pivot $(SELF)) FORCE
	$$(call step,$1 labels: rows of sources that are fine-tuned on the others)
	$$(call rows,$$<,$$(@D),$(SELF:%=$(MODEL)/%),$1 labels,ADAPT=1 FOLDS=$(FOLDS) ADAPTING='$(ADAPTING)' SAMPLE=$(SAMPLE))
$(SELF:%=$N/adapted/%.aligned.fcs): $N/adapted/pivot.fcs ;
$(SELF:%=$N/sources/%): $N/sources/%: $N/labels.jsonl $(MODEL)/% $(SET)/$1/sources | $(MODEL)/pivot
	$$(call step,$1 labels: fine-tune $$*)
	@mkdir -p $$(@D)
	$$(train_go_on)
	$(FC)fc-infer -q --tokens -m $(MODEL)/$$* -p $(MODEL)/pivot $(cut) $$< | \
	    $(FC)fc-train -m $(MODEL)/$$* --lambda 1 --save-dtype f32 $(ADAPTING) $$(resumable) --force -o $$@
	$$(train_done)
$(SELF:%=$N/dev/%.aligned.fcs): $N/dev/%.aligned.fcs: $(WORK)/data/dev.jsonl $N/sources/% $(SET)/$1/known
	$$(call step,$1 labels: the fine-tuned $$* on dev)
	$$(call over_pivot,$N/sources/$$*,$$<)
$N/weights.tsv $N/verdict.tsv &: $(WORK)/dev/pivot.fcs $(SELF:%=$N/dev/%.aligned.fcs) $(SET)/$1/by
	$$(call step,$1 labels: weights of the mixture$$(comma) and what fusion can give)
	$(FC)fc-align verdict -q $(by) --format tsv --weights $N/weights.tsv $$(filter %.fcs,$$^) >$N/verdict.tsv || [ $$$$? -eq 3 ]
$N/answerer: $(NAMES:%=$N/dev/%.aligned.fcs) $(SET)/$1/by
	$$(call step,$1 labels: the source that knows dev best$(if $(BY),$$(comma) by $(BY)))
	$(FC)fc-eval ppl -q $(by) --resamples 0 --format tsv $$(filter %.fcs,$$^) | python3 $(HERE)effect.py best >$$@
# The source's own distribution is at temperature 1.
$(NAMES:%=$N/answers/by-%.jsonl): $N/answers/by-%.jsonl: $(WORK)/data/prompts.jsonl $N/answerer $N/sources/% $(SET)/$1/answers
	$$(call step,$1 labels: answers of $$* where it knows best)
	@mkdir -p $$(@D)
	head -n $(ANSWERS) $$< | python3 $(HERE)effect.py prompts $(by) $N/answerer $$* >$$@.prompts
	if [ -s $$@.prompts ]; then $(FC)fc-infer -q --generate -m $N/sources/$$* -p $(MODEL)/pivot --temperature 1 \
	    --seed $(DEVSEED) --max-length $(LENGTH) $(INFER) $(ASK) -o $$@ $$@.prompts; else : >$$@; fi
	@rm $$@.prompts
$N/answers.jsonl: $(NAMES:%=$N/answers/by-%.jsonl)
	$$(call step,$1 labels: all answers)
	cat $$^ >$$@
$N/answers/pivot.fcs: $N/answers.jsonl $(SELF:%=$N/sources/%) FORCE
	$$(call step,$1 labels: rows over the answers)
	$$(call rows,$$<,$$(@D),$(SELF:%=$N/sources/%),$1 labels$$(comma) answers,ADAPT= SAMPLE=$(SAMPLE))
$(SELF:%=$N/answers/%.aligned.fcs): $N/answers/pivot.fcs ;
$(foreach a,$(ARMS),$(call way,$1,$a))
$(foreach a,$(MERGED),$(foreach s,$(SEEDS),$(call merge,$1,$a,$s)))
$(foreach a,$(ALL),$(foreach s,$(SEEDS),$(call tested,$1,$a,$s)))
$(foreach t,$T,$(call by_test,$1,$t))
$(if $(QUESTIONED),$(call right,$1))
endef
over_pivot = mkdir -p $(@D); $(FC)fc-infer -q -k $(K) -m $1 $(score) $2 | $(FC)fc-align apply -q -p $(MODEL)/pivot -s $1 -o $@

# All trainings of a way: the grid with the seed of dev, whose models go when their score is there, and the best again.
define way
$N/streams/$2.fcs: $(call stream_from,$1,$2) | $(MODEL)/pivot
	$$(call step,$1 labels: what $2 is trained on)
	@mkdir -p $$(@D)
	$(call stream_of,$1,$2)
$(GRID:%=$N/grid/$2/%): $N/grid/$2/%: $N/streams/$2.fcs $(SET)/$1/train
	$$(call step,$1 labels: $2 at $$*)
	@mkdir -p $$(@D)
	$$(train_go_on)
	$(train) $(call loss,$2) $$(call at,$$*) --seed $(DEVSEED) -q $$(resumable) --force -o $$@ $$<
	$$(train_done)
$(GRID:%=$N/grid/$2/%.fcs): $N/grid/$2/%.fcs: $N/grid/$2/% $(WORK)/data/dev.jsonl $(SET)/$1/known
	$$(call step,$1 labels: $2 at $$* on dev)
	$(FC)fc-infer -q -k 1 $(score) -m $$< -o $$@ $(WORK)/data/dev.jsonl
	@rm -rf $$<
$N/best/$2: $(GRID:%=$N/grid/$2/%.fcs) $(SET)/$1/grid
	$$(call step,$1 labels: the best of $2)
	@mkdir -p $$(@D)
	$(FC)fc-eval ppl -q --each --resamples 0 --format tsv $$(filter %.fcs,$$^) | python3 $(HERE)effect.py best >$$@
$(SEEDS:%=$N/final/$2/%): $N/final/$2/%: $N/streams/$2.fcs $N/best/$2
	$$(call step,$1 labels: $2 at its best$$(comma) seed $$*)
	@mkdir -p $$(@D)
	$$(train_go_on)
	read -r g _ <$N/best/$2; $(train) $(call loss,$2) --lr $$$${g%_*} --epochs $$$${g#*_} --seed $$* -q $$(resumable) --force -o $$@ $$<
	$$(train_done)

endef
at = --lr $(firstword $(subst _, ,$1)) --epochs $(lastword $(subst _, ,$1))

define merge
$N/final/$2/$3: $(patsubst %,$N/final/%/$3,$(call parts,$2)) $(SET)/merge
	$$(call step,$1 labels: $2$$(comma) seed $3)
	@mkdir -p $$(@D)
	$(FC)fc-varm -b $(MODEL)/pivot --method $(METHOD) --dtype f32 -q -f -o $$@ $$(filter-out $(SET)/%,$$^)

endef
$(call settings,$(SET)/merge,method $(METHOD))

# A trained model on all test sets; then it goes, a target when what it is merged into is done with.
CHOSEN = $(foreach n,$(LABELS),$(ARMS:%=$(WORK)/$n/best/%))
results = $(foreach t,$T,$N/test/$t/$2.$3.fcs) $(if $(QUESTIONED),$N/test/right/$2.$3.jsonl)
# $(call asked,MODEL,OUT): its most likely answers, to questions as the pivot's template puts them to all models; that of
# a source is not what it was scored or fine-tuned with, and a base model has none.
asked   = $(FC)fc-infer -q --generate -m $1 -p $(MODEL)/pivot $(EVAL) $(ASK) -o $2 $(QUESTIONED)
define tested
$N/tested/$2.$3: $N/final/$2/$3 $(T:%=$(WORK)/data/test-%.jsonl) $(QUESTIONED) $(SET)/$1/known $(SET)/$1/tested | $(CHOSEN) $(if $(filter \
    $2,$(MERGED)),$(patsubst %,$N/tested/%.$3,$(call parts,$2)))
	$$(call step,$1 labels: $2$$(comma) seed $3$$(comma) on test)
	@mkdir -p $$(@D) $(sort $(dir $(results)))
	$(foreach t,$T,$(FC)fc-infer -q -k 1 $(score) -m $$< -o $N/test/$t/$2.$3.fcs $(WORK)/data/test-$t.jsonl$(newline)	)
	$(if $(QUESTIONED),$(call asked,$$<,$N/test/right/$2.$3.jsonl))
	@$(if $(KEEP)$(filter $2,$(TARGETS)),,rm -rf $$< $(if $(filter $2,$(MERGED)),$(patsubst %,$N/final/%/$3,$(call parts,$2))))
	@touch $$@

endef

operands = pivot=$(WORK)/test/$2/pivot.fcs $(foreach s,$(NAMES),source-$s=$(WORK)/test/$2/source-$s.fcs adapted-$s=$N/test/$2/$s.aligned.fcs) \
           adapted-self=$N/test/$2/self.aligned.fcs itself=$N/test/$2/itself.fcs
joined   = $(subst $(space),$(comma),$(strip $1))
space   := $(subst ,, )
ours_of  = $(foreach a,$(ALL),$a=$(call joined,$(foreach s,$3,$N/test/$2/$a.$s.fcs)))
define by_test
$(SELF:%=$N/test/$2/%.aligned.fcs): $N/test/$2/%.aligned.fcs: $(WORK)/data/test-$2.jsonl $N/sources/% $(SET)/$1/known | $(CHOSEN)
	$$(call step,$1 labels: the fine-tuned $$* on test $2)
	$$(call over_pivot,$N/sources/$$*,$$<)
$N/test/$2/itself.fcs: $(WORK)/test/$2/pivot.fcs $(SELF:%=$N/test/$2/%.aligned.fcs) $N/weights.tsv
	$$(call step,$1 labels: the mixture itself on test $2)
	$(FC)fc-align fuse -q --rule mixture $(by) --weights $N/weights.tsv -o $$@ $$(filter %.fcs,$$^)
$N/$2.tsv: $N/test/$2/itself.fcs $(NAMES:%=$(WORK)/test/$2/source-%.fcs) $(foreach a,$(ALL),$(SEEDS:%=$N/tested/$a.%)) \
    $(SET)/$1/tables
	$$(call step,$1 labels: table of $2)
	$(FC)fc-eval ppl -q --format tsv --baseline sft -o $$@ $(call operands,$1,$2) $(call ours_of,$1,$2,$(SEEDS))
$(SEEDS:%=$N/$2.seed-%.tsv): $N/$2.seed-%.tsv: $(foreach a,$(ALL),$N/tested/$a.%)
	$$(call step,$1 labels: seed $$* by itself on $2)
	$(FC)fc-eval ppl -q --format tsv --baseline sft -o $$@ $(call ours_of,$1,$2,$$*)

endef
right_of = $(foreach a,$(ALL),$a=$(call joined,$(foreach s,$2,$N/test/right/$a.$s.jsonl)))
by_program = $(if $(filter program,$(MATCH)), --program $(call quoted,$(CHECKER)))
compared = $(FC)fc-eval accuracy --compare -q --match $(MATCH)$$(by_program) --baseline sft --format tsv -o $$@
define right
$(SELF:%=$N/test/right/adapted-%.jsonl): $N/test/right/adapted-%.jsonl: $(QUESTIONED) $N/sources/% $(SET)/$1/tested | $(CHOSEN)
	$$(call step,$1 labels: the fine-tuned $$* is asked)
	@mkdir -p $$(@D)
	$(call asked,$N/sources/$$*,$$@)
$N/right.tsv: $(patsubst %,$(WORK)/test/right/%.jsonl,pivot $(NAMES:%=source-%)) $(SELF:%=$N/test/right/adapted-%.jsonl) \
    $(foreach a,$(ALL),$(SEEDS:%=$N/tested/$a.%)) $(SET)/$1/tables
	$$(call step,$1 labels: right answers)
	$(compared) pivot=$(WORK)/test/right/pivot.jsonl $(foreach s,$(NAMES),source-$s=$(WORK)/test/right/source-$s.jsonl) \
	    $(foreach s,$(SELF),adapted-$s=$N/test/right/adapted-$s.jsonl) $(call right_of,$1,$(SEEDS))
$(SEEDS:%=$N/right.seed-%.tsv): $N/right.seed-%.tsv: $(foreach a,$(ALL),$N/tested/$a.%) $(SET)/$1/tables
	$$(call step,$1 labels: right answers of seed $$*)
	$(compared) $(call right_of,$1,$$*)

endef

# ---- all of it ----
$(foreach n,$(LABELS),$(eval $(call of_size,$n)))

define all_test
$(WORK)/test/$1/pivot.fcs: $(WORK)/data/test-$1.jsonl $(MODEL)/pivot $(SET)/dev/pivot | $(CHOSEN)
	$$(call step,the pivot on test $1)
	@mkdir -p $$(@D)
	$$(go_on)
	$$(call known,$(MODEL)/pivot,$$<)
$(NAMES:%=$(WORK)/test/$1/source-%.fcs): $(WORK)/test/$1/source-%.fcs: $(WORK)/data/test-$1.jsonl $(MODEL)/% \
    $(SET)/dev/pivot | $(CHOSEN)
	$$(call step,$$* as it is on test $1)
	@mkdir -p $$(@D)
	$$(go_on)
	$$(call known,$(MODEL)/$$*,$$<)
# How many labels ours saves: against fine-tuning on the most.
$(WORK)/$1.labels.tsv: $(foreach n,$(LABELS),$(foreach s,$(SEEDS),$(foreach a,sft ours,$(WORK)/$n/tested/$a.$s))) \
    $(SET)/table
	$$(call step,ours against more labels on $1)
	$(FC)fc-eval ppl -q --format tsv --baseline sft-$(MOST) -o $$@ $(foreach n,$(LABELS),$(foreach a,sft ours,$a-$n=$(call \
	    joined,$(SEEDS:%=$(WORK)/$n/test/$1/$a.%.fcs))))
endef
$(foreach t,$T,$(eval $(call all_test,$t)))

$(call settings,$(SET)/asked,ask $(if $(QUESTIONED),$(call deciding,fc-infer,$(EVAL) $(ASK))))
define ask
$(WORK)/test/right/$1.jsonl: $(QUESTIONED) $(MODEL)/$2 $(SET)/asked | $(CHOSEN)
	$$(call step,$1 as it is is asked)
	@mkdir -p $$(@D)
	$(call asked,$(MODEL)/$2,$$@)
endef
$(eval $(call ask,pivot,pivot))
$(foreach n,$(NAMES),$(eval $(call ask,source-$n,$n)))

$(call settings,$(SET)/table,labels $(LABELS) tests $T seeds $(SEEDS) answers $(ANSWERS))
$(WORK)/table.txt $(WORK)/table.tsv &: $(HERE)effect.py $(foreach n,$(LABELS),$(call step_tables,$n) $(WORK)/$n/verdict.tsv) \
    $(T:%=$(WORK)/%.labels.tsv) $(SET)/table
	$(call step,table)
	python3 $< table --work $(WORK) --labels '$(LABELS)' --tests '$T' --seeds '$(SEEDS)' --answers $(ANSWERS)

.PHONY: all FORCE
