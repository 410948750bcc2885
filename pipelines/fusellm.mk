# FuseLLM: the pivot is fine-tuned once, on the best distribution that all sources have.
#
#   make -f fusellm.mk PIVOT=models/pivot SOURCES='models/a models/b' DATA=chats.jsonl OUT=run
#
# gives run/fusellm, a model folder of the pivot's architecture.  Variables: fuse.mk.

all: fusellm
as_published := fusellm
include $(dir $(lastword $(MAKEFILE_LIST)))fuse.mk

RESULT = $(OUT)/fusellm$(TYPE:%=-%)
STEPS  = $(CHECKED) $(OUT)/pivot.fcs $(foreach n,$(sort $(NAMES)),$(call source_steps,$n)) $(mixture_steps) \
         $(OUT)/fusellm $(TYPE:%=$(OUT)/fusellm-%)

fusellm: $(RESULT)

$(call settings,$(SET)/fusellm,$(call train_settings,$(NAMES)))
$(CHECKED): $(SET)/fusellm

$(OUT)/fusellm: $(OUT)/pivot.fcs $(patsubst %,$(OUT)/%.aligned.fcs,$(sort $(NAMES))) $(WEIGHTS) $(SET)/fusellm
	$(call step,fine-tune the pivot towards the sources)
	$(call fuse_and_train,$(filter %.fcs,$^))

ifneq ($(TYPE),)
$(RESULT): $(OUT)/fusellm
	$(narrow)
endif

.PHONY: all fusellm FORCE
