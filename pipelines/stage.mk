# What all pipelines share: settings as prerequisites, numbered steps, checks of names and options.
#
# A stage depends on a file that holds its settings.  The file is rewritten only when they differ, so
# another LAMBDA, K, model or option makes anew what depends on it and nothing else, and `make -n`
# shows what that is without touching anything.  A stage looks like this:
#
#   STEPS = run/answers.jsonl run/table.txt                          all stages, in the order of their work
#   all: $(STEPS)
#   $(call settings,run/settings/answers,model $(call identity,$(MODEL)) infer $(call deciding,fc-infer,$(INFER)))
#   run/answers.jsonl: questions.jsonl run/settings/answers
#   	$(call step,answers)                                         says "step 1 of 2: answers"
#   	fc-infer --generate -m $(MODEL) $(INFER) -o $@ $<
#
# The commands of the method are shown as they run; what only keeps the folder in order begins with @ and is not.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# name(model) is its last path component, without a slash or .gguf at its end.
name = $(patsubst %.gguf,%,$(notdir $(patsubst %/,%,$(patsubst %/,%,$1))))
# named(name,models) goes the other way.
named = $(strip $(foreach m,$2,$(if $(filter $1,$(call name,$m)),$m)))

# ---- names that a user gave: called with the variable's name ----
# Make cuts values at white space, and takes % and : for its own.  A dry run may be before its files.
dry_run := $(findstring n,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
no_such  = $(if $(dry_run),,$(error $1: there is no '$2' here; a name with white space must be given as a link without it))
no_name  = $(error $1: make cannot have % or : in the name '$2'; give a link to it)
one_only = $(error $1 is one name, but '$($1)' are $(words $($1)); a name with white space must be given as a \
           link without it)
same     = $(error $1: two have the same name: $2)
need_files = $(foreach f,$($1),$(if $(findstring %,$f)$(findstring :,$f),$(call no_name,$1,$f))$(if \
             $(wildcard $f),,$(call no_such,$1,$f)))
need_one   = $(if $(filter 1,$(words $($1))),,$(call one_only,$1))$(need_files)
need_unlike = $(if $(filter $(words $(sort $2)),$(words $2)),,$(call same,$1,$2))
# NAME=FILE,FILE is how fc-eval takes the files of a model.
need_operands = $(foreach c,= $(comma),$(foreach n,$2,$(if $(findstring $c,$n),$(error $1: fc-eval cannot have $c in the \
                name '$n'; give a link to it))))
comma        := ,
space        := $(subst ,, )
# The result of a training is the pivot's folder with other weights: a GGUF file has none.
need_folder = $(if $(dry_run)$(wildcard $(patsubst %/,%,$($1))/config.json),,$(error $1: $($1) is no model folder (it has no \
              config.json); a GGUF model becomes one: fc-convert --type bf16 -o FOLDER $($1)))

# ---- identity: names, sizes, times, first and last bytes of a file or of a folder's files ----
# Not the path, so that another way to write it is the same model; a split GGUF file with its other parts.
identity = $(firstword $(shell export LC_ALL=C; m='$1'; if [ -d "$$m" ]; then cd "$$m"; set -- *; elif [ -e "$$m" ]; then \
    cd "$$(dirname "$$m")"; b=$$(basename "$$m"); set -- $${b/-00001-of-/-*-of-}; fi; \
    for f; do if [ -f "$$f" ]; then stat -L -c '%n %s %y' "$$f"; head -c 65536 "$$f"; tail -c 65536 "$$f"; fi; done | \
    sha256sum))
# Of several files, in their order.
identities = $(foreach f,$1,$(call identity,$f))

# ---- settings(FILE,TEXT): what is made with this TEXT has FILE as a prerequisite ----
quote := '
define newline


endef
one_line  = $(strip $(subst $(newline), ,$1))
equal     = $(and $(findstring [$1],[$2]),$(findstring [$2],[$1]))
settings  = $(eval settings_$1 := $$(call one_line,$$2))$(if $(call equal,$(call one_line,$(file <$1)),$(settings_$1)),,$(eval $(call \
            settings_rule,$1)))
define settings_rule
$1: FORCE
	@mkdir -p $$(@D); printf '%s\n' '$$(subst $$(quote),$$(quote)\$$(quote)$$(quote),$$(settings_$1))' >$$@
endef
FORCE:
# deciding(TOOL,OPTIONS): those of the options that decide what is made, as the tool itself tells them from those that
# change what is said, how fast and how often something is kept.
# as_is(TEXT) keeps what a recipe's shell replaces, as a program's name in a file: $(call as_is,$(value JUDGE)).
deciding = $(if $(strip $2),$(shell $(FC)$1 --settings $2)$(if $(filter 0,$(.SHELLSTATUS)),,$(error $1 does not take $2)))
as_is    = $(subst $(close),\$(close),$(subst $(open),\$(open),$(subst `,\`,$(subst $$,\$$,$1))))
open    := (
close   := )

# ---- step N of M ----
# STEPS lists the files of a pipeline in the order of its stages; a recipe begins with $(call step,WORDS).
step = @echo '$(IN)step $(call step_of,$@) of $(words $(STEPS)): $1'
step_of  = $(patsubst $1|%,%,$(filter $1|%,$(join $(addsuffix |,$(STEPS)),$(numbers))))
numbers := $(shell seq 9999)

# What a killed fc-train or fc-infer left beside $1, which nobody else will take away.
sweep = rm -rf $(dir $1).$(notdir $1).[0-9]*.tmp

# $(call drop_old,PATH,FILE): what was begun as PATH and is older than a prerequisite is of other settings, models or
# data, and goes.  FILE tells its age.
drop_old = for f in $^; do if [ $2 -ot $$f ]; then rm -rf $1; fi; done

# ---- captures: they go on where they were stopped ----
# $(go_on) comes before fc-infer $(call infer_to,OPTIONS), which makes $@.  A stream without history cannot be resumed.
partial  = $(@D)/.$(@F).partial
go_on    = @$(call drop_old,$(partial),$(partial)); $(call sweep,$@)
# What a server said is kept beside it instead, and not asked again.
infer_to = $(if $(is_served),--log $(@:.fcs=).asked.jsonl,$(if $(filter --no-history,$1),,--resume)) $1 -o $@
is_served = $(findstring --endpoint,$1)

# ---- sources behind servers ----
# SERVED_NAME   options of fc-infer that say where source NAME is: --endpoint URL --served-model NAME; SOURCES has a folder of
#               that name with its tokenizer
# ASK_NAME      further ones of its captures: --ask echo, for servers that do not know vLLM's way
served    = $(SERVED_$(call name,$1))
# asked(MODEL) and answering(MODEL) say to fc-infer which model it is that gives distributions, and answers.
asked     = -m $1$(if $(served), $(served) $(ASK_$(call name,$1)))
answering = $(or $(served),-m $1)
served_set = $(if $(served),served $(call deciding,fc-infer,$(served) $(ASK_$(call name,$1))))
# need_served(NAMES): what nothing would read is refused.
need_served = $(foreach v,$(filter SERVED_% ASK_%,$(.VARIABLES)),$(if $(filter environment,$(origin $v))$(filter $(patsubst \
              ASK_%,%,$(patsubst SERVED_%,%,$v)),$1),,$(error $v: there is no source of that name among $1)))

# ---- machines: SUBMIT and SHARDS ----
# SUBMIT   where models run and are trained: local, here; slurm, as jobs of srun; parallel, captures by GNU parallel
# SHARDS   a capture, or the answers of a model, in so many parts, each a job of its own; the bytes are the same
# SRUN     further options of srun: -p PARTITION, --mem=20G, -c 16, -t 8:00:00
# HOSTS    machines of GNU parallel, as its --sshlogin has them; empty: this one
# They change no byte and are no settings: what is there is not made anew for them.
SUBMIT = local
SHARDS = 1
SRUN   =
HOSTS  =
$(if $(filter 1,$(words $(SUBMIT))),$(if $(filter local slurm parallel,$(SUBMIT)),,$(error SUBMIT is local, slurm or \
    parallel, not '$(SUBMIT)')),$(error SUBMIT is one word))
$(if $(shell [ '$(SHARDS)' -ge 1 ] 2>/dev/null && echo yes),,$(error SHARDS is a number from 1 on, not '$(SHARDS)'))
export SRUN HOSTS
submit_sh := $(dir $(lastword $(MAKEFILE_LIST)))submit.sh
quoted     = '$(subst $(quote),$(quote)\$(quote)$(quote),$1)'
# job(COMMAND) is the command where SUBMIT says.
job   = $(if $(filter slurm,$(SUBMIT)),$(submit_sh) slurm $(call quoted,$1),$1)
# in_parts(WORDS,COMMAND,END) makes $@ of parts, $(part) in COMMAND, which END joins.  Those that are there stay, unless
# they are older than a prerequisite or shares of another number.
parts = $@.parts
part  = $(parts)/{}
shard_options = --shard {}/$(SHARDS)
all_parts = $(addprefix $(parts)/,$(addsuffix $1,$(shell seq $(SHARDS))))
define in_parts
@$(call drop_old,$(parts),$(parts)/of); \
    if [ "$$(cat $(parts)/of 2>/dev/null)" != $(SHARDS) ]; then rm -rf $(parts); mkdir -p $(parts); echo $(SHARDS) >$(parts)/of; fi
@rm -rf $(parts)/.*.[0-9]*.tmp
@$(submit_sh) -n $(SHARDS) -s '$(IN)step $(call step_of,$@) of $(words $(STEPS)): $1' $(SUBMIT) $(call quoted,$2)
$3
@rm -rf $(parts)
endef
# A part of a stream is whole or a file of another name; --verify says that its disk has kept it.
whole_stream = if ! { [ -e $1 ] && $(FC)fc-view -q --verify $1 >/dev/null 2>&1; }; then $2; fi
join_streams = $(FC)fc-view -q --stream --in-turn -o $@ $(call all_parts,.fcs)
whole_lines  = if ! [ -e $1 ]; then $2 && mv $1.part $1; fi
# join_lines(N): N lines of each part in turn.  --long skip would leave out lines, and all behind them would be in
# another order than in the whole: $(call need_all_lines,VARIABLE) of the options that answers are asked with.
need_all_lines = $(if $(filter 1,$(SHARDS)),,$(if $(findstring --long skip,$(subst =, ,$(call one_line,$($1)))),$(error \
    SHARDS: $1 says --long skip, which leaves out prompts, and the answers of several parts have no order then; take \
    --long truncate, or SHARDS=1)))
join_lines   = awk -v n=$1 'BEGIN { for (;;) for (i = 1; i < ARGC; i++) for (k = 0; k < n; k++) { if ((getline line < \
    ARGV[i]) <= 0) exit; print line } }' $(call all_parts,.jsonl) >$@

# stream_to(WORDS,PROGRAM,OPTIONS,OPERANDS) is the recipe of a capture: PROGRAM OPTIONS -o FILE OPERANDS, whole or in
# parts; a server is asked for several texts at a time anyway.
stream_to = $(if $(filter 1,$(SHARDS))$(call is_served,$3),$(call stream_whole,$2,$3,$4),$(call in_parts,$1,$(call \
            stream_part,$2,$3,$4),$(join_streams)))
define stream_whole
$(go_on)
$(call job,$1 $(call infer_to,$2) $3)
@rm -rf $(parts)
endef
stream_part = $(call whole_stream,$(part).fcs,$(subst -o $@,-o $(part).fcs,$1 $(call infer_to,$2 $(shard_options)) $3))
# lines_to(WORDS,COMMAND,OPERANDS,N) is the recipe of answers: COMMAND -o FILE OPERANDS, N lines of each prompt, whole
# or in parts.  What is begun is beside the final name, which only a whole file gets; with other settings it is no
# beginning.
lines_to = $(if $(filter 1,$(SHARDS)),$(call lines_whole,$2,$3),$(call in_parts,$1,$(call \
           lines_part,$2,$3),$(call join_lines,$4)))
define lines_whole
@if [ -e $@.part ]; then $(call drop_old,$@.part,$@.part); fi
$(call job,$1 --resume -o $@.part $2)
@mv $@.part $@; rm -rf $(parts)
endef
lines_part = $(call whole_lines,$(part).jsonl,$1 $(shard_options) --resume -o $(part).jsonl.part $2)

# ---- training: it goes on where it was stopped ----
# LAUNCH starts a training as several processes: mpirun -n 4.  With --lanes among the options of fc-train their number
# changes no byte.
LAUNCH   =
fc_train = $(if $(LAUNCH),$(LAUNCH) )$(FC)fc-train
# CHECKPOINT is the time between checkpoints in seconds; of the time, saving takes at most a twentieth.
# $(train_go_on) comes before fc-train $(resumable), which makes $@, and $(train_done) behind it.
CHECKPOINT  = 300
# With --keep best among the options of fc-train the best weights are in $@.state.best, and go with the checkpoint.
train_go_on = @$(call drop_old,$@.state $@.state.best,$@.state/state.json); $(call sweep,$@); $(call sweep,$@.state); \
              $(call sweep,$@.state.best)
resumable   = --checkpoint $@.state --checkpoint-seconds $(CHECKPOINT) --resume
train_done  = @rm -rf $@.state $@.state.best

# ---- TYPE: the result $< once more as $@, in a narrower type, with what a merge left beside it ----
define narrow
$(call step,the result in $(TYPE))
$(FC)fc-convert -f --type $(TYPE) --rounding stochastic -o $@ $<
@for f in README.md mergekit_config.yml fc-varm.json; do if [ -e $</$$f ]; then cp $</$$f $@; fi; done
endef
