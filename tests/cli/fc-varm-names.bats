#!/usr/bin/env bats
# Names of fc-varm's methods and parameters: on the command line, in recipes, in the man pages.
load ../helper
load varm

recipe_models() { python3 "$FC_ROOT/tests/data/recipe/models.py" .; }

@test "what is wrong with an option is said of the option" {
	three_models
	wrong() { # wrong MESSAGE OPTION...
		run fc-varm -b pivot -o out "${@:2}"
		[ "$status" -eq 2 ]
		[[ $output == *"$1"* ]] || { echo "$output"; false; }
	}
	wrong "--density: density is 2, expected 0 to 1" --method ties --density 2 ta tb
	wrong "--method: nearswap needs a value of 't'" --method nearswap ta
	wrong "--method: slerp merges 1 models into the base, here are 2" --method slerp ta tb
	wrong "--method: target 1: density 0.9 with epsilon 0.15" --method della --density 0.9 ta tb
	wrong "--method: the weights add up to 0" --method linear --weight 1,-1 ta tb
	wrong "--gamma does not belong to --method ties" --method ties --gamma 0.1 ta tb
	wrong "'sce-fusechat' is none of" --method sce-fusechat ta tb
}

@test "old names of options and methods: a note, and the same merge" {
	three_models
	old() { # old NOTE NEW OPTION...: of what was, and, words separated by spaces, of what is
		run fc-varm -b pivot -o "old$n" "${@:3}" ta tb
		[ "$status" -eq 0 ]
		[[ $output == *"fc-varm: $1"* ]] || { echo "$output"; false; }
		# shellcheck disable=SC2086 # a list of words
		fc-varm -q -b pivot -o "new$n" $2 ta tb
		diff -r "old$n" "new$n"
		n=$((n + 1))
	}
	n=0
	old "--weights is now written --weight;" "--method linear --weight 1,3" --method linear --weights 1,3
	old "--by is now written --granularity;" "--granularity model" --by=model
	old "--measure absolute is now written --absolute;" --absolute --measure absolute
	old "--measure square is now left out;" "" --measure square
	old "--nuslerp columns is now written --nuslerp-row-wise --nuslerp-flatten=no;" \
		"--method nuslerp --nuslerp-row-wise --nuslerp-flatten no" --method nuslerp --nuslerp columns
	old "--method sce is now written --method=fusechat-sce" "--method fusechat-sce" --method sce
	old "--method sce-mergekit is now written --method=mergekit-sce" "--method mergekit-sce" --method sce-mergekit
	run fc-varm -q -b pivot -o quiet --by model ta tb
	[ -z "$output" ]
}

@test "the tables of the man pages are those of the declarations" {
	n=0
	for page in fc-varm.1 fc-recipe.5; do
		while read -r table; do
			sed -n "/^\.\\\\\" begin $table\$/,/^\.\\\\\" end $table\$/p" "$FC_ROOT/man/$page" |
				sed '1d;$d' | diff - <(fc-varm --print-mdoc "$table")
			n=$((n + 1))
		done < <(sed -n 's/^\.\\" begin //p' "$FC_ROOT/man/$page")
	done
	[ $n -eq 3 ]
	run fc-varm --print-mdoc none
	[ "$status" -eq 2 ]
}

@test "recipes: sce is mergekit's, old names of SCE keep their meaning with a note" {
	recipe_models
	made() { # made NAME METHOD [PARAMETER]
		fc-varm --recipe - -o "$1" 2>"$1.err" <<<"{models: [{model: a}, {model: b}], merge_method: $2, base_model: base, parameters: {$3}}"
	}
	same() { cmp "$1/model.safetensors" "$2/model.safetensors"; }
	made mergekit mergekit-sce "select_topk: 0.4"
	made sce sce "select_topk: 0.4"
	run ! grep -q "is now called" sce.err
	same mergekit sce
	made old sce-mergekit "select_topk: 0.4"
	grep -q "merge_method: sce-mergekit is now called mergekit-sce" old.err
	same mergekit old
	# the default of the old name was 1, that of the new one is FuseChat's on the command line too
	made fusechat-old sce-fusechat
	grep -q "merge_method: sce-fusechat is now called fusechat-sce" fusechat-old.err
	made fusechat-1 fusechat-sce "select_topk: 1"
	same fusechat-old fusechat-1
	made fusechat fusechat-sce
	fc-varm -q -b base -o options --method fusechat-sce a b
	same fusechat options
	run ! same fusechat fusechat-1
}

@test "the command line's models: names of any bytes" {
	three_models
	fc-varm -q -b pivot -o want ta tb
	# in UTF-8 they are another's, or none's
	local b=$'piv\xffot' a=$'t\xc3(a' c=$'\xee\x80\x80ff\xee"\\' name
	cp -r pivot "$b"
	cp -r ta "$a"
	cp -r tb "$c"
	for name in pivot ta tb; do sed -i 's/1e-06/1e-05/' "$name/config.json"; done
	mv ta t
	run -0 fc-varm -b "$b" -o out "$a" "$c"
	cmp out/model.safetensors want/model.safetensors
	cmp out/config.json "$b/config.json"
	[[ $output == *'t\xc3(a'* ]]
	fc-varm -b "$b" --dry-run "$a" "$c" >plan
	run -1 fc-varm -q -b "$b" -o out2 $'t\xe9' tb
	[[ $output == "fc-varm: open "*": No such file or directory" ]]
	[ ! -e out2 ]
}

@test "the command line's models: the pivot again, a model twice, '@' and '+' in names" {
	recipe_models
	fc-varm -q -b base -o one --report one.tsv a a base
	[ "$(head -n 1 one.tsv | cut -f 1-5)" = "$(printf 'tensor\telements\ta\ta#2\tbase')" ]
	cp -r a a@1
	cp -r lora lora@2+x
	cp -r a a+b
	fc-varm -q -b base -o plain a
	fc-varm -q -b base -o at a@1
	cmp at/model.safetensors plain/model.safetensors
	fc-varm -q -b base -o plus a+b
	cmp plus/model.safetensors plain/model.safetensors
	cp -r base base@3
	fc-varm -q -b base -o adapter --method linear base+lora
	fc-varm -q -b base -o adapter@ --method linear base@3+lora@2+x
	cmp adapter/model.safetensors adapter@/model.safetensors
	mkdir -p hub/org && mv a hub/org/b
	fc-varm -q -b base --models hub -o hubs org/b
	cmp hubs/model.safetensors plain/model.safetensors
	run fc-varm -q -b base -o out org/b
	[ "$status" -eq 1 ]
	[[ $output == "fc-varm: org/b: there is no such folder, and names of a hub are not fetched"* ]]
}
