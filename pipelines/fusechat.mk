# FuseChat: the pivot is fine-tuned once for each source, and the targets are merged (VaRM).
#
#   make -f fusechat.mk PIVOT=models/pivot SOURCES='models/a models/b' DATA=chats.jsonl OUT=run
#
# gives run/fusechat, a model folder of the pivot's architecture.  Variables: fuse.mk.

all: fusechat
include $(dir $(lastword $(MAKEFILE_LIST)))fuse.mk

METHOD  = varm
TARGETS = $(NAMES:%=$(OUT)/target-%)

fusechat: $(OUT)/fusechat

# For a pair, MinCE takes the better of the two for each conversation.
$(OUT)/target-%: $(OUT)/pivot.fcs $(OUT)/%.aligned.fcs
	$(FC)fc-align fuse --rule $(RULE) -k $(K) $^ | $(train) --log $@.log.jsonl -o $@

$(OUT)/fusechat: $(TARGETS)
	$(FC)fc-varm -b $(PIVOT) --method $(METHOD) $(MERGE) -o $@ $^

.PHONY: all fusechat
