#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: lint_spdx.sh [--fix] [ROOT]
#
# Every C++ source and header, script and CMake file states its licence in line 1, or in line 2 after a line that begins with #!.
# --fix adds the line where it is missing.
set -u
export LC_ALL=C
fix=
[[ ${1:-} == --fix ]] && fix=1 && shift
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root" || exit 2

if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    list() { git ls-files -z --cached --others --exclude-standard; }
else
    list() { find . -path ./build -prune -o -path ./.git -prune -o -type f -printf '%P\0'; }
fi

statement="SPDX-License-Identifier: Apache-2.0"
bad=0 count=0
while IFS= read -r -d '' file; do
    [[ -f $file ]] || continue
    case $file in
    tests/fuzz/corpus/*) continue ;;
    *.hpp | *.cpp | *.cjs) mark=// ;;
    *.sh | *.cmake | *.cmake.in | *.py | *.R | CMakeLists.txt | */CMakeLists.txt) mark='#' ;;
    dev | .ci/run | scripts/interop/run | scripts/hooks/*) mark='#' ;;
    *) continue ;;
    esac
    count=$((count + 1))
    first='' second=''
    { IFS= read -r first; IFS= read -r second; } <"$file"
    [[ $first == '#!'* ]] && found=$second || found=$first
    [[ $found == "$mark $statement" ]] && continue
    if [[ -z $fix ]]; then
        printf '%s:1: does not begin with "%s %s"; scripts/lint_spdx.sh --fix adds it\n' "$file" "$mark" "$statement"
        bad=1
        continue
    fi
    # An empty line keeps the statement apart from a comment that follows; in a script it is an empty comment.
    awk -v line="$mark $statement" -v script="$([[ $first == '#!'* ]] && echo 1)" '
        NR == 1 && script { print; print line; next }
        NR == 1 { print line; if ($0 != "#pragma once") print "" }
        NR == 2 && script && $0 ~ /^#/ { print "#" }
        { print }' "$file" >"$file.spdx" && cat "$file.spdx" >"$file" && rm "$file.spdx"
done < <(list)

if ((count == 0)); then
    echo "no file was looked at"
    exit 1
fi
((bad)) || printf '%d files state their licence\n' "$count"
exit $bad
