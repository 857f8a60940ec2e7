#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: check.sh ROOT PROGRAM
#
# Runs the tool as a process and checks what it prints, where, and its exit code.
set -u
export LC_ALL=C
unset GITHUB_STEP_SUMMARY NO_COLOR
root=$1 program=$2
data=$root/tests/data
folder=$(dirname "$program")/run.check
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder" || exit 1

failures=0 checks=0
run() # arguments...
{
    output=$("$program" "$@" 2>errors)
    code=$?
    errors=$(<errors)
    line="joust $*"
}
fail()
{
    printf 'FAILED: %s\n  %s\n  exit code %d, output:\n%s\n  errors:\n%s\n' "$line" "$1" "$code" "$output" "$errors"
    failures=$((failures + 1))
}
ends() # exit code
{
    checks=$((checks + 1))
    ((code == $1)) || fail "expected exit code $1"
}
prints() # extended regular expressions, each of which some line of the output has to match
{
    local pattern
    for pattern; do
        checks=$((checks + 1))
        grep -qE -- "$pattern" <<<"$output" || fail "no line matches: $pattern"
    done
}
# One sentence on the standard error, nothing on the standard output, and exit code 2.
refuses() # the sentence, as an extended regular expression
{
    ends 2
    checks=$((checks + 1))
    [[ -z $output && $errors != *$'\n'* ]] && grep -qE -- "^joust: $1\$" <<<"$errors" || fail "expected the one line: joust: $1"
}

# --- help, completion, manual --------------------------------------------------------------------------------------------------

run --help
ends 0
prints '^  gate ' '^  analyze ' '^  plan ' '^  merge ' '^  report ' '^  verify ' '^  replay ' '^  assign ' '^Exit codes: 0 pass'
run gate --help
ends 0
prints '--champion FILE' '--margin NAME=MARGIN' 'Exit codes'
run --version
ends 0
prints '^joust [0-9]+\.[0-9]+\.[0-9]+$'
run
refuses 'A subcommand is required \(see --help\)'
run gate --champions x
refuses '.*--champion is required.*'
run completion bash
ends 0
printf '%s\nCOMP_WORDS=(joust gate --form); COMP_CWORD=2; _joust; printf "%%s\\n" "${COMPREPLY[@]}"\n' "$output" >complete.bash
[[ $(bash complete.bash) == --format ]] || fail 'the completion of --form is not --format'
run man
ends 0
prints '^\.TH JOUST 1' '^\.SS joust plan canary' '^\.B \\-\\-matures\\-after NAME=TIME'
if command -v groff >/dev/null; then
    printf '%s\n' "$output" | groff -man -Tutf8 -ww >/dev/null 2>warnings
    [[ ! -s warnings ]] || fail "groff warns: $(head -n 3 warnings)"
fi

# --- gate ----------------------------------------------------------------------------------------------------------------------

run gate --champion "$data"/hyperfine_gzip1_?.json --challenger "$data"/hyperfine_gzip6_?.json
ends 1
prints '^Gate ".*": REGRESS$' '^  compress +guardrail, at most 5'
run gate --champion "$data"/hyperfine_gzip6_?.json --challenger "$data"/hyperfine_gzip1_?.json
ends 0
prints ': PASS$'
run gate --champion "$data"/google_benchmark_O3_?.json --challenger "$data"/google_benchmark_O1_?.json --margin 60%
ends 0
prints ': PASS$' '^  assign_uuid ' '^  ticket_parse ' 'With a probability of 80 % these runs would show'
run gate --champion "$data"/google_benchmark_O3_[12].json --challenger "$data"/google_benchmark_O1_?.json
ends 3
prints ': INCONCLUSIVE$' '2 runs of one side, and at least 4 of each are needed'
run gate --champion "$data"/google_benchmark_O3_1.json --challenger "$data"/google_benchmark_O1_1.json --inconclusive pass
ends 0
prints ': INCONCLUSIVE$'
run gate --champion "$data"/digits_logistic.csv --challenger "$data"/digits_neighbours.csv --margin correct=0.01
ends 0
prints ': PASS$' "McNemar's exact test" '^  correct +guardrail, at most 1 pp less +91\.6 % +97\.0 %'
run gate --champion "$data"/digits_logistic.csv --challenger "$data"/digits_bayes.csv --margin 0.01 --out gate.xml --out gate.json --out gate.md --out gate.html
ends 1
prints ': REGRESS$'
grep -q '<failure' gate.xml && grep -q '"decision":"regress"' gate.json && grep -q '^### Gate' gate.md && grep -q '<html' gate.html ||
    fail 'a file of --out has not its form'
run gate --champion "$data"/digits_logistic.csv --challenger "$data"/digits_bayes.csv --margin 0.01 --format json --colour always
ends 1
prints '^\{"joust_report":1,.*"exit_code":1'
run gate --champion "$data"/digits_logistic.csv --challenger "$data"/digits_bayes.csv --margin 0.01 --colour always
prints $'^\e\\[1;31mGate'
GITHUB_STEP_SUMMARY=summary.md run gate --champion "$data"/digits_logistic.csv --challenger "$data"/digits_neighbours.csv --margin 0.01
ends 0
grep -q '^### Gate' summary.md || fail 'no job summary'
run gate --champion "$data"/digits_logistic.csv --challenger "$data"/digits_neighbours.csv
refuses 'the metric correct has no margin: .*'
run gate --champion "$data"/digits_logistic.csv --challenger "$data"/hyperfine_gzip1_1.json --margin 0.1
refuses '.*benchmarks and results of rows cannot be judged together'
run gate --champion "$data"/digits_logistic.csv --challenger nowhere.csv --margin 0.1
refuses 'nowhere\.csv: cannot be opened: No such file or directory'
run gate --champion "$data"/digits_logistic.csv --challenger "$data"/digits_bayes.csv --margin other=0.1
refuses 'the results have no metric "other", which --margin names'

# --- files that are broken, truncated, huge, deeply nested or hostile -----------------------------------------------------------

printf 'id,metric,value\n1,a,1\n2,a,"x\n' >quote.csv
run gate --champion quote.csv --challenger quote.csv --margin 0.1
refuses 'quote\.csv line 3: a quote is not closed'
head -c 700 "$data/google_benchmark_O3_1.json" >cut.json
run gate --champion cut.json --challenger cut.json
refuses 'cut\.json line [0-9]+: not a JSON value'
{ printf '{"benchmarks":' && head -c 200000 /dev/zero | tr '\0' '['; } >deep.json
run gate --champion deep.json --challenger deep.json
refuses 'deep\.json line 1: .*'
{ printf 'a,b\n1,2\n' && head -c 3000000 /dev/zero | tr '\0' x; } >long.csv
run analyze long.csv --arm a --metric b
refuses 'long\.csv line 3: longer than 1 MiB'
head -c 100000 /dev/zero >zero
run analyze zero --metric b
refuses 'zero line 1: holds a NUL character'
printf '{"arm":"x","value":1}\n{"arm":"x","val' >torn.jsonl
run analyze torn.jsonl --key k --metric value
refuses 'torn\.jsonl line 2: not a JSON value'
: >empty
for command in 'analyze empty --metric x' 'gate --champion empty --challenger empty' 'report empty'; do
    run $command
    refuses 'empty.*'
done
run report "$data/digits_bayes.csv"
refuses '.*digits_bayes\.csv: not a snapshot: .*'
run analyze "$root" --metric x
refuses '.*: cannot be read: Is a directory'
printf '\033[31mid\033[0m,b\n1,2\n' >colour.csv
run analyze colour.csv --metric x
ends 2
[[ $errors != *$'\e'* ]] || fail 'an escape sequence of a file reaches the terminal'

# --- analyze, merge, report ----------------------------------------------------------------------------------------------------

run analyze "$root/examples/data/resume_ab_min.csv" --metric call --design fixed-horizon --save one.snapshot
ends 0
prints '^A/B test "resume_ab_min\.csv": SHIP CHALLENGER$' '^  call +primary +6\.45 % +9\.65 % +\+3\.20 pp +\[\+1\.71, \+4\.69\]' \
    'Four resumes went to each advertisement' 'No shares were given'
run report one.snapshot --metric call
ends 0
prints '^  call +primary +6\.4 % +9\.7 % +\+3\.2 pp'
mkdir -p snapshots
cp one.snapshot snapshots/monday
cp one.snapshot snapshots/tuesday
run merge snapshots --save both.snapshot
ends 0
prints '^  afam +50\.0 % +4,870 ' 'Merged from 2 snapshots'
run report both.snapshot --format json
prints '"requests":4870'
printf 'user,arm,time\na,x,100\nb,y,200\nc,x,300\n' >exposures.csv
printf 'user,metric,value,time\na,click,1,150\nb,click,1,900\nc,click,1,350\nz,click,1,1\n' >outcomes.csv
run analyze exposures.csv outcomes.csv --conversion click --matures-after click=10m --shares 0.5,0.5
ends 0
prints '1 outcomes? after the window|outcomes after the window of their metric' 'outcomes without an exposure' 'click counts what came within 600'
run analyze exposures.csv outcomes.csv --conversion click --sorted --quiet
ends 0
run analyze exposures.csv outcomes.csv --conversion click --matures-after clock=10m
refuses '--matures-after names clock, which is none of the metrics \(see --help\)'
run analyze exposures.csv outcomes.csv --guardrail click=2%
refuses '--guardrail click=2%; allowed: .*'
printf '{"user":"a","arm":"x","time":100,"click":1}\n{"user":"b","arm":"y","time":200,"click":0}\n' >rows.jsonl
run analyze rows.jsonl --metric click
ends 0
prints '^  x +50\.0 % '
printf '{"user":"a","metric":"click","value":1,"time":150}\n' >outcomes.jsonl
run analyze rows.jsonl outcomes.jsonl --conversion click --matures-after click=10s
ends 0
prints 'exposures whose window is not over'
run analyze exposures.csv - --conversion click
refuses 'what comes through a pipe is read once, .*'
output=$("$program" analyze - --metric b --arm a --shares 0.5,0.5 <<<$'a,b\nx,1\ny,2' 2>errors) code=$? errors=$(<errors) line='joust analyze -'
ends 0
prints '^A/B test "-"'
run analyze exposures.csv
refuses 'no metric is given: .*'

# --- plan, verify, replay, assign ----------------------------------------------------------------------------------------------

run plan experiment --units-per-day 2000 --effect 0.01 --baseline 0.1 --out plan.html
ends 0
prints '^  fixed horizon +14\.1 ' '^  group sequential \(recommended\) ' '^ +0\.0100 +80\.0 %'
grep -q '<svg class="chart"' plan.html || fail 'the page of the plan has no picture'
run plan canary --requests-per-second 10 --units 20000 --rollouts 100 --quiet --format markdown
ends 0
prints '^\| *equal '
run plan experiment --units-per-day 2000 --effect 0.01
refuses 'give --baseline, .*'
audit=$root/tests/fuzz/corpus/audit/whole
run verify "$audit"
ends 0
prints 'the audit log is whole: 3 lines'
run replay "$audit" --format json
ends 0
prints '"agrees":true'
sed '2s/[0-9]/7/' "$audit" >changed.jsonl
run verify changed.jsonl --format junit
ends 1
prints 'changed: line 2' '<failure'
run replay changed.jsonl
refuses 'changed\.jsonl: the audit log cannot be replayed: changed: line 2.*'
run assign --salt demo --unit alice --unit bob --shares 0.9,0.1 --arms gbdt,dnn
ends 0
prints '^unit "alice"$' '^arm 0, propensity 0\.9, enrolled: gbdt$' 'XXH64 of "demo/bob"'

printf '%d checks, %d failed\n' "$checks" "$failures"
exit $((failures > 0))
