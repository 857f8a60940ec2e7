#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: compile_cost.sh [RUNS [COMPILER]]
#
# What compilers pay for joust: the CPU seconds of small programs as multiples of those of the standard headers that they need.
# Programs take turns, and of each the smallest of RUNS (5) figures counts, so that load on the machine matters little. The exit code is 1
# where an A/B test costs more than its limit: 8 header-only, 5 with the compiled library.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."
runs=${1:-5} compiler=${2:-${CXX:-g++}}
programs=scripts/compile_cost

names=() sources=() flags=() limits=() best=()
program() # name, source, flags, limit or "-"
{
    names+=("$1") sources+=("$programs/$2.cpp") flags+=("$3") limits+=("$4") best+=("")
}
program "standard headers" bare -O2 -
program "A/B test" ab_test -O2 8
program "A/B test, compiled library" ab_test "-O2 -DJOUST_COMPILED" 5
program "A/B test, -O0" ab_test -O0 -
program "A/B test, only parsed" ab_test -fsyntax-only -
program "joust.hpp, nothing used" umbrella -O2 -
program "canary" canary -O2 -
program "canary, compiled library" canary "-O2 -DJOUST_COMPILED" -
program "shadow" shadow -O2 -
program "shadow, compiled library" shadow "-O2 -DJOUST_COMPILED" -
program "interleaving" interleaving -O2 -
program "interleaving, compiled library" interleaving "-O2 -DJOUST_COMPILED" -
program "gate" gate -O2 -
program "gate, compiled library" gate "-O2 -DJOUST_COMPILED" -

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
milliseconds() # flags, source: user and system time of one compilation
{
    local TIMEFORMAT='%3U %3S' user system
    # shellcheck disable=SC2086  # several flags, to be split
    { time "$compiler" -std=c++20 $1 -Iinclude -c "$2" -o "$scratch/object.o"; } 2>"$scratch/time"
    read -r user system < <(tail -n 1 "$scratch/time")
    echo $((10#${user/./} + 10#${system/./}))
}

for ((run = 0; run < runs; ++run)); do
    for i in "${!names[@]}"; do
        spent=$(milliseconds "${flags[i]}" "${sources[i]}")
        if [[ -z ${best[i]} ]] || ((spent < best[i])); then
            best[i]=$spent
        fi
    done
done

bad=0
printf '%-32s %8s %6s %6s\n' "$("$compiler" -dumpfullversion 2>/dev/null || true) $compiler" seconds ratio limit
for i in "${!names[@]}"; do
    tenths=$(((best[i] * 100 / best[0] + 5) / 10))
    printf '%-32s %4d.%02d s %4d.%d %6s\n' "${names[i]}" $((best[i] / 1000)) $((best[i] % 1000 / 10)) \
        $((tenths / 10)) $((tenths % 10)) "${limits[i]}"
    if [[ ${limits[i]} != - ]] && ((tenths > limits[i] * 10)); then
        bad=1
    fi
done
exit $bad
