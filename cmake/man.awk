# A man page from what `ebjr --help` or `ebjr COMMAND --help` prints.
#   awk -v name=ebjr-pick -v version=0.1.0 -v date=2026-01-01 -v also="ebjr ebjr-eval" -f man.awk
# The first line is the summary; what comes before "Usage:" is the description; after a heading such
# as "Options:" or "Commands:" a line is an entry of two columns, if the first begins with "  --" or
# with the name of a command; the rest is text whose lines stay as they are.
function quoted(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/~/, "\\(ti", text)
    gsub(/\^/, "\\(ha", text)
    return text ~ /^[.']/ ? "\\&" text : text
}
function section(title) {
    if (verbatim) print ".EE"
    verbatim = entries = 0
    print ".SH " title
}
function text(line) {
    if (entries) section("NOTES")
    if (!verbatim) print ".EX"
    else if (blank) print ""
    verbatim = 1
    blank = 0
    print quoted(line)
}
function entry(left, right) {
    print ".TP"
    print ".B " quoted(left)
    if (right != "") print quoted(right)
    is_first = right == ""
}
NR == 1 {
    print ".TH " toupper(quoted(name)) " 1 " date " \"ebjr " version "\" \"User Commands\""
    section("NAME")
    sub(/^[^:]*: /, "")
    print quoted(name) " \\- " quoted($0)
    next
}
/^Usage: / {
    section("SYNOPSIS")
    print ".nh"
    print quoted(substr($0, 8))
    print ".hy"
    if (described) {
        section("DESCRIPTION")
        print description
    }
    usage = 1
    next
}
/^[A-Z][A-Za-z ]*:$/ && usage && !/^Examples?:$/ {
    heading = $0
    next
}
heading != "" {
    title = toupper(substr(heading, 1, length(heading) - 1))
    if (/^  --/ || title == "COMMANDS") {
        section(title)
        entries = 1
    } else {
        text(heading)
    }
    heading = ""
}
!usage {
    if ($0 != "") description = description (described++ ? "\n" : "") quoted($0)
    next
}
entries && /^  -/ {
    sub(/ +$/, "", $0)
    left = substr($0, 3, 26)
    sub(/ +$/, "", left)
    if (length($0) <= 28) entry(substr($0, 3), "")
    else entry(left, substr($0, 29))
    next
}
entries && /^  [a-z]/ {
    right = $0
    sub(/^ +[^ ]+ +/, "", right)
    entry($1, right)
    next
}
entries && /^    / {
    sub(/^ +/, "")
    if (!is_first) print ".br"
    print quoted($0)
    is_first = 0
    next
}
/^Examples?:$/ {
    section("EXAMPLES")
    next
}
$0 == "" {
    blank = 1
    next
}
{ text($0) }
END {
    section("SEE ALSO")
    count = split(also, pages, " ")
    for (i = 1; i <= count; i++) print ".BR " quoted(pages[i]) " (1)" (i < count ? "," : "")
}
