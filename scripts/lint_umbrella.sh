#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: lint_umbrella.sh [ROOT]
#
# The heading comment of joust.hpp names every public header that joust.hpp does not bring, by its path or by that of its folder (joust/stats/...), and
# names nothing that it does bring.
set -u
export LC_ALL=C
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root/include" || exit 2
umbrella=joust/joust.hpp

# shellcheck disable=SC2016  # the program of awk
mapfile -t left_out < <(find joust -name '*.hpp' | sort | xargs awk -v start="$umbrella" '
    /^#include <joust\// {
        name = $0
        sub(/^[^<]*</, "", name)
        sub(/>.*/, "", name)
        edges[FILENAME] = edges[FILENAME] " " name
    }
    END {
        queue[tail = 1] = start
        brought[start] = 1
        for (head = 1; head <= tail; ++head) {
            n = split(edges[queue[head]], next_ones, " ")
            for (i = 1; i <= n; ++i)
                if (!(next_ones[i] in brought)) { brought[next_ones[i]] = 1; queue[++tail] = next_ones[i] }
        }
        for (i = 1; i < ARGC; ++i) if (!(ARGV[i] in brought) && ARGV[i] !~ /\/detail\//) print ARGV[i]
    }')
mapfile -t patterns < <(sed -n '/^#include/q; /^\/\//p' "$umbrella" | sed 's|<room>|*|g; s|/\.\.\.|/*|g' |
    grep -oE 'joust/[a-z_*/]+(\.hpp|/\*)' | sort -u)

bad=0
for header in ${left_out[@]+"${left_out[@]}"}; do
    named=
    for pattern in ${patterns[@]+"${patterns[@]}"}; do
        # shellcheck disable=SC2053  # the right side is a pattern
        [[ $header == $pattern ]] && named=1
    done
    if [[ -z $named ]]; then
        printf 'include/%s:1: is not in joust.hpp, and its heading comment does not say so\n' "$header"
        bad=1
    fi
done
for pattern in ${patterns[@]+"${patterns[@]}"}; do
    matches=
    for header in ${left_out[@]+"${left_out[@]}"}; do
        # shellcheck disable=SC2053
        [[ $header == $pattern ]] && matches=1
    done
    if [[ -z $matches ]]; then
        printf 'include/%s:1: names %s as left out; there is no such header, or it comes with joust.hpp\n' "$umbrella" "$pattern"
        bad=1
    fi
done
((bad)) || printf 'joust.hpp names the %d headers that it leaves out\n' "${#left_out[@]}"
exit $bad
