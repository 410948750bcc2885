# FuseLLM: the pivot is fine-tuned once, on the best distribution that all sources have.
#
#   make -f fusellm.mk PIVOT=models/pivot SOURCES='models/a models/b' DATA=chats.jsonl OUT=run
#
# gives run/fusellm, a model folder of the pivot's architecture.  Variables: fuse.mk.

all: fusellm
include $(dir $(lastword $(MAKEFILE_LIST)))fuse.mk

fusellm: $(OUT)/fusellm

$(OUT)/fusellm: $(OUT)/pivot.fcs $(NAMES:%=$(OUT)/%.aligned.fcs)
	$(FC)fc-align fuse --rule $(RULE) -k $(K) $^ | $(train) --log $@.log.jsonl -o $@

.PHONY: all fusellm
