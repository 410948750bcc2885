# RULE=mixture: what the models give the conversations DEV, whether a fusion can help by that, and the mixture's
# weights.  A part of fuse.mk.

ifeq ($(DEV),)
$(error RULE=mixture fits weights to conversations that no model is trained on: set DEV, e.g. DEV=dev.jsonl)
endif
$(call need_one,DEV)
dev := $(call identity,$(DEV))
# A dry run may be before its files, which are then alike.
ifeq ($(if $(wildcard $(DEV)),$(dev)),$(data))
$(error DEV is DATA: models that are trained on a text are trusted too much on it; take other conversations)
endif

$(call settings,$(SET)/dev/pivot.fcs,pivot $(pivot) dev $(dev) k $(K)$(whole_cut) infer $(call deciding,fc-infer,$(INFER)))
dev_settings = $(call settings,$(SET)/dev/$1.aligned.fcs,source $(call identity,$(call source,$1)) pivot $(pivot) dev $(dev) \
               k $(K) infer $(call deciding,fc-infer,$(INFER)) align $(ALIGN) $(adapt_set) $(call served_set,$(call source,$1)))
$(foreach n,$(NAMES),$(call dev_settings,$n))
$(call settings,$(SET)/dev/weights,by $(BY) verdict $(call deciding,fc-align verdict,$(VERDICT)))

$(CHECKED): $(SET)/dev/weights
dev_checked = $(FC)fc-align verdict $(BY:%=--by %) $(VERDICT) --help >/dev/null

$(OUT)/dev:
	mkdir -p $@

$(OUT)/dev/pivot.fcs: $(SET)/dev/pivot.fcs | $(CHECKED) $(OUT)/dev
	$(call step,distributions of the pivot on DEV)
	$(call likeliest,distributions of the pivot on DEV,$(PIVOT),,$(DEV))

$(OUT)/dev/%.own.fcs: $(SET)/dev/%.aligned.fcs | $(CHECKED) $(OUT)/dev
	$(call step,distributions of $* on DEV)
	$(call likeliest,distributions of $* on DEV,$(or $(call adapted,$*),$(call source,$*)),$(ADAPT:1=--name $*) -p $(PIVOT),$(DEV))

$(OUT)/dev/%.aligned.fcs: $(OUT)/dev/%.own.fcs $(MAP) $(SET)/dev/%.aligned.fcs | $(CHECKED)
	$(call step,distributions of $* on DEV over the tokens of the pivot)
	@$(call sweep,$@)
	$(call job,$(FC)fc-align apply -p $(PIVOT) $(call by,$*) -o $@ $<)
	@rm -f $<

# $(call fit,STREAMS): an answer no is said, with what may change it, and stops nothing.
fit = $(FC)fc-align verdict $(BY:%=--by %) $(VERDICT) --weights $@ $1 || { [ $$? -eq 3 ]$(if $(ADAPT),, && \
      echo 'Sources that are fine-tuned on DATA first may have more to say: ADAPT=1.' >&2); }

$(OUT)/dev/weights-%.tsv: $(OUT)/dev/pivot.fcs $(OUT)/dev/%.aligned.fcs $(SET)/dev/weights
	$(call step,whether fusion with $* can help)
	$(call fit,$(filter %.fcs,$^))

$(OUT)/dev/weights.tsv: $(OUT)/dev/pivot.fcs $(patsubst %,$(OUT)/dev/%.aligned.fcs,$(sort $(NAMES))) $(SET)/dev/weights
	$(call step,whether fusion can help)
	$(call fit,$(filter %.fcs,$^))

# For fuse.mk and its users: stages before a target of one source, and of all; what is fused by.
source_on_dev = $(OUT)/dev/$1.own.fcs $(OUT)/dev/$1.aligned.fcs
pair_steps    = $(if $(filter $1,$(firstword $(ORDER))),$(OUT)/dev/pivot.fcs) $(source_on_dev) $(OUT)/dev/weights-$1.tsv
mixture_steps = $(OUT)/dev/pivot.fcs $(foreach n,$(sort $(NAMES)),$(call source_on_dev,$n)) $(OUT)/dev/weights.tsv
PAIR_WEIGHTS  = $(OUT)/dev/weights-%.tsv
WEIGHTS       = $(OUT)/dev/weights.tsv
mixture_set   = dev $(dev) by $(BY) verdict $(call deciding,fc-align verdict,$(VERDICT))
by_weights    = --weights $(filter %.tsv,$^) $(BY:%=--by %)
