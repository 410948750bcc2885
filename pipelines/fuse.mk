# What fusellm.mk and fusechat.mk share: each source's distributions over the pivot's tokens.
#
#   PIVOT    model folder: architecture, tokenizer and template the result keeps
#   SOURCES  model folders or GGUF files; their names (without .gguf) must differ
#   DATA     conversations: files in any form that fc-infer reads, one after the other
#   OUT      where results go; what is there is made anew if its settings, models or data changed
#   K LAMBDA RULE LOSS   top-k, weight of the SFT loss, fusion rule, fusion loss (as fc-train's --loss; published:
#            that of FuseLLM and FuseChat, where rows say nothing of what they do not list)
#   SAMPLE   a number of draws: rows of ids that are drawn so often from the whole distribution, instead of the top K;
#            64 did more than the 32 likeliest in effect.md
#   DEV BY VERDICT       of RULE=mixture: conversations (JSONL) like DATA but not of it, to which weights are fitted;
#                        the member of a conversation that tells its category, for weights by it; further options of
#                        fc-align verdict
#   ADAPT FOLDS ADAPTING 1: fine-tune each source on the labels of DATA before it is asked, in so many folds, with these
#                        options of fc-train; see adapt.mk
#   ALIGN    bytes: carry rows over byte-exactly; stats, exact or mined: by a map of this kind; published: as the
#            programs that were published with FuseLLM, here of fusellm.mk, or FuseChat 2, of fusechat.mk (fc-align's
#            dtw-fusellm, MinED, and dtw-fusechat2), with MinCE per token, over tokens of the whole text
#   SERVED_NAME ASK_NAME of a source that is behind a server; stage.mk
#   INFER TRAIN MERGE    further options of fc-infer, fc-train, fc-varm
#   TYPE     bf16 or f16: the result once more in this type, beside the one in float32
#   CHECKPOINT           seconds between the checkpoints of a training
#   SUBMIT SHARDS SRUN HOSTS   where models run, and captures in how many parts; stage.mk
#   LAUNCH   starts trainings as several processes: mpirun -n 4
#   FC       folder of the tools, with a slash at its end; empty: found by PATH
#
# Targets and results are float32: what a light fine-tuning changes is mostly smaller than half a step of
# bfloat16 and would be rounded away.  A narrower type is the last step, with stochastic rounding.

K      = 10
LAMBDA = 0.9
RULE   = mince
ALIGN  = bytes
LOSS   = kl
SAMPLE =
DEV    =
BY     =
VERDICT =
ADAPT  =
FOLDS  = 2
ADAPTING = --lr 2e-5 --epochs 2 --batch-tokens 2048
OUT    = fusion
INFER  =
TRAIN  = --lr 5e-6 --epochs 3
MERGE  =
TYPE   =
FC     =

include $(dir $(lastword $(MAKEFILE_LIST)))stage.mk

ifeq ($(and $(PIVOT),$(SOURCES),$(DATA)),)
$(error set PIVOT, SOURCES and DATA, e.g. make -f fusechat.mk PIVOT=models/p SOURCES="models/a models/b" DATA=chats.jsonl)
endif
$(call need_one,PIVOT)$(call need_folder,PIVOT)$(call need_files,SOURCES)$(call need_files,$(or $(data_is),DATA))
source = $(call named,$1,$(SOURCES))
NAMES := $(foreach s,$(SOURCES),$(call name,$s))
$(call need_unlike,SOURCES,$(NAMES))$(call need_served,$(NAMES))
aligns := bytes stats exact mined $(as_published:%=published)
ifneq ($(words $(filter $(ALIGN),$(aligns)))$(words $(ALIGN)),11)
$(error ALIGN is one of $(strip $(aligns)), not '$(ALIGN)')
endif
is_published := $(filter published,$(ALIGN))
ifeq ($(filter $(words $(ADAPT))$(ADAPT),0 11),)
$(error ADAPT is 1 or empty, not '$(ADAPT)')
endif
# What is given and would be left unread is refused, but where another makefile (IN) passes on what it has.
rules := mince average avgce mixture $(other_rules)
of_dev = $(filter mixture $(other_rules),$(rules))
ifneq ($(words $(filter $(RULE),$(rules)))$(words $(RULE)),11)
$(error RULE is one of $(strip $(rules)), not '$(RULE)')
endif
ifeq ($(IN)$(filter $(RULE),$(of_dev)),)
$(foreach v,DEV BY VERDICT,$(if $($v),$(error $v is for RULE=$(subst $(space), or ,$(of_dev)), not for $(RULE))))
endif
ifeq ($(IN)$(ADAPT),)
$(foreach v,FOLDS ADAPTING,$(if $(filter file,$(origin $v)),,$(error $v is for ADAPT=1)))
endif
ifneq ($(if $(IN),,$(SAMPLE)),)
ifeq ($(filter $(LOSS),kl ce published),)
$(error SAMPLE: rows of draws have no tail, so LOSS is kl, ce or published, not '$(LOSS)')
endif
$(if $(is_published),$(error SAMPLE: the published alignments are for rows of likeliest entries; take another ALIGN))
$(if $(findstring --temperature,$(TRAIN)),$(error SAMPLE: --temperature in TRAIN is for rows of likeliest entries; that of draws is \
    fc-infer's --sample-temperature, in INFER))
endif
ifeq ($(filter $(words $(TYPE))$(TYPE),0 1bf16 1f16),)
$(error TYPE is bf16, f16 or empty, not '$(TYPE)')
endif

# Every capture goes through here: rows(WORDS,MODEL,OPTIONS,CONVERSATIONS) is the recipe of $@, of DATA where the last is
# empty; likeliest() the same of rows that are never draws.  One that is killed goes on; nothing but whole streams gets
# a name.
infer     = $(FC)fc-infer $(row_kind)
row_kind  = $(if $(SAMPLE),--sample $(SAMPLE)$(whole_cut),$(top_k))
top_k     = -k $(K)$(whole_cut)
whole_cut = $(if $(is_published), --cut whole)
at_most   = $(if $(SAMPLE),,-k $(K))
rows      = $(call stream_to,$1,$(infer),$(call asked,$2) $3 $(INFER),$(or $4,$(DATA)))
likeliest = $(call stream_to,$1,$(FC)fc-infer $(top_k),$(call asked,$2) $3 $(INFER),$4)
loss  = $(if $(filter published,$(LOSS)),--loss ce --unlisted renormalise --untaught share,--loss $(LOSS))
# Conversations are anybody's here, sources' answers among them.
train = $(fc_train) -m $(PIVOT) --lambda $(LAMBDA) $(loss) --answers any --save-dtype f32 $(TRAIN)

SET   := $(OUT)/settings
pivot := $(call identity,$(PIVOT))
data  := $(strip $(call identities,$(DATA)))
$(call settings,$(SET)/pivot.fcs,pivot $(pivot) data $(data) $(row_kind) infer $(call deciding,fc-infer,$(INFER)))
adapt_set = $(if $(ADAPT),adapt $(call deciding,fc-train,$(ADAPTING)) folds $(FOLDS))
capture_settings = $(call settings,$(SET)/$1.aligned.fcs,source $(call identity,$(call source,$1)) pivot $(pivot) data $(data) $(row_kind) \
                   infer $(call deciding,fc-infer,$(INFER)) align $(ALIGN) $(adapt_set) $(call served_set,$(call source,$1)))
$(foreach n,$(NAMES),$(call capture_settings,$n))
# With the names of what is fused together, in no order.
train_settings = rule $(RULE) $(at_most) lambda $(LAMBDA) loss $(LOSS) train $(call \
    deciding,fc-train,$(TRAIN)) pivot $(pivot) of $(sort $1) $(mixture_set)

$(OUT):
	mkdir -p $@

# Options and models that would fail late are tried before the first model runs.
CHECKED = $(OUT)/checked
$(CHECKED): $(addprefix $(SET)/,pivot.fcs $(NAMES:%=%.aligned.fcs)) | $(OUT)
	$(call step,check models and options)
	$(foreach m,$(PIVOT) $(SOURCES),$(infer) $(call asked,$m) -p $(PIVOT) $(INFER) --dry-run -o $(OUT)/none$(newline))
	$(FC)fc-align fuse --rule $(RULE) $(at_most) --help >/dev/null
	$(train) --dry-run -o $(OUT)/none
	$(dev_checked)
	$(also_checked)
	@touch $@

$(OUT)/pivot.fcs: $(SET)/pivot.fcs | $(CHECKED)
	$(call step,distributions of the pivot)
	$(call rows,distributions of the pivot,$(PIVOT))

ifeq ($(ALIGN),bytes)
by = -s $(call source,$1)
else
by  = $(if $(is_published),-s $(call source,$1) )-m $(OUT)/$1.map.fcs$(if $(is_published), $(transfer_$(as_published)))
MAP = $(OUT)/%.map.fcs
endif
transfer_fusellm   = --align dtw-fusellm --match soft --collide first --fallback onehot-current
transfer_fusechat2 = --align dtw-fusechat2 --collide first --fallback onehot-next
map_fusellm        = --kind mined --spelling raw
map_fusechat2      = --align dtw-fusechat2 --choose published$(whole_cut)
map_kind           = $(if $(is_published),$(map_$(as_published)),--kind $(ALIGN))
map_data           = $(if $(filter exact mined,$(map_kind)),,$(DATA))

$(OUT)/%.map.fcs: $(SET)/%.aligned.fcs | $(CHECKED)
	$(call step,a vocabulary map for $*)
	$(FC)fc-align map $(map_kind) -p $(PIVOT) -s $(call source,$*) -o $@ $(map_data)

$(OUT)/%.own.fcs: $(SET)/%.aligned.fcs | $(CHECKED)
	$(call step,distributions of $*)
	$(call rows,distributions of $*,$(call source,$*),-p $(PIVOT))

# The source's own distributions are large and a file only until they are carried over; a pipe could not go on after a
# kill.
$(OUT)/%.aligned.fcs: $(OUT)/%.own.fcs $(MAP) $(SET)/%.aligned.fcs | $(CHECKED)
	$(call step,distributions of $* over the tokens of the pivot)
	@$(call sweep,$@)
	$(call job,$(FC)fc-align apply -p $(PIVOT) $(call by,$*) -o $@ $<)
	@rm -f $<

# The stages of a source before its training.
source_steps = $(adapt_steps) $(OUT)/$1.own.fcs $(if $(MAP),$(OUT)/$1.map.fcs) $(OUT)/$1.aligned.fcs

ifneq ($(ADAPT),)
include $(dir $(lastword $(MAKEFILE_LIST)))adapt.mk
endif
ifeq ($(RULE),mixture)
include $(dir $(lastword $(MAKEFILE_LIST)))mixture.mk
endif

# $(call fuse_and_train,STREAMS): the checkpoint goes when the result is there.
define fuse_and_train
$(train_go_on)
$(call job,$(FC)fc-align fuse --rule $(RULE)$(if $(is_published), --ce token) $(by_weights) $(at_most) $1 | $(train) $(resumable) --force --log $@.log.jsonl -o $@)
$(train_done)
endef
