# The look of every picture. `name` and `id` are set above, `height` below.
# 440 points across: at the width of a column, 84 mm, letters of 14 points print at 7.6 points; on a
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
entry = "font ',13' textcolor rgb '#333333'"
small = "font ',12' textcolor rgb '#333333'"
width = 440.0
height = 300
# Each terminal has its own idea of a point: that of SVG is a pixel, of PNG 4/3 of one, and of PDF
# it is half of what it says. SVG counts lines as 1.5 letters high, so its marks and labels go up.
svg = "set terminal svg size width,height font 'Helvetica,14' background '#ffffff' name id; set xtics offset 0,0.4; set xlabel offset 0,0.9"
png = "set terminal pngcairo size 3*width,3*height font 'Helvetica,14' fontscale 2.25 linewidth 2.5 pointscale 3; set xtics offset 0,0; set xlabel offset 0,0"
pdf = "set terminal pdfcairo size width/72,height/72 font 'Helvetica,14' fontscale 0.75"
