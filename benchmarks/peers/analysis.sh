#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: analysis.sh PROGRAM
#
# Runs the benchmark `analysis`, and NumPy, SciPy and R on the same samples if they are installed. Prints how many times as long
# each of them takes.
set -eu
export LC_ALL=C
program=${1:?the built program benchmarks/analysis}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
"$program" --inputs="$folder"
"$program" --benchmark_format=csv --benchmark_repetitions=3 2>/dev/null >"$folder/own.csv"

python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import scipy' 2>/dev/null; then
        python=$candidate
        break
    fi
done
: >"$folder/peers"
if [[ -n $python ]]; then
    "$python" "$here/analysis.py" "$folder" >>"$folder/peers"
else
    echo "SciPy is not installed: its rows are left out."
fi
if command -v Rscript >/dev/null; then
    Rscript "$here/analysis.R" "$folder" >>"$folder/peers"
else
    echo "R is not installed: its rows are left out."
fi

awk -F '[,\t]' '
    FILENAME ~ /own.csv$/ {
        gsub(/"/, "")
        if ($1 == "name") {for (i = 1; i <= NF; ++i) if ($i == "per_value") column = i}
        else if (column && $column != "" && $1 !~ /_(mean|median|stddev|cv)$/) {
            ns = 1e9 * $column
            if (!($1 in own) || ns < own[$1]) own[$1] = ns
        }
        next
    }
    FNR == 1 {print "| test | joust, ns per value | other | ns per value | times |"; print "|---|---|---|---|---|"}
    $2 in own {printf "| %s | %.2f | %s | %.1f | %.1f |\n", $2, own[$2], $1, $3, $3 / own[$2]}
' "$folder/own.csv" "$folder/peers"
