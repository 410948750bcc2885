#!/usr/bin/env bats
# Completions, asked of the shells themselves.

load ../helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	mkdir -p zsh cwd/model-folder
	for t in fc-infer fc-eval fc-varm; do
		for shell in bash fish; do "$t" --completion "$shell" >"$t.$shell"; done
		"$t" --completion zsh >"zsh/_$t"
	done
	touch cwd/chats.jsonl 'cwd/two words.jsonl'
}

setup() { cd "$BATS_FILE_TMPDIR/cwd" || return 1; }

# Each prints the candidates for the last of the words, one a line.
bash_candidates() {
	bash --norc -c 'source "$1.bash"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		f=$(complete -p "$1"); f=${f#*-F }; "${f%% *}"; printf "%s\n" "${COMPREPLY[@]}"' \
		- "../$1" "$@"
}
fish_candidates() { # of a line, whose candidates have a tab and what they are for behind them
	HOME=$BATS_TEST_TMPDIR fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "../${1%% *}.fish" "$1" |
		cut -f 1
}
# What zsh makes of a line when the tabulator is pressed behind it.
zsh_completed() { # LINE [FOLDER OF FUNCTIONS]
	HOME=$BATS_TEST_TMPDIR LINE=$1 RESULT=$BATS_TEST_TMPDIR/line FUNCTIONS=${2:-$BATS_FILE_TMPDIR/zsh} zsh -f -c '
		zmodload zsh/zpty
		rm -f $RESULT
		zpty shell zsh -f -i
		zpty -w shell "fpath=($FUNCTIONS \$fpath); autoload -Uz compinit; compinit -D -u; unsetopt beep"
		zpty -w shell "show() { print -r -- \$BUFFER >$RESULT.new; mv $RESULT.new $RESULT }; zle -N show; bindkey ^X show"
		zpty -w -n shell "$LINE"$'"'\t\x18'"'
		for i in {1..600}; do
			[[ -e $RESULT ]] && break
			zpty -r -t shell rest; sleep 0.1
		done
		cat $RESULT
		zpty -d shell'
}

has() { command -v "$1" >/dev/null || skip "$1 is not installed"; }

@test "bash completes options, words, commands and files" {
	[ "$(bash_candidates fc-infer --dty)" = --dtype ]
	[ "$(bash_candidates fc-infer --top)" = $'--top-k\n--top-p' ]
	[ "$(bash_candidates fc-infer --dtype '')" = $'auto\nf32\nbf16' ]
	[ "$(bash_candidates fc-infer --dtype = b)" = bf16 ]
	[ "$(bash_candidates fc-infer --dtype =)" = $'auto\nf32\nbf16' ]
	[ "$(bash_candidates fc-infer -m mod)" = model-folder ]
	[ "$(bash_candidates fc-infer -m x two)" = 'two words.jsonl' ]
	[ -z "$(bash_candidates fc-infer --top-k c)" ] # a number
	[ "$(bash_candidates fc-eval m)" = $'mc-questions\nmc' ]
	[ "$(bash_candidates fc-eval ppl --form)" = --format ]
	[ -z "$(bash_candidates fc-eval judge --form)" ]
	[ "$(bash_candidates fc-eval ppl --format t)" = $'table\ntsv' ]
	[ "$(bash_candidates fc-eval ppl -o ch)" = chats.jsonl ]
	[ "$(bash_candidates fc-varm --method mergekit-s)" = mergekit-sce ]
}

# "TOOL" or "TOOL COMMAND", a line for each that has a --help of its own.
commands() {
	for t in "$FC_ROOT"/tools/fc-*/; do
		t=$(basename "$t")
		echo "$t"
		"$t" --help | sed -n "s/^[Usage: ]*\($t [a-z][a-z-]*\) .*/\1/p"
	done | sort -u
}
options() { # of a command's --help
	"$@" --help | grep -oE '^ +(-., )?--[a-z0-9-]+(, --[a-z0-9-]+)*' | grep -oE -- '--[a-z0-9-]+' | sort -u
}

@test "bash and fish have every option of every command that --help names, and no other" {
	[ "$(commands | wc -l)" -gt 20 ]
	for t in "$FC_ROOT"/tools/fc-*/; do
		t=$(basename "$t")
		for shell in bash fish; do "$t" --completion "$shell" >"../$t.$shell"; done
	done
	commands >../commands
	while read -r -a c; do
		options "${c[@]}" >../want
		bash_candidates "${c[@]}" -- | sort -u | cmp - ../want
		if command -v fish >/dev/null; then fish_candidates "${c[*]} --" | sort -u | cmp - ../want; fi
	done <../commands
}

@test "zsh completes options, words, commands and files" {
	has zsh
	[ "$(zsh_completed 'fc-infer --dty')" = 'fc-infer --dtype=' ]
	[ "$(zsh_completed 'fc-infer --dtype b')" = 'fc-infer --dtype bf16 ' ]
	[ "$(zsh_completed 'fc-infer --dtype=b')" = 'fc-infer --dtype=bf16 ' ]
	[ "$(zsh_completed "fc-infer -m $PWD/mod")" = "fc-infer -m $PWD/model-folder/" ]
	[ "$(zsh_completed "fc-infer -m x $PWD/ch")" = "fc-infer -m x $PWD/chats.jsonl " ]
	[ "$(zsh_completed 'fc-eval div')" = 'fc-eval divergence ' ]
	[ "$(zsh_completed 'fc-eval ppl --form')" = 'fc-eval ppl --format=' ]
	[ "$(zsh_completed 'fc-eval ppl --format ts')" = 'fc-eval ppl --format tsv ' ]
	[ "$(zsh_completed 'fc-eval judge --form')" = 'fc-eval judge --form' ]
}

@test "fish completes options, words, commands and files" {
	has fish
	[ "$(fish_candidates 'fc-infer --dty')" = --dtype ]
	[ "$(fish_candidates 'fc-infer --dtype ')" = $'auto\nbf16\nf32' ]
	[ "$(fish_candidates 'fc-infer --dtype=b')" = --dtype=bf16 ]
	[ "$(fish_candidates 'fc-infer -m mod')" = model-folder/ ]
	[ "$(fish_candidates 'fc-infer -m x ch')" = chats.jsonl ]
	[ "$(fish_candidates 'fc-eval div')" = divergence ]
	[ "$(fish_candidates 'fc-eval ppl --form')" = --format ]
	[ "$(fish_candidates 'fc-eval ppl --format ts')" = tsv ]
	[ -z "$(fish_candidates 'fc-eval judge --form')" ]
}

@test "the shells read the completions of every tool without a word" {
	for t in "$FC_ROOT"/tools/fc-*/; do
		t=$(basename "$t")
		"$t" --completion bash | bash -n
		if command -v zsh >/dev/null; then "$t" --completion zsh | zsh -n; fi
		if command -v fish >/dev/null; then "$t" --completion fish | fish -n; fi
	done
}

@test "make install puts them where the shells look, and make uninstall takes them away" {
	make -s -C "$FC_ROOT" -o all B="$B" DESTDIR="$PWD/root" PREFIX=/usr install
	for t in "$FC_ROOT"/tools/fc-*/; do
		t=$(basename "$t")
		cmp <("$t" --completion bash) root/usr/share/bash-completion/completions/"$t"
		[ -s root/usr/share/zsh/site-functions/_"$t" ] && [ -s root/usr/share/fish/vendor_completions.d/"$t".fish ]
	done
	[ "$(stat -c %a root/usr/share/zsh/site-functions/_fc-infer)" = 644 ]
	if command -v zsh >/dev/null; then
		[ "$(zsh_completed 'fc-view --finger' "$PWD/root/usr/share/zsh/site-functions")" = 'fc-view --fingerprint ' ]
	fi
	if command -v fish >/dev/null; then
		[ "$(HOME=$BATS_TEST_TMPDIR XDG_DATA_DIRS=$PWD/root/usr/share fish -c 'complete -C "fc-view --finger"' |
			cut -f 1)" = --fingerprint ]
	fi
	make -s -C "$FC_ROOT" B="$B" DESTDIR="$PWD/root" PREFIX=/usr uninstall
	[ -z "$(find root -type f)" ]
	rm -r root
}

@test "a shell that is not known, and a command before it" {
	run -2 fc-infer --completion tcsh
	[[ $output == *"'tcsh' is none of bash, zsh, fish"* ]]
	run -2 fc-eval ppl --completion bash
	[[ $output == *'say no command before it'* ]]
}

@test "an unknown option or command answers with the nearest" {
	run -2 fc-infer --temprature 1
	[[ ${lines[0]} == 'fc-infer: no option --temprature; did you mean --temperature?' ]]
	run -2 fc-eval --formt
	[[ ${lines[0]} == 'fc-eval: no option --formt'* ]]
	run -2 fc-eval acuracy
	[[ ${lines[0]} == 'fc-eval: no command acuracy; did you mean accuracy?' ]]
	run -2 fc-align frobnicate
	[[ ${lines[0]} == 'fc-align: no command frobnicate; there are map, apply, fuse, verdict, report' ]]
	run -2 fc-align
	[[ ${lines[0]} == 'fc-align: say what to do: map, apply, fuse, verdict, report' ]]
}
