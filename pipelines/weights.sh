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
	for (t = 0; t < n_target; t++)
		if (length(label[t]) > longest) longest = length(label[t])
	print "longest = " longest
	print "n = " n_target "; rows = " n_row "; last = " last
	print "least = " least + 0 "; most = " (most > 1 ? most : 1)
	printf "set ytics (" > work "/rows.gp"
	for (r = 0; r < n_row; r++)
		printf "%s\"%s\" %d", r ? ", " : "", name[r], r > work "/rows.gp"
	print ")" > work "/rows.gp"
	for (t = 0; t < n_target; t++) { gsub(/["\\]/, "?", label[t]); print "label" t " = \"" label[t] "\"" }
}' "$report" >"$work/facts.gp" || {
	echo "weights.sh: $report: no table of weights by fc-varm --report" >&2
	exit 1
}

cat >"$work/plot.gp" <<END
load "$work/facts.gp"
# in pixels: what a panel shows, and what stands around the panels
wide = last < 48 ? 26 * (last + 2) : 1200
wide = wide > 110 ? wide : 110
columns = last < 12 && 8 * longest < wide ? n : 1
lines = n / columns
high = 20 * rows
left = 230; right = 130; top = 70; bottom = 60; across = 24; down = 56
x1 = left + columns * wide + (columns - 1) * across + right
x1 = x1 < 560 ? 560.0 : x1 + 0.0
y1 = top + lines * high + (lines - 1) * down + bottom + 0.0
set terminal $terminal size x1, y1 noenhanced font "sans,12"
set output "$out"
unset key
set xrange [-1.5 : last + 0.5]
set yrange [rows - 0.5 : -0.5]
set xtics ("-" -1)
step = last < 16 ? 1 : last < 48 ? 4 : 8
set for [l = 0 : last : step] xtics add (sprintf("%d", l) l)
set tics scale 0
# what has no weight
set object 1 rectangle from graph 0, 0 to graph 1, 1 behind fillcolor "#dddddd" fillstyle solid noborder
# equal shares are white, more is red, less is blue
set cbrange [least : most]
share = n == 1 ? 0.5 : 1.0 / n
set palette defined (0 "#2166ac", (share - least) / (most - least) "#ffffff", 1 "#b2182b")
set cbtics (sprintf("%.2g", least) least, sprintf("%.2g", most) most)
set cbtics add (n == 1 ? "0.5" : sprintf("%.2g equal", share) share)
set multiplot title "Weights of the targets by layer (-: in no layer) and tensor"
do for [t = 0 : n - 1] {
	column = t % columns
	from_x = left + column * (wide + across)
	from_y = bottom + (lines - 1 - t / columns) * (high + down)
	set lmargin at screen from_x / x1
	set rmargin at screen (from_x + wide) / x1
	set bmargin at screen from_y / y1
	set tmargin at screen (from_y + high) / y1
	set title value(sprintf("label%d", t)) offset 0, -0.6
	if (column == 0) { load "$work/rows.gp" } else { unset ytics }
	if (t >= n - columns) { set xlabel "layer" offset 0, 0.5 } else { unset xlabel }
	if (column == columns - 1) {
		set colorbox user origin screen (from_x + wide + 12) / x1, from_y / y1 \
			size screen 12 / x1, high / y1
	} else { unset colorbox }
	plot sprintf("$work/%d", t) using 1:2:3 with image pixels
}
END
gnuplot "$work/plot.gp"
