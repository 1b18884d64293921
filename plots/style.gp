# The look of every picture. `name` and `id` are set above, `height` below.
# 440 points across: at the width of a column, 84 mm, letters of 13 points print at 7 points; on a
# telephone 360 pixels across they have 11 pixels. Okabe & Ito's colours: the colour-blind can tell
# them apart. A page that shows the SVG dark has to change these: text and axes #333333, #444444,
# grid #dddddd, ground #ffffff.
set encoding utf8
set border 3 lc rgb '#444444'
set tics nomirror out scale 0.5 textcolor rgb '#444444'
set grid lc rgb '#dddddd' lt 1
set xlabel textcolor rgb '#333333'
set ylabel textcolor rgb '#333333'
set y2label textcolor rgb '#333333'
set key off
set bars 0.5
heading = "textcolor rgb '#333333'"
entry = "font ',12' textcolor rgb '#333333'"
small = "font ',11' textcolor rgb '#333333'"
width = 440.0
height = 300
svg = "set terminal svg size width,height font 'Helvetica,13' background '#ffffff' name id; set xtics offset 0,0.5; set xlabel offset 0,1"
png = "set terminal pngcairo size 3*width,3*height font 'Helvetica,13' fontscale 3 linewidth 3 pointscale 3; set xtics offset 0,0; set xlabel offset 0,0"
pdf = "set terminal pdfcairo size width/72.0,height/72.0 font 'Helvetica,13'"
