#!/bin/sh
# man.sh EBJR VERSION DIRECTORY [compressed]
# A man page of the program and one of each command, from their --help.
set -eu
ebjr=$1 version=$2 directory=$3
here=$(dirname "$0")
date=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%d)

page() { # NAME SEE-ALSO
    awk -v name="$1" -v version="$version" -v date="$date" -v also="$2" -f "$here/man.awk" \
        >"$directory/$1.1"
}

mkdir -p "$directory"
rm -f "$directory"/*.1 "$directory"/*.1.gz
"$ebjr" --help >"$directory/help"
commands=$(sed -n '/^Commands:$/,/^$/ s/^  \([a-z][a-z-]*\) .*/\1/p' "$directory/help")
all=
for command in $commands; do
    "$ebjr" "$command" --help | page "ebjr-$command" ebjr
    all="$all ebjr-$command"
done
page ebjr "$all" <"$directory/help"
rm "$directory/help"
[ "${4:-}" != compressed ] || gzip -9n "$directory"/*.1
