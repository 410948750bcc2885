# Radar chart: accuracy by skill.  gnuplot -c radar.gp RADAR.dat OUT-BASE "skill skill ..." N-SOURCES
# RADAR.dat has one block a model: its name, then x and y of each corner (closed), radius 1 = 100 %.
file = ARG1
base = ARG2
skills = ARG3
n_source = int(ARG4)
n = words(skills)
angle(i) = pi / 2 - 2 * pi * i / n

unset border
unset tics
set size ratio -1
set xrange [-1.45:2.3]
set yrange [-1.25:1.25]
do for [ring = 1:5] {
	r = ring / 5.0
	do for [i = 0:n - 1] {
		set arrow from r * cos(angle(i)), r * sin(angle(i)) \
		    to r * cos(angle(i + 1)), r * sin(angle(i + 1)) nohead lc rgb "#dddddd" lw 1 back
	}
	set label sprintf("%d %%", ring * 20) at 0.02, r + 0.035 left font ",9" tc rgb "#777777" front
}
do for [i = 0:n - 1] {
	x = cos(angle(i))
	y = sin(angle(i))
	set arrow from 0, 0 to x, y nohead lc rgb "#bbbbbb" lw 1 back
	if (abs(x) < 0.01) {
		set label word(skills, i + 1) at 0, (y > 0 ? 1.14 : -1.1) center font ",13"
	} else {
		if (x > 0) {
			set label word(skills, i + 1) at 1.05 * x, 1.05 * y left font ",13"
		} else {
			set label word(skills, i + 1) at 1.05 * x, 1.05 * y right font ",13"
		}
	}
}
set key at 2.3, 1.15 right top Left reverse samplen 2.5 spacing 1.35 font ",12"
set title "Right answers to held-out questions" font ",14"

light = "#009e73 #cc79a7 #56b4e9"
strong = "#7f7f7f #e69f00 #0072b2 #d55e00"
n_block = n_source + words(strong)
do for [out in "svg png"] {
	if (out eq "svg") {
		set terminal svg size 860,540 font "Helvetica,12" background "white"
	} else {
		set terminal pngcairo size 1720,1080 font "Helvetica,24" background "white"
	}
	set output base . "." . out
	plot for [i = 0:n_source - 1] file index i using 1:2 with lines dt 2 lw 1.5 \
	        lc rgb word(light, i % 3 + 1) title columnheader(1), \
	    for [i = n_source:n_block - 1] file index i using 1:2 with linespoints pt 7 ps 0.5 lw 2.5 \
	        lc rgb word(strong, (i - n_source) % 4 + 1) title columnheader(1)
}
