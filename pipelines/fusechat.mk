# FuseChat: the pivot is fine-tuned once for each source, and the targets are merged (VaRM).
#
#   make -f fusechat.mk PIVOT=models/pivot SOURCES='models/a models/b' DATA=chats.jsonl OUT=run
#
# gives run/fusechat, a model folder of the pivot's architecture.  Variables: fuse.mk.

all: fusechat
as_published := fusechat2
include $(dir $(lastword $(MAKEFILE_LIST)))fuse.mk

METHOD  = varm
# The order of the targets matters only to options that list a value for each.
comma   = ,
ORDER   = $(if $(findstring $(comma),$(MERGE)),$(NAMES),$(sort $(NAMES)))
TARGETS = $(patsubst %,$(OUT)/target-%,$(ORDER))
RESULT  = $(OUT)/fusechat$(TYPE:%=-%)
STEPS   = $(CHECKED) $(OUT)/pivot.fcs $(foreach n,$(ORDER),$(call source_steps,$n) \
          $(call pair_steps,$n) $(OUT)/target-$n) $(OUT)/fusechat \
          $(TYPE:%=$(OUT)/fusechat-%)
merge   = $(FC)fc-varm -b $(PIVOT) --method $(METHOD) --dtype f32 $(MERGE)
# The pivot stands in for each target.
also_checked = $(merge) -q --dry-run -o $(OUT)/none $(foreach n,$(NAMES),$(PIVOT)) >/dev/null

fusechat: $(RESULT)

$(foreach n,$(NAMES),$(call settings,$(SET)/target-$n,$(call train_settings,$n)))
$(call settings,$(SET)/fusechat,method $(METHOD) merge $(call deciding,fc-varm,$(MERGE)) pivot $(pivot) of $(notdir $(TARGETS)))
$(CHECKED): $(SET)/fusechat $(NAMES:%=$(SET)/target-%)

# For a pair, MinCE takes the better of the two for each conversation.
$(OUT)/target-%: $(OUT)/pivot.fcs $(OUT)/%.aligned.fcs $(PAIR_WEIGHTS) $(SET)/target-%
	$(call step,fine-tune the pivot towards $*)
	$(call fuse_and_train,$(filter %.fcs,$^))

$(OUT)/fusechat: $(TARGETS) $(SET)/fusechat
	$(call step,merge the targets)
	$(call job,$(merge) -f -o $@ $(TARGETS))

ifneq ($(TYPE),)
$(RESULT): $(OUT)/fusechat
	$(narrow)
endif

.PHONY: all fusechat FORCE
