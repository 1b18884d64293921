# The look of every picture. `name` is set above; gnuplot on this file alone redraws it.
set encoding utf8
set border 3 lc rgb '#444444'
set tics nomirror out
set grid lc rgb '#dddddd' lt 1
set key outside right center Left reverse samplen 2 spacing 1.15 noenhanced
set style textbox opaque noborder fillcolor '#ffffff' margins 0.2,0.2
below = "bottom center outside horizontal maxcols 1 Left reverse samplen 3 spacing 1.1 font ',11' title ' '"
svg = "set terminal svg size 720,432 font 'Helvetica,13' background '#ffffff'"
png = "set terminal pngcairo size 1440,864 font 'Helvetica,13' fontscale 2 linewidth 2 pointscale 2"
