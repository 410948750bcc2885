#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Heat maps of a merge's weights, a panel for each target: layers across, kinds of matrices down.
#   fc-varm --report weights.tsv ... && weights.sh weights.tsv weights.svg   (or .png)
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: weights.sh REPORT.tsv OUT.svg|OUT.png" >&2; exit 2; }
report=$1 out=$2
case $out in
*.svg) terminal=svg ;;
*.png) terminal=pngcairo ;;
*) echo "weights.sh: $out: expected a name that ends in .svg or .png" >&2; exit 2 ;;
esac
[ -r "$report" ] || { echo "weights.sh: $report: cannot be read" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# cells: panel, layer (-1: outside of the layers), row, weight; and what gnuplot must know of them
awk -F '\t' -v work="$work" '
function kind(name,   n, part, i) { # also sets layer
	layer = -1
	n = split(name, part, ".")
	for (i = 1; i < n; i++)
		if (part[i] ~ /^[0-9]+$/) {
			layer = part[i] + 0
			sub("^.*[.]" part[i] "[.]|^" part[i] "[.]", "", name)
			break
		}
	sub(/^model[.]/, "", name)
	sub(/[.]weight$/, "", name)
	return name
}
NR == 1 {
	if ($1 != "tensor") { bad = 1; exit }
	for (n_target = 0; n_target + 3 <= NF && $(n_target + 3) !~ /^norm /; n_target++)
		label[n_target] = $(n_target + 3)
	next
}
{
	k = kind($1)
	if (!(k in row)) { row[k] = n_row + 0; name[n_row++] = k }
	if (layer > last) last = layer
	for (t = 0; t < n_target; t++)
		if ($(t + 3) != "-") {
			w[t, layer, row[k]] = $(t + 3)
			if ($(t + 3) > most) most = $(t + 3)
			if ($(t + 3) < least) least = $(t + 3)
			any = 1
		}
}
END {
	if (bad || !any) exit 1
	for (t = 0; t < n_target; t++) {
		for (l = -1; l <= last; l++)
			for (r = 0; r < n_row; r++)
				print l, r, ((t, l, r) in w) ? w[t, l, r] : "NaN" > work "/" t
		close(work "/" t)
	}
	print "n = " n_target "; rows = " n_row "; last = " last
	print "least = " least + 0 "; most = " (most > 1 ? most : 1)
	printf "set ytics ("
	for (r = 0; r < n_row; r++) printf "%s\"%s\" %d", r ? ", " : "", name[r], r
	print ")"
	for (t = 0; t < n_target; t++) { gsub(/["\\]/, "?", label[t]); print "label" t " = \"" label[t] "\"" }
}' "$report" >"$work/facts.gp" || {
	echo "weights.sh: $report: no table of weights by fc-varm --report" >&2
	exit 1
}

cat >"$work/plot.gp" <<END
load "$work/facts.gp"
width = 340 + (last < 40 ? 26 * (last + 2) : 1092)
set terminal $terminal size width, 40 + n * (90 + 20 * rows) noenhanced font "sans,12"
set output "$out"
unset key
set xrange [-1.5 : last + 0.5]
set yrange [rows - 0.5 : -0.5]
set xtics ("-" -1)
step = last < 16 ? 1 : last < 48 ? 4 : 8
set for [l = 0 : last : step] xtics add (sprintf("%d", l) l)
set tics scale 0
set lmargin 28
# what has no weight
set object 1 rectangle from graph 0, 0 to graph 1, 1 behind fillcolor "#dddddd" fillstyle solid noborder
set cbrange [least : most]
# equal shares are white, more is red, less is blue
equal = n == 1 ? 0.5 : (1.0 / n - least) / (most - least)
set palette defined (0 "#2166ac", equal "#ffffff", 1 "#b2182b")
set multiplot layout n, 1
do for [t = 0 : n - 1] {
	set title value(sprintf("label%d", t))
	if (t == n - 1) { set xlabel "layer (-: outside of the layers)" }
	plot sprintf("$work/%d", t) using 1:2:3 with image pixels
}
END
gnuplot "$work/plot.gp"
