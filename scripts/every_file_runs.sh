#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# every_file_runs.sh BUILD...: says which test files no test of these configured build folders runs, and fails if there are any.
# A file tests/ROOM/.../NAME.cpp is run by the test ROOM.NAME. The folders that are left out below hold programs that scripts compile or
# that run for minutes, and the files what needs a library that may not be installed.
set -euo pipefail
cd "$(dirname "$0")/.."

files=$(find tests -mindepth 2 -name '*.cpp' |
    grep -vE '^tests/(chaos|compile|consumer|forward|headers|lint|portability|release|site|soak|fuzz/driver)/' |
    grep -vE '^tests/integration/(gtest|postgres|prometheus|redis|spdlog)[a-z_]*[.]cpp$' |
    sed -E 's|^tests/([^/]+)/(.*/)?([^/]+)\.cpp$|\1.\3|' | sort -u)
tests=$(for build in "$@"; do ctest --test-dir "$build" -N; done | sed -nE 's/^ *Test +#[0-9]+: //p' | sort -u)

forgotten=$(comm -23 <(printf '%s\n' "$files") <(printf '%s\n' "$tests"))
if [[ -n $forgotten ]]; then
    printf 'in no build of this run: %s\n' $forgotten
    exit 1
fi
printf 'each of %d test files is in a build of this run\n' "$(wc -l <<<"$files")"
