#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: run.sh COMPILER FLAGS_FILE CASE.cpp
#
# A case is compiled once with -DACCEPT, which must succeed, and once for each line
#     // REJECT n: sentence
# with -DREJECT=n, which must fail, and the first error printed must contain the sentence. "// REJECT n anywhere: sentence"
# is content with the sentence anywhere in the compiler's output.
#
# All rejections are first compiled together, each in a namespace of its own. One whose first error has the sentence there need
# not be compiled alone.
set -u
export LC_ALL=C
compiler=$1 flags=$2 case=$3
common=(@"$flags" -fmessage-length=0 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror)
failures=0

# The headers of a case are read once, not once for each of its rejections.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
grep -E '^#include <' "$case" >"$scratch/headers.hpp"
if "$compiler" --version | grep -q clang; then
    precompiled=(-include-pch "$scratch/headers.pch")
    one_error=-ferror-limit=1
    all_errors=(-ferror-limit=0 -ftemplate-backtrace-limit=0)
    clang=1
    output=$("$compiler" "${common[@]}" -x c++-header "$scratch/headers.hpp" -o "$scratch/headers.pch" 2>&1)
else
    common+=(--param ggc-min-heapsize=2000000)  # without collecting garbage, which takes a tenth of the time
    precompiled=(-Winvalid-pch -include "$scratch/headers.hpp")
    one_error=-fmax-errors=1
    all_errors=(-ftemplate-backtrace-limit=0)
    clang=0
    output=$("$compiler" "${common[@]}" -x c++-header "$scratch/headers.hpp" -o "$scratch/headers.hpp.gch" 2>&1)
fi
if [[ -n $output ]]; then
    printf '%s: its headers do not compile:\n%s\n' "$case" "$(head -n 30 <<<"$output")"
    exit 1
fi
common+=("${precompiled[@]}" -fsyntax-only)

complain() # line, sentence...
{
    printf '%s:%s: %s\n' "$case" "$1" "${*:2}"
    failures=$((failures + 1))
}

if ! output=$("$compiler" "${common[@]}" -DACCEPT "$case" 2>&1); then
    complain 1 "does not compile with -DACCEPT:"
    printf '%s\n' "$output" | head -n 30
fi

awk '
    /^#if REJECT == [0-9]+$/ { inside = 1; depth = 0; print "namespace reject_" $4 " {"; next }
    inside && /^#if/ { ++depth }
    inside && /^#endif/ && depth-- == 0 { inside = 0; print "}"; next }
    { print }' "$case" >"$scratch/together.cpp"
"$compiler" "${common[@]}" "${all_errors[@]}" "$scratch/together.cpp" >"$scratch/together.log" 2>&1
awk -v source="$scratch/together.cpp" -v clang="$clang" -f "${0%/*}/together.awk" "$case" "$scratch/together.log" \
    >"$scratch/first_errors"

rejects=0 alone=0
while IFS=: read -r line rest; do
    rejects=$((rejects + 1))
    if [[ ! $rest =~ ^[[:space:]]*//\ REJECT\ ([0-9]+)(\ anywhere)?:\ (.+)$ ]]; then
        complain "$line" "is no '// REJECT n: sentence'"
        continue
    fi
    number=${BASH_REMATCH[1]} anywhere=${BASH_REMATCH[2]} sentence=${BASH_REMATCH[3]}
    if sed -n "s/^$number //p" "$scratch/first_errors" | grep -qF -- "$sentence"; then
        continue
    fi
    alone=$((alone + 1))
    # Where the first error is what counts, the compiler need not look for others.
    limit=()
    [[ -n $anywhere ]] || limit=("$one_error")
    if output=$("$compiler" "${common[@]}" "${limit[@]}" -DREJECT="$number" "$case" 2>&1); then
        complain "$line" "compiles with -DREJECT=$number, which must fail"
        continue
    fi
    searched=$output
    if [[ -z $anywhere ]]; then
        searched=$(grep -m 1 -E '(^|[ :])(fatal )?error: ' <<<"$output")
    fi
    if ! grep -qF -- "$sentence" <<<"$searched"; then
        speaker="first error"
        [[ -n $anywhere ]] && speaker="compiler"
        complain "$line" "-DREJECT=$number fails, but the $speaker does not say: $sentence"
        printf '%s\n' "$output" | head -n 20
    fi
done < <(grep -nE '// REJECT [0-9]' "$case")

if ((rejects == 0)); then
    complain 1 "has no '// REJECT n: sentence'"
fi
if ((failures == 0)); then
    printf '%s: accepted, and %d rejected in the words expected, %d of them compiled alone\n' "${case##*/}" "$rejects" "$alone"
fi
exit $((failures > 0))
