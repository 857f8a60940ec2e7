#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: expect.sh ROOT EXPECTATIONS|none PROGRAM
#
# Runs PROGRAM in a fresh folder beside it. It must succeed, and for each line of the file EXPECTATIONS, an extended regular
# expression, some line of its output must match. Lines "# args: ..." give arguments; those that name a file of the repository
# are relative to ROOT.
set -u
export LC_ALL=C
root=$1 expectations=$2 program=$3

arguments=()
if [[ $expectations != none ]]; then
    while read -r _ _ line; do
        for word in $line; do
            [[ -e $root/$word ]] && word=$root/$word
            arguments+=("$word")
        done
    done < <(grep '^# args: ' "$expectations")
fi

folder=$(dirname "$program")/run.$(basename "$program").$(basename "$expectations" .expect)
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder" || exit 1
output=$("$program" ${arguments[@]+"${arguments[@]}"} 2>&1)
code=$?
printf '%s\n' "$output"
if ((code != 0)); then
    printf '%s ended with exit code %d\n' "$(basename "$program")" "$code"
    exit 1
fi
[[ $expectations == none ]] && exit 0

missing=0 checked=0 number=0
while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    [[ -z $line || $line == '#'* ]] && continue
    checked=$((checked + 1))
    if ! grep -qE -- "$line" <<<"$output"; then
        printf '%s:%d: no line of the output matches: %s\n' "$expectations" "$number" "$line"
        missing=$((missing + 1))
    fi
done <"$expectations"
if ((checked == 0)); then
    printf '%s:1: expects nothing\n' "$expectations"
    exit 1
fi
exit $((missing > 0))
