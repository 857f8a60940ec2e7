#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: run.sh COMPILER FLAGS_FILE
#
# Compiles names.cpp, which only names types, after <joust/fwd.hpp> alone; then followed by joust.hpp, and after it. That each
# declaration agrees with its definition is looked at by scripts/lint_fwd.sh, and seen by the compiler in tests/odr.cpp, which reads
# every header in both orders.
set -eu
export LC_ALL=C
compiler=$1 flags=$2
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

compile() # what is tried, source
{
    if ! "$compiler" @"$flags" -Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only "$2"; then
        echo "$1: does not compile"
        exit 1
    fi
    echo "$1: compiles"
}

printf '#include <joust/fwd.hpp>\n#include "%s/names.cpp"\n' "$here" >"$scratch/alone.cpp"
compile "names after fwd.hpp alone" "$scratch/alone.cpp"

{
    cat "$scratch/alone.cpp"
    printf '#include <joust/joust.hpp>\n#include "%s/complete.cpp"\n' "$here"
} >"$scratch/before.cpp"
compile "fwd.hpp before joust.hpp" "$scratch/before.cpp"

{
    printf '#include <joust/joust.hpp>\n'
    cat "$scratch/alone.cpp"
    printf '#include "%s/complete.cpp"\n' "$here"
} >"$scratch/after.cpp"
compile "fwd.hpp after joust.hpp" "$scratch/after.cpp"
