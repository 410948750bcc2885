#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load ../helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	python3 "$FC_ROOT/tests/cli/alpaca.py" make
}
alpaca() { fc-eval alpaca --format tsv "$@"; }
cell() { awk -F'\t' -v m="$1" -v c="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } $1 == m { print $k }'; }
near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(a != "" && d < t && d > -t) }'; }

@test "alpaca: win rate, its error, ties; what the judge did not say" {
	cd "$BATS_FILE_TMPDIR"
	alpaca annotations.json >t
	near "$(cell good win_rate <t)" 59.327752 1e-6 # alpaca.py lc
	near "$(cell wordy win_rate <t)" 47.451722 1e-6
	near "$(cell good standard_error <t)" 1.498772 1e-6
	[ "$(cell good annotations <t)" = 199 ]
	[ "$(cell good dropped <t)" = 1 ]
	[ -z "$(cell good lc_win_rate <t)" ]
	near "$(cell good discrete_win_rate <t)" \
		"$(jq '[.[] | select(.generator_2 == "good" and .preference != null) | if .preference == 0 then 0.5 elif .preference > 1.5 then 1 else 0 end] | add / length * 100' annotations.json)" 1e-6
}

@test "alpaca: NaN as Python writes it, but not in texts" {
	cd "$BATS_FILE_TMPDIR"
	alpaca annotations.json >want
	sed 's/null/NaN/' annotations.json >nan.json
	grep -q 'NaN' nan.json
	alpaca nan.json | cmp - want
	echo '[{"generator_2": "a \"NaN", "output_1": "NaN", "output_2": "\\\\", "preference": NaN}, {"generator_2": "a \"NaN", "output_1": "", "output_2": "", "preference": 2}]' >nan.json
	[ "$(alpaca nan.json | cut -f1,6,7 | tail -n 1)" = $'a "NaN\t1\t1' ]
	echo '[{"generator_2": "x", "output_1": "", "output_2": "", "preference": NaNN}]' >nan.json
	run -1 fc-eval alpaca nan.json
}

@test "alpaca: length control as scikit-learn finds it" {
	cd "$BATS_FILE_TMPDIR"
	alpaca --difficulty difficulty.csv --gamed gamed.csv annotations.json >t
	near "$(cell good lc_win_rate <t)" 60.1486 0.1 # alpaca.py lc
	near "$(cell wordy lc_win_rate <t)" 36.1407 0.1
	near "$(cell wordy length_weight <t)" -1.3159 0.01
	near "$(cell wordy difficulty_weight <t)" 0.4905 0.01
	near "$(cell wordy model_weight <t)" -0.6125 0.01
	# instructions by their text, whatever the annotations' order
	jq -c 'reverse' annotations.json >reversed.json
	alpaca --difficulty difficulty.csv --gamed gamed.csv --instructions outputs.json reversed.json >u
	near "$(cell wordy lc_win_rate <u)" 36.1407 0.1
	near "$(cell good win_rate <u)" 59.327752 1e-6
}

@test "alpaca: bad input" {
	cd "$BATS_FILE_TMPDIR"
	run fc-eval alpaca
	[ "$status" -eq 2 ]
	run fc-eval alpaca --gamed gamed.csv annotations.json
	[ "$status" -eq 2 ]
	for bad in '{}' '[{}]' '[{"generator_2": "x", "output_1": "", "output_2": "", "preference": 3}]' '[]'; do
		echo "$bad" >bad.json
		run fc-eval alpaca bad.json
		[ "$status" -eq 1 ]
	done
	head -n 20 difficulty.csv >short.csv
	run fc-eval alpaca --difficulty short.csv annotations.json
	[ "$status" -eq 1 ]
	echo '1,2,3' >>difficulty.csv
	echo '1,2' >>difficulty.csv
	run fc-eval alpaca --difficulty difficulty.csv annotations.json
	[ "$status" -eq 1 ]
	[[ "$output" == *"has 2 cells, not 3"* ]]
}
