# What fusellm.mk and fusechat.mk share: each source's distributions over the pivot's tokens.
#
#   PIVOT    model folder: architecture, tokenizer and template the result keeps
#   SOURCES  model folders; their names must differ
#   DATA     conversations (JSONL)
#   OUT      where results go; what is there is not made again
#   K LAMBDA RULE LOSS   top-k, weight of the SFT loss, fusion rule, fusion loss
#   ALIGN    bytes: carry rows over byte-exactly; stats, exact or mined: by a map of this kind
#   INFER TRAIN MERGE    further options of fc-infer, fc-train, fc-varm
#   FC       folder of the tools, with a slash at its end; empty: found by PATH

K      = 10
LAMBDA = 0.9
RULE   = mince
ALIGN  = bytes
LOSS   = ce
OUT    = fusion
INFER  =
TRAIN  = --lr 5e-6 --epochs 3
MERGE  =
FC     =

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:

ifeq ($(and $(PIVOT),$(SOURCES),$(DATA)),)
$(error set PIVOT, SOURCES and DATA, e.g. make -f fusechat.mk PIVOT=models/p SOURCES="models/a models/b" DATA=chats.jsonl)
endif

# name(folder) is its last path component; folder(name) the other way.
name   = $(notdir $(patsubst %/,%,$1))
folder = $(foreach s,$(SOURCES),$(if $(filter $1,$(call name,$s)),$s))
NAMES := $(foreach s,$(SOURCES),$(call name,$s))
ifneq ($(words $(sort $(NAMES))),$(words $(NAMES)))
$(error two sources have the same name: $(NAMES))
endif

train = $(FC)fc-train -m $(PIVOT) --lambda $(LAMBDA) --loss $(LOSS) $(TRAIN)

$(OUT):
	mkdir -p $@

$(OUT)/pivot.fcs: $(DATA) | $(OUT)
	$(FC)fc-infer -m $(PIVOT) -k $(K) $(INFER) -o $@ $(DATA)

ifeq ($(filter $(ALIGN),bytes stats exact mined),)
$(error ALIGN is bytes, stats, exact or mined, not '$(ALIGN)')
endif
ifeq ($(ALIGN),bytes)
by = -s $(call folder,$1)
else
by  = -m $(OUT)/$1.map.fcs
MAP = $(OUT)/%.map.fcs
endif

$(OUT)/%.map.fcs: $(DATA) | $(OUT)
	$(FC)fc-align map --kind $(ALIGN) -p $(PIVOT) -s $(call folder,$*) -o $@ \
	    $(if $(filter stats,$(ALIGN)),$(DATA))

# The source's own distributions only pass by.
$(OUT)/%.aligned.fcs: $(MAP) $(DATA) | $(OUT)
	$(FC)fc-infer -m $(call folder,$*) -p $(PIVOT) -k $(K) $(INFER) $(DATA) | \
	    $(FC)fc-align apply -p $(PIVOT) $(call by,$*) -o $@
