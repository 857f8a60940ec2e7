#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: amalgamate.sh FOLDER [ROOT]
#
# Writes FOLDER/joust/joust.hpp, one file with all that <joust/joust.hpp> brings, and FOLDER/joust/format.hpp, which adds printing with
# fmt and includes nothing else of joust. With -I FOLDER they replace the tree for programs that include only these two.
#
# Each header is copied once, after the headers it includes. The standard headers are gathered at the top, except those that stand
# between #if and #endif, which stay where they are.
set -eu
export LC_ALL=C
if (($# < 1)); then
    sed -n '/^# Usage/s/^# //p' "$0"
    exit 2
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
root=${2:-$(cd "$(dirname "$0")/.." && pwd)}
version=$(sed -n 's/#define JOUST_VERSION_[A-Z]* //p' "$root/include/joust/version.hpp" | paste -sd.)
mkdir -p "$folder/joust"
cd "$root/include"

# Header; a header that the file includes instead of copying it and what it includes.
one_file()
{
    awk -v start="$1" -v given="$2" -v version="$version" '
    function fail(path, line, text)
    {
        printf "include/%s:%d: %s\n", path, line, text > "/dev/stderr"
        failed = 1
        exit 1
    }
    # Reads a header and, before it, what it includes. `silent` marks it as read and keeps nothing.
    function read(path, silent,   line, number, conditions, name, text, blank, status)
    {
        if (path in seen) return
        seen[path] = 1
        text = ""
        blank = 1
        while ((status = (getline line < path)) > 0) {
            ++number
            if (line ~ /^#pragma once/ || line ~ /^\/\/ SPDX-/) continue
            if (line ~ /^#[ ]*if/) ++conditions
            if (line ~ /^#[ ]*endif/) --conditions
            if (line ~ /^#[ ]*include[ ]*<joust\//) {
                if (conditions) fail(path, number, "includes a header of joust conditionally; one file cannot")
                name = line
                sub(/^[^<]*</, "", name)
                sub(/>.*/, "", name)
                read(name, silent)
                continue
            }
            if (line ~ /^#[ ]*include[ ]*</ && !conditions) {
                sub(/>.*/, ">", line)
                if (!silent) outside[line] = 1
                continue
            }
            if (line ~ /^#[ ]*include/ && !conditions) fail(path, number, "includes neither <joust/...> nor a header of a library")
            if (line == "" && blank) continue  # one empty line in place of those around what is left out
            blank = line == ""
            text = text line "\n"
        }
        if (status < 0) fail(path, 0, "cannot be read")
        close(path)
        if (silent || text == "") return
        sub(/\n+$/, "\n", text)
        parts[++count] = "// --- " path "\n\n" text
    }
    BEGIN {
        if (given != "") read(given, 1)
        read(start, 0)
        print "// SPDX-License-Identifier: Apache-2.0"
        print "//"
        print "// joust " version ": " start " as one file, made from the source tree by scripts/amalgamate.sh. Do not edit; do not mix with the tree."
        print "\n#pragma once\n"
        if (given != "") print "#include <" given ">\n"
        sort = "sort"
        for (line in outside) print line | sort
        close(sort)
        for (i = 1; i <= count; ++i) printf "\n%s", parts[i]
    }
    END { exit failed }' >"$folder/$1.partial"
    mv "$folder/$1.partial" "$folder/$1"
}

one_file joust/joust.hpp ""
one_file joust/format.hpp joust/joust.hpp
printf 'joust: %s/joust/joust.hpp has %d lines, format.hpp %d\n' "$folder" \
    "$(wc -l <"$folder/joust/joust.hpp")" "$(wc -l <"$folder/joust/format.hpp")"
