#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: batch.sh OUTPUT FILE.cpp...
#
# Writes several test files as one translation unit, so that Catch2, the standard headers and the library are parsed once
# for all of them. What follows the includes of a file goes into a namespace named after the file, so that two files may use
# the same name for different things. Messages, __FILE__ and debuggers name the file itself.
set -eu
output=$1
shift
awk '
function flush_file(   i, stem, folder) {
    stem = folder = path
    sub(/.*\//, "", stem)
    sub(/\.cpp$/, "", stem)
    gsub(/[^A-Za-z0-9_]/, "_", stem)
    sub(/\/[^\/]*$/, "", folder)
    printf "#line 1 \"%s\"\n", path
    for (i = 1; i <= lines; i++) {
        if (i <= cut) sub(/^#include "\.\.\//, "#include \"" folder "/../", line[i])
        print line[i]
        if (i == cut) printf "namespace file_%s {\n#line %d \"%s\"\n", stem, i + 1, path
    }
    printf "}  // namespace file_%s\n", stem
}
FNR == 1 { if (path != "") flush_file(); path = FILENAME; lines = cut = depth = waiting = 0 }
{ line[++lines] = $0 }
/^ *# *if/ { depth++ }
/^ *# *endif/ { depth-- }
/^ *# *include/ { waiting = 1 }
waiting && depth == 0 { cut = lines; waiting = 0 }
END { flush_file() }' "$@" >"$output"
