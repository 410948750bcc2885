# ADAPT=1: each source is fine-tuned on the labels of DATA before it is asked, so that it knows the form that they have.
# A part of fuse.mk.
#
# A source that has been trained on a text is sure of it, and would teach what it has by heart.  So each of FOLDS
# sources is trained on the conversations of the other folds and says what it gives those of its own: every FOLDS-th.
# Of DEV, which none has seen, the first one says it.  A fold is a part of DATA already, which SHARDS does not divide.

ifeq ($(shell [ '$(FOLDS)' -ge 2 ] 2>/dev/null && echo yes),)
$(error FOLDS is a number from 2 on, not '$(FOLDS)')
endif
folds := $(shell seq $(FOLDS))
$(foreach m,$(SOURCES),$(if $(call served,$m),$(error ADAPT: $(call name,$m) is behind a server, where it cannot be fine-tuned)))

adapt_dir = $(OUT)/adapt/$1
# A GGUF source becomes a folder first.
is_folder   = $(wildcard $(patsubst %/,%,$(call source,$1))/config.json)
adapt_model = $(if $(call is_folder,$1),$(call source,$1),$(call adapt_dir,$1)/model)
adapted     = $(call adapt_dir,$1)/fold-1
shard       = --shard $1/$(FOLDS)

define adapt_source
$(call adapt_dir,$1)/model: $(SET)/$1.aligned.fcs | $(CHECKED)
	$$(call step,$1 as a folder)
	@mkdir -p $$(@D)
	$(FC)fc-convert -f --type bf16 -o $$@ $(call source,$1)
$(foreach f,$(folds),$(call adapt_fold,$1,$f))
$(OUT)/$1.own.fcs: $(folds:%=$(call adapt_dir,$1)/own-%.fcs) | $(if $(DEV),$(OUT)/dev/$1.own.fcs)
	$$(call step,distributions of $1 from all folds)
	$(FC)fc-view -q --stream --in-turn --name $1 -o $$@ $$(filter %.fcs,$$^)
	@rm -rf $(call adapt_dir,$1)
endef

define adapt_fold
$(call adapt_dir,$1)/fold-$2: $(if $(call is_folder,$1),,$(call adapt_dir,$1)/model) $(SET)/$1.aligned.fcs | $(CHECKED)
	$$(call step,fine-tune $1 on the other folds than $2)
	@mkdir -p $$(@D)
	$$(train_go_on)
	$$(call job,{ $(foreach g,$(filter-out $2,$(folds)),$(FC)fc-infer -q --tokens -m $(call adapt_model,$1) -p $(PIVOT) $(INFER) \
	    $(call shard,$g) $(DATA);) } | $(fc_train) -m $(call adapt_model,$1) --lambda 1 --save-dtype f32 $(ADAPTING) \
	    $$(resumable) --force -o $$@)
	$$(train_done)
$(call adapt_dir,$1)/own-$2.fcs: $(call adapt_dir,$1)/fold-$2
	$$(call step,distributions of $1 in fold $2)
	$$(go_on)
	$$(call job,$(infer) $$(call infer_to,-m $$< --name $1-$2 -p $(PIVOT) $(INFER) $(call shard,$2)) $(DATA))

endef
$(foreach n,$(NAMES),$(eval $(call adapt_source,$n)))
ifneq ($(DEV),)
$(foreach n,$(NAMES),$(eval $(OUT)/dev/$n.own.fcs: $(call adapted,$n)))
endif

adapt_steps = $(if $(call is_folder,$1),,$(call adapt_dir,$1)/model) $(folds:%=$(call adapt_dir,$1)/fold-%) \
              $(folds:%=$(call adapt_dir,$1)/own-%.fcs)
