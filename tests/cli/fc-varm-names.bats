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

@test "names of version 0.4 are refused, with those of today" {
	three_models
	old() { # old MESSAGE OPTION...
		run -2 fc-varm -b pivot -o old "${@:2}" ta tb
		[[ $output == *"$1"* ]] || { echo "$output"; false; }
		[ ! -e old ]
	}
	old "no option --weights; did you mean --weight?" --method linear --weights 1,3
	old "--by" --by=model
	old "--measure" --measure absolute
	old "--nuslerp" --method nuslerp --nuslerp columns
	old "'sce' is none of" --method sce
	old "'sce-mergekit' is none of" --method sce-mergekit
	recipe_models
	for name in sce-mergekit sce-fusechat; do
		run -1 fc-varm --recipe - -o old <<<"{models: [{model: a}, {model: b}], merge_method: $name, base_model: base}"
		[[ $output == *"no merge_method '$name'"* ]]
	done
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

@test "recipes: sce is mergekit's, and FuseChat's has one default" {
	recipe_models
	made() { # made NAME METHOD [PARAMETER]
		fc-varm --recipe - -o "$1" <<<"{models: [{model: a}, {model: b}], merge_method: $2, base_model: base, parameters: {$3}}"
	}
	same() { cmp "$1/model.safetensors" "$2/model.safetensors"; }
	made mergekit mergekit-sce "select_topk: 0.4"
	made sce sce "select_topk: 0.4"
	same mergekit sce
	made fusechat fusechat-sce
	fc-varm -q -b base -o options --method fusechat-sce a b
	same fusechat options
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
