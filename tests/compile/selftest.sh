#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: selftest.sh COMPILER FLAGS_FILE
#
# Proves that run.sh reports each way in which a case can be wrong, with file and line.
set -u
here=$(cd "$(dirname "$0")" && pwd)
failures=0

expect() # case, line, sentence
{
    local output
    if output=$("$here/run.sh" "$compiler" "$flags" "$here/selftest/$1.cpp" 2>&1); then
        printf 'run.sh passed selftest/%s.cpp, which is wrong\n' "$1"
        failures=$((failures + 1))
    elif ! grep -qF -- "selftest/$1.cpp:$2: $3" <<<"$output"; then
        printf 'run.sh did not say "%s" at line %s of selftest/%s.cpp; it said:\n%s\n' "$3" "$2" "$1" "$output"
        failures=$((failures + 1))
    fi
}

compiler=$1 flags=$2
expect wrong_sentence 5 "-DREJECT=1 fails, but the first error does not say: a sentence nobody prints"
expect not_first 8 "-DREJECT=1 fails, but the first error does not say: the second complaint"
expect not_rejected 5 "compiles with -DREJECT=1, which must fail"
expect not_accepted 1 "does not compile with -DACCEPT"
expect no_reject 1 "has no '// REJECT n: sentence'"
((failures == 0)) && printf 'all five wrong cases were reported\n'
exit $((failures > 0))
