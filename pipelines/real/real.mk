# The whole method on real chat models and real conversations, with the pivot's result beside what
# the same conversations give without a teacher.
#
#   make -f pipelines/real/real.mk PIVOT=smollm2.gguf SOURCES=gemma.gguf \
#       CHATS='oasst.jsonl gsm8k.jsonl' WORK=real
#
#   PIVOT    a model of any kind the tools read; turned into a Hugging Face folder first
#   SOURCES  models of any kind
#   CHATS    files that chats.py reads
#   N        at most so many conversations a file for the fusion, HELD for the held-out set
#   LENGTH   most tokens of a conversation: training cuts the rest off, each model after its own tokens;
#            of the held-out ones those that are longer for a model count for none
#   K LAMBDA RULE LOSS ALIGN TRAIN MERGE TYPE   as in fuse.mk
#   INFER    further options of fc-infer, in the fusion; EVAL in the evaluation
#   WORK     where results go; what is there is made anew if its settings, models or data changed

HERE   := $(dir $(lastword $(MAKEFILE_LIST)))
FC      =
WORK    = real
N       = 400
HELD    = 40
LENGTH  = 1024
K       = 10
LAMBDA  = 0.9
RULE    = mince
LOSS    = kl
ALIGN   = bytes
TRAIN   = --lr 2e-5 --epochs 1 --batch-tokens 2048
MERGE   =
TYPE    =
INFER   =
# float32: bfloat16 products round the weights, and with them what training changed
EVAL    = --dtype f32

include $(HERE)../stage.mk

ifeq ($(and $(PIVOT),$(SOURCES),$(CHATS)),)
$(error set PIVOT, SOURCES and CHATS, see the head of real.mk)
endif
$(call need_one,PIVOT)$(call need_files,SOURCES)$(call need_files,CHATS)
OURS    = pivot sft fusechat $(TYPE:%=fusechat-%)
NAMES  := $(foreach s,$(SOURCES),$(call name,$s))
$(call need_unlike,SOURCES and what is made here,$(OURS) $(NAMES))
$(call need_operands,SOURCES,$(NAMES))$(call need_operands,WORK,$(WORK))
where   = $(if $(filter $(OURS),$1),$(WORK)/$1,$(call named,$1,$(SOURCES)))
STREAMS = $(patsubst %,$(WORK)/%.heldout.fcs,$(OURS) $(NAMES))
STEPS   = $(WORK)/checked-evaluation $(addprefix $(WORK)/,fusion.jsonl pivot fusechat sft heldout.jsonl) $(STREAMS) \
          $(WORK)/table.txt

SET  := $(WORK)/settings
cut   = --long truncate --max-length $(LENGTH)
chats := $(call identities,$(CHATS)) of $(notdir $(CHATS))
$(call settings,$(SET)/fusion.jsonl,chats $(chats) n $(N))
$(call settings,$(SET)/heldout.jsonl,chats $(chats) n $(HELD))
$(call settings,$(SET)/pivot,model $(call identity,$(PIVOT)))
$(call settings,$(SET)/sft,train $(call deciding,fc-train,$(TRAIN)) length $(LENGTH))
heldout_settings = $(call settings,$(SET)/$1.heldout,model $(if $(filter $(OURS),$1),made here,$(call \
    identity,$(call where,$1))) length $(LENGTH) eval $(call deciding,fc-infer,$(EVAL)))
$(foreach m,$(OURS) $(NAMES),$(call heldout_settings,$m))
$(call settings,$(SET)/table.txt,models $(OURS) $(NAMES) chats $(words $(CHATS)))

all: $(STEPS)
	@cat $(WORK)/table.txt

# What the evaluation would fail on is tried before the fusion, whose own options fusechat.mk checks.
evaluate = $(FC)fc-infer -q -k 1
measured = -p $2 --long skip --max-length $(LENGTH) $(EVAL) -m $1
$(WORK)/checked-evaluation: $(NAMES:%=$(SET)/%.heldout)
	$(call step,check the evaluation)
	$(foreach m,$(PIVOT) $(SOURCES),$(evaluate) $(call measured,$m,$(PIVOT)) --dry-run -o $(WORK)/none$(newline))
	@touch $@
$(WORK)/fusion.jsonl: $(SET)/fusion.jsonl $(HERE)chats.py
	$(call step,conversations for the fusion)
	python3 $(HERE)chats.py --set fusion -n $(N) $(CHATS) >$@
$(WORK)/heldout.jsonl: $(SET)/heldout.jsonl $(HERE)chats.py
	$(call step,held-out conversations)
	python3 $(HERE)chats.py --set heldout -n $(HELD) $(CHATS) >$@
$(WORK)/pivot: $(SET)/pivot
	$(call step,the pivot as a folder)
	$(FC)fc-convert -f --type f32 -o $@ $(PIVOT)

# fusechat.mk knows what has to be made anew: it is asked every time.  make -n cannot know what it will change and shows
# all that may follow.
$(WORK)/fusechat: $(WORK)/pivot $(WORK)/fusion.jsonl FORCE
	$(call step,FuseChat)
	@$(MAKE) --no-print-directory -f $(HERE)../fusechat.mk PIVOT=$(WORK)/pivot SOURCES='$(SOURCES)' \
	    DATA=$(WORK)/fusion.jsonl OUT=$(WORK) FC=$(FC) K=$(K) LAMBDA=$(LAMBDA) RULE=$(RULE) LOSS=$(LOSS) \
	    ALIGN=$(ALIGN) TRAIN='$(TRAIN)' MERGE='$(MERGE)' TYPE=$(TYPE) CHECKPOINT=$(CHECKPOINT) \
	    IN='$(IN)FuseChat: ' INFER='$(INFER) $(cut)'
# Made there, too.  Of two targets of one recipe make would take the second for changed by every call.
$(TYPE:%=$(WORK)/fusechat-%): $(WORK)/fusechat ;
$(WORK)/sft: $(WORK)/pivot $(WORK)/fusion.jsonl $(SET)/sft
	$(call step,the pivot fine-tuned without a teacher)
	$(train_go_on)
	$(FC)fc-infer --tokens -m $< $(cut) $(WORK)/fusion.jsonl | \
	    $(FC)fc-train -m $< --lambda 1 --save-dtype f32 $(TRAIN) $(resumable) --force -o $@
	$(train_done)

.SECONDEXPANSION:
$(STREAMS): $(WORK)/%.heldout.fcs: $(WORK)/heldout.jsonl $(SET)/%.heldout $(WORK)/pivot \
    $$(filter $(WORK)/%,$$(call where,$$*))
	$(call step,$* on held-out conversations)
	$(go_on)
	$(evaluate) $(call infer_to,$(call measured,$(call where,$*),$(WORK)/pivot)) $<

# Against the pivot, by file of conversations where there are several; then against fine-tuning alone.
compare = $(FC)fc-eval ppl -q $(if $(word 2,$(CHATS)),--by category) --baseline $1 $(foreach \
    m,$(OURS) $(NAMES),$m=$(WORK)/$m.heldout.fcs)
$(WORK)/table.txt: $(STREAMS) $(SET)/table.txt
	$(call step,table)
	$(call compare,pivot) >$@
	@echo >>$@
	$(call compare,sft) >>$@

.PHONY: all FORCE
