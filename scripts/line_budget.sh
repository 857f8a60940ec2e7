#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: line_budget.sh [COMPILER [FLAGS_FILE]]
#
# Counts the preprocessed lines of every header under include/joust and holds them to line_budgets.txt. A header of stats/,
# quality/ or report/ that needs Boost.Math is held to the budget of its door, numeric/distributions.hpp.
set -u
export LC_ALL=C
root=$(cd "$(dirname "$0")/.." && pwd)
compiler=${1:-g++}
flags=(-std=c++20 -I"$root/include")
[[ -n ${2:-} ]] && flags=(@"$2")
cd "$root/include" || exit 2

patterns=() limits=()
while read -r pattern limit; do
    [[ -z $pattern || $pattern == '#'* ]] && continue
    patterns+=("$pattern")
    limits+=("$limit")
done <"$root/scripts/line_budgets.txt"

limit_of() # header
{
    local i found=
    for i in "${!patterns[@]}"; do
        # shellcheck disable=SC2053  # the right side is a pattern
        [[ $1 == ${patterns[i]} ]] && found=${limits[i]}
    done
    printf '%s' "$found"
}

# One line for each header: lines, "boost" or "-", header; -1 lines where it does not preprocess.
count_one='
header=$1; shift
"$@" -E -P "$header" 2>/dev/null |
    awk -v header="$header" "/namespace boost/ {boost = 1} END {print NR, boost ? \"boost\" : \"-\", header}"
[ "${PIPESTATUS[0]}" = 0 ] || echo "-1 - $header"
'

bad=0 count=0 table=
while read -r lines boost header; do
    if ((lines < 0)); then
        # A header of integration/ whose library is not installed cannot be counted.
        [[ $header == joust/integration/* ]] && continue
        printf 'include/%s:1: does not preprocess:\n' "$header"
        "$compiler" "${flags[@]}" -E -P "$header" 2>&1 >/dev/null | grep -m 2 error
        bad=1
        continue
    fi
    limit=$(limit_of "$header")
    if [[ -z $limit ]]; then
        printf 'include/%s:1: has no budget in scripts/line_budgets.txt\n' "$header"
        bad=1
        continue
    fi
    if [[ $boost == boost && $header =~ ^joust/(numeric|stats|quality|report)/ ]]; then
        door=$(limit_of joust/numeric/distributions.hpp)
        limit=$((limit > door ? limit : door))
    fi
    count=$((count + 1))
    table+=$(printf '%8d of %6d  %s' "$lines" "$limit" "$header")$'\n'
    if ((lines > limit)); then
        printf 'include/%s:1: preprocesses to %d lines, more than its budget of %d\n' "$header" "$lines" "$limit"
        bad=1
    fi
done < <(find joust -name '*.hpp' -print0 | sort -z |
    xargs -0 -P 2 -I{} bash -c "$count_one" count {} "$compiler" "${flags[@]}" |
    awk '$1 < 0 {failed[$3] = $0; next} {line[$3] = $0} END {for (h in failed) print failed[h]; for (h in line) if (!(h in failed)) print line[h]}' |
    sort -k 3)

echo "the heaviest headers (lines after preprocessing):"
sort -rn <<<"$table" | head -n 15
if ((count == 0)); then
    echo "no header was counted"
    exit 1
fi
((bad)) || printf '%d headers keep to their budgets\n' "$count"
exit $bad
