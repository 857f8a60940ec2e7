#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: sequential.sh PROGRAM
#
# Runs two benchmarks of `sequential`, and NumPy scripts of the same methods if NumPy is installed. Prints how many times as long the
# scripts take, beside published figures of confseq (945 and 312,000 ns a value on another machine).
set -eu
export LC_ALL=C
program=${1:?the built program benchmarks/sequential}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
"$program" --benchmark_filter='^(empirical_bernstein/100000|betting_interval_always/10000)$' --benchmark_format=csv \
    --benchmark_repetitions=3 2>/dev/null >"$folder/own.csv"
python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import numpy' 2>/dev/null; then
        python=$candidate
        break
    fi
done
printf 'confseq\tempirical_bernstein/100000\t945\nconfseq\tbetting_interval_always/10000\t312000\n' >"$folder/peers"
if [[ -n $python ]]; then
    "$python" "$here/sequential.py" >>"$folder/peers"
else
    echo "NumPy is not installed: its rows are left out."
fi
awk -F '[,\t]' '
    FILENAME ~ /own.csv$/ {
        gsub(/"/, "")
        if ($1 == "name") {for (i = 1; i <= NF; ++i) if ($i == "ns_each") column = i}
        else if (column && $column != "" && $1 !~ /_(mean|median|stddev|cv)$/) {
            ns = $column
            if (!($1 in own) || ns < own[$1]) own[$1] = ns
        }
        next
    }
    FNR == 1 {print "| method | joust, ns per value | other | ns per value | times |"; print "|---|---|---|---|---|"}
    $2 in own {printf "| %s | %.1f | %s | %.0f | %.0f |\n", $2, own[$2], $1, $3, $3 / own[$2]}
' "$folder/own.csv" "$folder/peers"
